using System.Buffers.Binary;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>A frame by its fields, which it can be written from.</summary>
internal sealed record PlannedFrame
{
    public const byte Gre = 47;
    private const ushort Bridging = 0x6558;
    private const ushort VxlanPort = 4789;

    public MacAddress Destination { get; init; }

    public MacAddress Source { get; init; }

    /// <summary>Tag protocol and control information, the outer one first; up to two.</summary>
    public (ushort Protocol, ushort Tag)[] Vlans { get; init; } = [];

    /// <summary>4, 6, or 0 for something else than IP.</summary>
    public int IpVersion { get; init; }

    public UInt128 SourceIp { get; init; }

    public UInt128 DestinationIp { get; init; }

    public byte TrafficClass { get; init; }

    public byte TimeToLive { get; init; } = 64;

    public uint FlowLabel { get; init; }

    public byte Protocol { get; init; }

    public bool IsFragment { get; init; }

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    public byte TcpFlags { get; init; }

    /// <summary>With an <see cref="Inner"/> frame: the VXLAN network identifier, or the key of GRE.</summary>
    public uint TunnelId { get; init; }

    /// <summary>What a tunnel carries: VXLAN over UDP, else GRE with a key.</summary>
    public PlannedFrame? Inner { get; init; }

    public bool IsVxlan => Inner is not null && Protocol == IpProtocol.Udp;

    public bool IsGre => Inner is not null && Protocol == Gre;

    public ushort EtherType => IpVersion switch { 4 => global::Verbena.Packets.EtherType.Ip4, 6 => global::Verbena.Packets.EtherType.Ip6, _ => global::Verbena.Packets.EtherType.Arp };

    public byte[] ToBytes()
    {
        List<byte> bytes = [];
        Span<byte> address = stackalloc byte[6];
        Destination.CopyTo(address);
        bytes.AddRange(address);
        Source.CopyTo(address);
        bytes.AddRange(address);
        foreach ((ushort protocol, ushort tag) in Vlans)
        {
            Add16(bytes, protocol);
            Add16(bytes, tag);
        }

        Add16(bytes, EtherType);
        bytes.AddRange(IpVersion switch { 4 => Ip4(), 6 => Ip6(), _ => new byte[46] });
        return [.. bytes];
    }

    private byte[] Ip4()
    {
        byte[] payload = Transport();
        byte[] header = new byte[20];
        header[0] = 0x45;
        header[1] = TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(header.Length + payload.Length));
        header[6] = IsFragment ? (byte)0x20 : (byte)0;
        header[8] = TimeToLive;
        header[9] = Protocol;
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), (uint)SourceIp);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(16), (uint)DestinationIp);
        return [.. header, .. payload];
    }

    private byte[] Ip6()
    {
        byte[] payload = Transport();
        byte[] header = new byte[40];
        BinaryPrimitives.WriteUInt32BigEndian(header, 0x6000_0000 | ((uint)TrafficClass << 20) | FlowLabel);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)payload.Length);
        header[6] = Protocol;
        header[7] = TimeToLive;
        BinaryPrimitives.WriteUInt128BigEndian(header.AsSpan(8), SourceIp);
        BinaryPrimitives.WriteUInt128BigEndian(header.AsSpan(24), DestinationIp);
        return [.. header, .. payload];
    }

    private byte[] Transport()
    {
        List<byte> bytes = [];
        if (IsGre)
        {
            Add16(bytes, 0x2000);
            Add16(bytes, Bridging);
            Add32(bytes, TunnelId);
            return [.. bytes, .. Inner!.ToBytes()];
        }

        Add16(bytes, SourcePort);
        Add16(bytes, IsVxlan ? VxlanPort : DestinationPort);
        if (Protocol != IpProtocol.Udp)
        {
            return [.. bytes, .. new byte[8], 0x50, TcpFlags, .. new byte[16]];
        }

        byte[] payload = IsVxlan ? [8, 0, 0, 0, .. BigEndian(TunnelId << 8), .. Inner!.ToBytes()] : new byte[24];
        Add16(bytes, (ushort)(8 + payload.Length));
        Add16(bytes, 0);
        return [.. bytes, .. payload];
    }

    private static void Add16(List<byte> bytes, ushort value) => bytes.AddRange([(byte)(value >> 8), (byte)value]);

    private static void Add32(List<byte> bytes, uint value) => bytes.AddRange(BigEndian(value));

    private static byte[] BigEndian(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
