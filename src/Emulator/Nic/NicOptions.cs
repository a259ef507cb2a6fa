using System.Globalization;
using System.Text;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>How one emulated port is made: <c>NAME[,wire=WIRE][,mac=MAC][,speed=GBPS][,model=MODEL][,mtu=BYTES][,vfs=NUMBER]</c>.</summary>
/// <param name="Name">Name of the netdev that Linux shows for the port, at most 15 bytes.</param>
public sealed record NicOptions(string Name)
{
    /// <summary>Speeds of Ethernet ports that the port query can report, in Gb/s.</summary>
    private static readonly int[] s_speeds = [1, 10, 25, 40, 50, 100, 200, 400, 800];

    private const int MinMtu = 68;   // what a ConnectX's netdev has as least and most
    private const int MaxMtu = 9978;

    /// <summary>What the port's cable leads to. By default there is none, and no carrier.</summary>
    public WireOptions Wire { get; init; } = WireOptions.Unplugged;

    /// <summary>Address of the netdev, if one was given.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary><see cref="Mac"/>, or the address that is made from the name.</summary>
    public MacAddress Address => Mac ?? MacOf(Name);

    /// <summary>MTU with which the netdev begins, in bytes of network packet.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>The form above, as it was read.</summary>
    public string Text { get; private init; } = Name;

    public int SpeedGbps { get; init; } = 100;

    /// <summary>Which NIC it is.</summary>
    public NicModel Model { get; init; } = NicModel.ConnectX5Ex;

    public NicBehaviour Behaviour { get; init; } = new();

    /// <summary>How many virtual functions the port begins with.</summary>
    public int VirtualFunctions { get; init; }

    /// <summary>Which virtual function it is; null: it is a physical one.</summary>
    public VirtualFunction? VirtualFunction { get; private init; }

    /// <summary>These, and the virtual functions that they begin with, in the order of their devices.</summary>
    public static IReadOnlyList<NicOptions> WithFunctions(IReadOnlyList<NicOptions> physical) =>
        [.. physical, .. physical.SelectMany(nic => nic.Functions())];

    /// <summary>How the virtual functions are made that the port begins with.</summary>
    internal IEnumerable<NicOptions> Functions() => Enumerable.Range(0, VirtualFunctions).Select(OfFunction);

    /// <summary>The same virtual function, with a port of the switch as its wire.</summary>
    internal NicOptions On(EmbeddedSwitch eswitch) => this with { Wire = new VportOptions(eswitch, Address) { Text = Wire.Text } };

    /// <summary>How the virtual function of that number is made. The switch that becomes its wire is not there yet.</summary>
    public NicOptions OfFunction(int number)
    {
        var function = new VirtualFunction(Name, number);
        return this with
        {
            Name = function.Name,
            Mac = null,
            Model = Model.OfFunction(),
            Wire = new VportOptions(null, default) { Text = $"vf {number} of {Name}" },
            VirtualFunctions = 0,
            VirtualFunction = function,
        };
    }

    /// <summary>Reads the form above. <paramref name="error"/> is one sentence that says what is allowed.</summary>
    public static bool TryParse(string text, out NicOptions options, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',');
        options = new NicOptions(parts[0]);
        error = CheckName(parts[0]);
        for (int i = 1; i < parts.Length && error.Length == 0; i++)
        {
            string[] pair = parts[i].Split('=', 2);
            error = Apply(ref options, pair[0], pair.Length == 2 ? pair[1] : "");
        }

        options = options with { Text = text };
        error = error.Length == 0 ? CheckFunctions(options) : error;
        return error.Length == 0;
    }

    /// <summary>A locally administered address that is the same for a name at every start (FNV-1a of the name).</summary>
    private static MacAddress MacOf(string name)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ b) * 0x0000_0100_0000_01B3;
        }

        return new MacAddress((hash & 0x00FF_FFFF_FFFF) | 0x0200_0000_0000);
    }

    private static string Apply(ref NicOptions options, string key, string value)
    {
        switch (key)
        {
            case "wire":
                if (!WireOptions.TryParse(value, out WireOptions wire, out string error))
                {
                    return error;
                }

                options = options with { Wire = wire };
                return "";
            case "mac":
                if (!MacAddress.TryParse(value, out MacAddress mac) || mac.IsMulticast || mac.IsZero)
                {
                    return $"mac={value}: give a unicast address such as 02:00:5e:00:00:01";
                }

                options = options with { Mac = mac };
                return "";
            case "speed":
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int speed) || !s_speeds.Contains(speed))
                {
                    return $"speed={value}: give one of {string.Join(", ", s_speeds)} (Gb/s)";
                }

                options = options with { SpeedGbps = speed };
                return "";
            case "model":
                if (NicModel.All.FirstOrDefault(known => known.Name == value) is not { } model)
                {
                    return $"model={value}: give one of {string.Join(", ", NicModel.All.Select(known => known.Name))}";
                }

                options = options with { Model = model };
                return "";
            case "mtu":
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int mtu) || mtu is < MinMtu or > MaxMtu)
                {
                    return $"mtu={value}: give {MinMtu} to {MaxMtu} (bytes of network packet)";
                }

                options = options with { Mtu = mtu };
                return "";
            case "vfs":
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int functions) || functions > VirtualFunction.Max)
                {
                    return $"vfs={value}: give 0 to {VirtualFunction.Max} (virtual functions)";
                }

                options = options with { VirtualFunctions = functions };
                return "";
            default:
                if (options.Behaviour.TryApply(key, value, out NicBehaviour? behaviour, out string? refusal))
                {
                    options = options with { Behaviour = behaviour };
                    return "";
                }

                return refusal ?? $"'{key}' is no option of an emulated NIC: after the name come wire=, mac=, speed=, model=, mtu=, vfs=, {NicBehaviour.Keys}";
        }
    }

    /// <summary>Empty if the virtual functions can have their names, else a sentence.</summary>
    internal static string CheckFunctions(NicOptions options) => options.VirtualFunctions > 0 ? CheckName(options.OfFunction(0).Name) : "";

    /// <summary>The kernel's rule for names of network devices (dev_valid_name), empty if it is kept.</summary>
    internal static string CheckName(string name)
    {
        bool valid = name is { Length: > 0 and <= 15 } and not "." and not ".." && !name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c));
        return valid ? "" : $"'{name}' is no name for a network device: 1 to 15 characters without '/', ':' and spaces";
    }
}
