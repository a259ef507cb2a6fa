using System.Reflection;

namespace Verbena.Tests.Architecture;

/// <summary>Holds ARCHITECTURE.md's table of who may refer to whom against the assemblies.</summary>
public sealed class LayerTests
{
    private static readonly Dictionary<string, string[]> s_mayReferTo = new(StringComparer.Ordinal)
    {
        ["Verbena.Packets"] = [],
        ["Verbena.Interop"] = ["Verbena.Packets"],
        ["Verbena.Driver"] = ["Verbena.Interop", "Verbena.Packets"],
        ["Verbena.Dataplane"] = ["Verbena.Packets"],
        ["Verbena.Emulator"] = ["Verbena.Interop", "Verbena.Packets"],
        ["verbena"] = ["Verbena.Dataplane", "Verbena.Driver", "Verbena.Emulator", "Verbena.Interop", "Verbena.Packets"],
    };

    public static TheoryData<string> Assemblies => new(s_mayReferTo.Keys);

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void An_assembly_refers_only_to_the_layers_below_it(string name)
    {
        IEnumerable<string> ours = Assembly.Load(name).GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(s_mayReferTo.ContainsKey)
            .Except(s_mayReferTo[name], StringComparer.Ordinal);
        Assert.Empty(ours);
    }

    [Fact]
    public void The_driver_package_has_no_dependencies_but_the_runtime()
    {
        IEnumerable<string> foreign = Assembly.Load("Verbena.Driver").GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(reference => !reference.StartsWith("System.", StringComparison.Ordinal) && !s_mayReferTo.ContainsKey(reference));
        Assert.Empty(foreign);
    }
}
