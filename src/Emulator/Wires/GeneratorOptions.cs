using System.Globalization;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

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

    internal override Wire Open(WireSite site) => new GeneratorWire(this, site.Time, site.ReceiverMac);

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
