using System.Buffers.Binary;
using System.Net;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Builds packets from the inside out, with right lengths and checksums. It shares no code with what it tests.</summary>
internal static class Packet
{
    public const byte TcpProtocol = 6;
    public const byte UdpProtocol = 17;
    public const byte GreProtocol = 47;

    public static byte[] Payload(int length, int seed = 1)
    {
        byte[] payload = new byte[length];
        new Random(seed).NextBytes(payload);
        return payload;
    }

    public static byte[] Ethernet(ushort type, byte[] payload, params (ushort Type, ushort Tag)[] tags)
    {
        byte[] frame = Convert.FromHexString("020000000005020000000099");
        foreach ((ushort tagType, ushort tag) in tags)
        {
            frame = [.. frame, .. Bytes(tagType), .. Bytes(tag)];
        }

        return [.. frame, .. Bytes(type), .. payload];
    }

    /// <summary>Completes the transport's checksum too, if it has one.</summary>
    public static byte[] Ip4(byte protocol, byte[] payload, int optionBytes = 0, ushort identification = 0x1234, ushort fragment = 0x4000, bool sums = true)
    {
        byte[] header = new byte[20 + optionBytes];
        header[0] = (byte)(0x40 | (header.Length / 4));
        Put(header, 2, (ushort)(header.Length + payload.Length));
        Put(header, 4, identification);
        Put(header, 6, fragment);
        (header[8], header[9]) = (64, protocol);
        IPAddress.Parse("10.1.2.3").GetAddressBytes().CopyTo(header, 12);
        IPAddress.Parse("192.168.200.9").GetAddressBytes().CopyTo(header, 16);
        Array.Fill(header, (byte)1, 20, optionBytes); // "no operation"
        Put(header, 10, Sum(header));
        return [.. header, .. sums ? WithSum(protocol, payload, header[12..20]) : payload];
    }

    public static byte[] Ip6(byte protocol, byte[] payload, bool sums = true) => [.. Ip6Header(protocol, payload.Length),
        .. sums ? WithSum(protocol, payload, Ip6Header(protocol, payload.Length)[8..40]) : payload];

    /// <summary>With a hop-by-hop header of padding in front of the transport.</summary>
    public static byte[] Ip6WithHopByHop(byte protocol, byte[] payload) => [.. Ip6Header(0, payload.Length + 8), protocol, 0, 1, 4, 0, 0, 0, 0,
        .. WithSum(protocol, payload, Ip6Header(0, payload.Length + 8)[8..40])];

    public static byte[] Udp(ushort port, byte[] payload) => [.. Bytes(1000), .. Bytes(port), .. Bytes((ushort)(8 + payload.Length)), 0, 0, .. payload];

    public static byte[] Tcp(byte[] payload, int optionBytes = 0, byte flags = 0x18, uint sequence = 0xFFFF_FF00)
    {
        byte[] header = new byte[20 + optionBytes];
        Put(header, 0, 1000);
        Put(header, 2, 2000);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), sequence);
        (header[12], header[13]) = ((byte)(header.Length / 4 << 4), flags);
        Put(header, 14, 0x0400);
        Array.Fill(header, (byte)1, 20, optionBytes);
        return [.. header, .. payload];
    }

    public static byte[] Vxlan(byte[] frame) => Udp(4789, [8, 0, 0, 0, 0, 0, 42, 0, .. frame]);

    public static byte[] Geneve(ushort type, byte[] payload, int optionBytes = 0) =>
        Udp(6081, [(byte)(optionBytes / 4), 0, .. Bytes(type), 0, 0, 42, 0, .. new byte[optionBytes], .. payload]);

    public static byte[] Gre(ushort type, byte[] payload, byte flags = 0)
    {
        int options = int.PopCount(flags & 0xB0) * 4;
        return [flags, 0, .. Bytes(type), .. new byte[options], .. payload];
    }

    /// <summary>A copy with nonsense in the two bytes at each of these places.</summary>
    public static byte[] Scrambled(byte[] frame, params int[] places)
    {
        byte[] copy = [.. frame];
        foreach (int place in places)
        {
            Put(copy, place, 0xDEAD);
        }

        return copy;
    }

    /// <summary>The Internet checksum, word by word as RFC 1071 describes it.</summary>
    public static ushort Sum(params byte[][] parts)
    {
        byte[] all = [.. parts.SelectMany(part => part), 0];
        uint sum = 0;
        for (int i = 0; i + 1 < all.Length; i += 2)
        {
            sum += (uint)((all[i] << 8) | all[i + 1]);
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    private static byte[] Ip6Header(byte protocol, int payloadBytes)
    {
        byte[] header = new byte[40];
        header[0] = 0x60;
        Put(header, 4, (ushort)payloadBytes);
        (header[6], header[7]) = (protocol, 64);
        IPAddress.Parse("fd00::1:2:3").GetAddressBytes().CopyTo(header, 8);
        IPAddress.Parse("2001:db8::ffff:9").GetAddressBytes().CopyTo(header, 24);
        return header;
    }

    private static byte[] WithSum(byte protocol, byte[] transport, byte[] addresses)
    {
        int field = protocol switch { TcpProtocol => 16, UdpProtocol => 6, _ => -1 };
        if (field >= 0)
        {
            ushort sum = Sum(addresses, [0, protocol], Bytes((ushort)transport.Length), transport);
            Put(transport, field, protocol == UdpProtocol && sum == 0 ? (ushort)0xFFFF : sum);
        }

        return transport;
    }

    private static byte[] Bytes(ushort value) => [(byte)(value >> 8), (byte)value];

    private static void Put(byte[] target, int place, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(target.AsSpan(place), value);
}
