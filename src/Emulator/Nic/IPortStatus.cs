using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a port says of itself, to whoever asks.</summary>
public interface IPortStatus
{
    NicOptions Options { get; }

    LinkState Link { get; }

    PortCounters Counters { get; }
}
