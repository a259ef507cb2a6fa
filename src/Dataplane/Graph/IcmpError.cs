using Verbena.Packets;

namespace Verbena.Dataplane.Graph;

/// <summary>Which ICMP error a packet is to be answered with, as it travels in <see cref="BufferHeader.IcmpError"/>.</summary>
/// <param name="Value">Type, code and next-hop MTU from the most significant byte on.</param>
internal readonly record struct IcmpError(uint Value)
{
    /// <summary>RFC 792 and RFC 1812, 5.2.7.1: the codes of "destination unreachable".</summary>
    public static IcmpError NetUnreachable { get; } = Unreachable(0);

    public static IcmpError HostUnreachable { get; } = Unreachable(1);

    public static IcmpError ProtocolUnreachable { get; } = Unreachable(2);

    public static IcmpError PortUnreachable { get; } = Unreachable(3);

    public static IcmpError TimeExceeded { get; } = new((uint)IcmpHeader.TimeExceeded << 24);

    /// <summary>RFC 792: "fragment reassembly time exceeded".</summary>
    public static IcmpError ReassemblyTimeExceeded { get; } = new(TimeExceeded.Value | (1 << 16));

    public byte Type => (byte)(Value >> 24);

    public byte Code => (byte)(Value >> 16);

    public ushort NextHopMtu => (ushort)Value;

    /// <summary>RFC 1191, 4: tells the sender how long a packet may be.</summary>
    public static IcmpError FragmentationNeeded(int nextHopMtu) => new(Unreachable(4).Value | (ushort)nextHopMtu);

    private static IcmpError Unreachable(uint code) => new(((uint)IcmpHeader.DestinationUnreachable << 24) | (code << 16));
}
