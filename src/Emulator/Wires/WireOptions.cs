using System.Globalization;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>What the far end of a port's cable is to be: one type for each kind of wire.</summary>
public abstract record WireOptions
{
    private const string Grammar =
        "give tap:NAME, if:NAME, pcap:IN[:OUT], cable:PORT, generator[:KEY=VALUE...] or sink";

    /// <summary>No cable; another port's <c>cable:</c> may still lead here.</summary>
    public static WireOptions Unplugged { get; } = new CableOptions(null);

    /// <summary>Reads a wire. <paramref name="error"/> is one sentence that says what is allowed.</summary>
    public static bool TryParse(string text, out WireOptions options, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':', 2);
        string rest = parts.Length == 2 ? parts[1] : "";
        options = Unplugged;
        error = "";
        switch (parts[0])
        {
            case "tap" when IsInterfaceName(rest):
                options = new TapOptions(rest);
                break;
            case "if" when IsInterfaceName(rest):
                options = new InterfaceOptions(rest);
                break;
            case "cable" when IsInterfaceName(rest):
                options = new CableOptions(rest);
                break;
            case "pcap" when rest.Length > 0:
                string[] files = rest.Split(':', 2);
                options = new PcapOptions(files[0], files.Length == 2 && files[1].Length > 0 ? files[1] : null);
                break;
            case "sink" when parts.Length == 1:
                options = new SinkOptions();
                break;
            case "generator":
                return GeneratorOptions.TryParseList(rest, out options, out error);
            default:
                error = $"wire={text}: {Grammar}";
                break;
        }

        return error.Length == 0;
    }

    private static bool IsInterfaceName(string name) => name.Length is > 0 and <= 15 && !name.Contains('/', StringComparison.Ordinal);
}

/// <summary>A TAP interface of that name: what Linux sends to it is what the port receives.</summary>
public sealed record TapOptions(string Name) : WireOptions;

/// <summary>An existing interface, such as one end of a veth pair.</summary>
public sealed record InterfaceOptions(string Name) : WireOptions;

/// <summary>A cable to another emulated port of this process; null: none from this side.</summary>
public sealed record CableOptions(string? Port) : WireOptions;

/// <summary>Frames come from one capture file, and go to another.</summary>
public sealed record PcapOptions(string InPath, string? OutPath) : WireOptions;

/// <summary>Frames are counted and vanish.</summary>
public sealed record SinkOptions : WireOptions;

/// <summary>Frames are made here as fast as the port takes them; what the port sends is counted as by a sink.</summary>
public sealed record GeneratorOptions : WireOptions
{
    /// <summary>Length of a frame without its FCS, in bytes, from 60 to 9000.</summary>
    public int SizeBytes { get; init; } = 64;

    /// <summary>Number of flows, told apart by the UDP source port.</summary>
    public int Flows { get; init; } = 1;

    /// <summary>Frames to make; 0 for no end.</summary>
    public ulong Count { get; init; }

    /// <summary>Frames per second; 0 for as many as the port takes.</summary>
    public ulong Rate { get; init; }

    public Ip4Address Source { get; init; } = Ip4Address.Parse("198.18.0.1");

    public Ip4Address Destination { get; init; } = Ip4Address.Parse("198.19.0.1");

    /// <summary>Null: the address of the first unicast flow on the port, for which the generator waits.</summary>
    public MacAddress? DestinationMac { get; init; }

    internal static bool TryParseList(string text, out WireOptions options, out string error)
    {
        GeneratorOptions generator = new();
        error = "";
        foreach (string part in text.Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('=', 2);
            if (pair.Length != 2 || !generator.TryWith(pair[0], pair[1], out generator))
            {
                error = $"generator:{part}: options are size=60..9000 (bytes without FCS), flows=1..65536, "
                    + "count=N, rate=PPS, src=IP, dst=IP and dst-mac=xxxx.xxxx.xxxx, separated by colons";
                break;
            }
        }

        options = generator;
        return error.Length == 0;
    }

    private bool TryWith(string key, string value, out GeneratorOptions options)
    {
        options = this;
        bool isNumber = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number);
        bool isAddress = Ip4Address.TryParse(value, out Ip4Address ip);
        bool isMac = MacAddress.TryParse(value, out MacAddress mac) && !mac.IsMulticast;
        GeneratorOptions? changed = key switch
        {
            "size" when isNumber && number is >= 60 and <= 9000 => this with { SizeBytes = (int)number },
            "flows" when isNumber && number is >= 1 and <= 65536 => this with { Flows = (int)number },
            "count" when isNumber => this with { Count = number },
            "rate" when isNumber => this with { Rate = number },
            "src" when isAddress => this with { Source = ip },
            "dst" when isAddress => this with { Destination = ip },
            "dst-mac" when isMac => this with { DestinationMac = mac },
            _ => null,
        };
        options = changed ?? this;
        return changed is not null;
    }
}
