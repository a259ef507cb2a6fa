namespace Verbena.Driver;

/// <summary>What a port in dv mode writes into the header of each buffer that it receives, beyond the packet's length.</summary>
[Flags]
public enum RxMetadata
{
    None = 0,

    /// <summary>The NIC takes VLAN tags out of the packets, and their headers tell them (<see cref="Packets.BufferHeader.VlanTag"/>).</summary>
    VlanTag = 1,

    /// <summary><see cref="Packets.BufferHeader.RssHash"/>.</summary>
    RssHash = 2,

    /// <summary><see cref="Packets.BufferHeader.FlowTag"/>: a <see cref="SteeringTag"/>.</summary>
    FlowTag = 4,

    /// <summary><see cref="Packets.BufferHeader.Timestamp"/>. Completions are not compressed then, since a session has one time for all.</summary>
    Timestamp = 8,
}
