namespace Verbena.Driver;

/// <summary>By which rule of its port a packet came: its flow tag, where <see cref="RxMetadata.FlowTag"/> is asked for.</summary>
public enum SteeringTag : uint
{
    /// <summary>Packets are not tagged.</summary>
    None,

    /// <summary>The one for the port's own address.</summary>
    Address,

    /// <summary>The one for group addresses, broadcast among them.</summary>
    Groups,

    /// <summary>The one for other unicast addresses.</summary>
    Promiscuous,
}
