using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Verbena.Emulator.Record;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Record;

/// <summary>Makes the table by which records tell the fields of C structures, since the emulator itself uses no reflection.</summary>
public sealed class StructureTableTests
{
    private const string Anew = "VERBENA_MAKE_TABLES";
    private static readonly string[] s_frame = ["ib_uverbs_ioctl_hdr", "ib_uverbs_attr"];

    [Fact]
    public void The_table_is_what_the_structures_in_Interop_say()
    {
        string path = Path.Combine(Repository.Root, "src", "Emulator", "Record", "StructureTable.cs");
        if (Environment.GetEnvironmentVariable(Anew) is not null)
        {
            File.WriteAllText(path, Table());
        }

        Assert.True(string.Equals(Table(), File.ReadAllText(path), StringComparison.Ordinal),
            $"{path} is out of date; make it anew by running this test with {Anew}=1 in the environment");
    }

    private static string Table()
    {
        var text = new StringBuilder("""
            namespace Verbena.Emulator.Record;

            /// <summary>The structures of the kernel's interface. Made by tests/Tests/Emulator/Record/StructureTableTests.cs from src/Interop/Uverbs.</summary>
            internal static class StructureTable
            {
                public static Structure[] All { get; } =
                [

            """);
        IEnumerable<Type> types = typeof(CStructAttribute).Assembly.GetTypes()
            .Where(type => type.Namespace == "Verbena.Interop.Uverbs" && type.GetCustomAttribute<CStructAttribute>() is not null)
            .Where(type => !s_frame.Contains(type.Name, StringComparer.Ordinal))
            .OrderBy(type => type.Name, StringComparer.Ordinal);
        foreach (Type type in types)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"        new(\"{type.Name}\", {SizeOf(type)}");
            text.Append(", [");
            foreach (string field in type.GetFields(BindingFlags.Public | BindingFlags.Instance).Where(IsTold).Select(Describe))
            {
                text.Append("\n            ").Append(field).Append(',');
            }

            text.Append("]),\n");
        }

        return text.Append("    ];\n}\n").ToString();
    }

    /// <summary>Reserved bytes mean nothing, nor does the pointer with which commands of the older form begin.</summary>
    private static bool IsTold(FieldInfo field) =>
        !field.Name.StartsWith("reserved", StringComparison.Ordinal) && field.Name != "response";

    private static string Describe(FieldInfo field)
    {
        int offset = (int)Marshal.OffsetOf(field.DeclaringType!, field.Name);
        Type type = field.FieldType;
        string start = $"new(\"{field.Name}\", {offset}, {SizeOf(type)}, FieldKind.";
        FieldKind kind = KindOf(type);
        return kind == FieldKind.Nested ? $"{start}{kind}, \"{type.Name}\")" : $"{start}{kind})";
    }

    private static FieldKind KindOf(Type type)
    {
        if (type == typeof(MacAddress))
        {
            return FieldKind.Mac;
        }

        if (type == typeof(Be16) || type == typeof(Be32) || type == typeof(Be64))
        {
            return FieldKind.Network;
        }

        if (type.IsPrimitive || type.IsEnum)
        {
            return FieldKind.Number;
        }

        return type.GetCustomAttribute<CStructAttribute>() is null ? FieldKind.Bytes : FieldKind.Nested;
    }

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
