using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>What the far end of a port's cable is to be: one type for each kind of wire.</summary>
public abstract record WireOptions
{
    private const string Grammar =
        "give tap:NAME, if:NAME, pcap:IN[:OUT], cable:PORT, generator[:KEY=VALUE...] or sink";

    /// <summary>No cable; another port's <c>cable:</c> may still lead here.</summary>
    public static WireOptions Unplugged { get; } = new CableOptions(null);

    /// <summary>As it was given: <c>tap:far</c>.</summary>
    public string Text { get; internal init; } = "none";

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
                _ = GeneratorOptions.TryParseList(rest, out options, out error);
                break;
            default:
                error = $"wire={text}: {Grammar}";
                break;
        }

        options = options with { Text = text };
        return error.Length == 0;
    }

    /// <summary>Lays the wire to a port.</summary>
    /// <exception cref="InvalidOperationException">It can't be laid; the message says why and what helps.</exception>
    internal abstract Wire Open(WireSite site);

    private static bool IsInterfaceName(string name) => NicOptions.CheckName(name).Length == 0;
}

/// <summary>A TAP interface of that name: what Linux sends to it is what the port receives.</summary>
public sealed record TapOptions(string Name) : WireOptions
{
    internal override Wire Open(WireSite site) => new TapWire(Name);
}

/// <summary>An existing interface, such as one end of a veth pair.</summary>
public sealed record InterfaceOptions(string Name) : WireOptions
{
    internal override Wire Open(WireSite site) => new InterfaceWire(Name);
}

/// <summary>A cable to another emulated port of this process; null: none from this side.</summary>
public sealed record CableOptions(string? Port) : WireOptions
{
    internal override Wire Open(WireSite site) => site.Cables.Plug(site.Port, Port);
}

/// <summary>Frames come from one capture file, and go to another.</summary>
public sealed record PcapOptions(string InPath, string? OutPath) : WireOptions
{
    internal override Wire Open(WireSite site) => new PcapWire(InPath, OutPath, site.Time, site.HasReceiver);
}

/// <summary>Frames are counted and vanish.</summary>
public sealed record SinkOptions : WireOptions
{
    internal override Wire Open(WireSite site) => new SinkWire();
}

/// <summary>Where a wire ends.</summary>
/// <param name="Port">Name of the port.</param>
/// <param name="Cables">The panel of all ports of the process.</param>
/// <param name="Time">The clock.</param>
/// <param name="ReceiverMac">Address of the first unicast flow on the port, if there is one.</param>
/// <param name="HasReceiver">Whether a flow on the port takes unicast frames.</param>
/// <param name="Netdev">The port's netdev.</param>
/// <param name="Counters">The port's counters.</param>
/// <param name="Behaviour">What the NIC does one way or another.</param>
internal sealed record WireSite(
    string Port,
    PatchPanel Cables,
    TimeProvider Time,
    Func<MacAddress?> ReceiverMac,
    Func<bool> HasReceiver,
    HostNetdev Netdev,
    PortCounters Counters,
    NicBehaviour Behaviour);
