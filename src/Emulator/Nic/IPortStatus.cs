using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a port says of itself, to whoever asks.</summary>
public interface IPortStatus
{
    NicOptions Options { get; }

    LinkState Link { get; }

    /// <summary>How often <see cref="Link"/> has gone down.</summary>
    ulong TimesDown { get; }

    /// <summary>Address of the netdev.</summary>
    MacAddress MacAddress { get; }

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    int Mtu { get; }

    PortCounters Counters { get; }
}
