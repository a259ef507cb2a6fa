using System.Buffers.Binary;
using System.Net;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Packets with right checksums.</summary>
internal static class Frames
{
    public static byte[] Tcp(IPAddress source, int sourcePort, IPAddress destination, int destinationPort) =>
        Build(source, sourcePort, destination, destinationPort, IpProtocol.Tcp, 20);

    public static byte[] Udp(string source, string destination, string mac = "02:00:00:00:00:01", int length = 64)
    {
        byte[] frame = Build(IPAddress.Parse(source), 1000, IPAddress.Parse(destination), 2000, IpProtocol.Udp, length - 34);
        MacAddress.Parse(mac).CopyTo(frame);
        return frame;
    }

    private static byte[] Build(IPAddress source, int sourcePort, IPAddress destination, int destinationPort, byte protocol, int transportBytes)
    {
        byte[] from = source.GetAddressBytes();
        bool isIp4 = from.Length == 4;
        int header = isIp4 ? 20 : 40;
        byte[] frame = new byte[14 + header + transportBytes];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), isIp4 ? EtherType.Ip4 : EtherType.Ip6);
        Span<byte> ip = frame.AsSpan(14);
        ip[0] = isIp4 ? (byte)0x45 : (byte)0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip[(isIp4 ? 2 : 4)..], (ushort)(isIp4 ? header + transportBytes : transportBytes));
        ip[isIp4 ? 9 : 6] = protocol;
        ip[isIp4 ? 8 : 7] = 64;
        from.CopyTo(ip[(isIp4 ? 12 : 8)..]);
        destination.GetAddressBytes().CopyTo(ip[(isIp4 ? 16 : 24)..]);
        Span<byte> transport = ip[header..];
        BinaryPrimitives.WriteUInt16BigEndian(transport, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(transport[2..], (ushort)destinationPort);
        if (protocol == IpProtocol.Udp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transportBytes);
        }
        else
        {
            transport[12] = 0x50;
        }

        ushort sum = Packet.Sum(from, destination.GetAddressBytes(), [0, protocol, (byte)(transportBytes >> 8), (byte)transportBytes], transport.ToArray());
        BinaryPrimitives.WriteUInt16BigEndian(transport[(protocol == IpProtocol.Udp ? 6 : 16)..], sum);
        if (isIp4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Packet.Sum(ip[..header].ToArray()));
        }

        return frame;
    }
}
