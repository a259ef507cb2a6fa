using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>Builds frames. Each has good checksums and lengths; a test then spoils what it is about.</summary>
internal static class Frame
{
    public const int Ip4Offset = EthernetHeader.Size;
    public const int PayloadOffset = Ip4Offset + Ip4Header.Size;

    /// <summary>From the left host to the left port, which is the router's.</summary>
    public static byte[] Ip4(
        string source, string destination, byte ttl = 64, byte protocol = IpProtocol.Udp, byte[]? payload = null,
        ushort flagsAndOffset = 0, string macDestination = TestRouter.LeftMac, byte[]? options = null)
    {
        payload ??= new byte[26];
        options ??= [];
        byte[] frame = new byte[PayloadOffset + options.Length + payload.Length];
        MemoryMarshal.AsRef<EthernetHeader>(frame.AsSpan()) = new EthernetHeader
        {
            Destination = MacAddress.Parse(macDestination),
            Source = MacAddress.Parse(TestRouter.LeftHostMac),
            Type = EtherType.Ip4,
        };
        Ip4HeaderOf(frame) = new Ip4Header
        {
            VersionAndHeaderLength = (byte)(0x45 + (options.Length / 4)),
            TotalLength = (ushort)(frame.Length - Ip4Offset),
            Identification = 0x1234,
            FlagsAndFragmentOffset = flagsAndOffset,
            TimeToLive = ttl,
            Protocol = protocol,
            Source = Ip4Address.Parse(source),
            Destination = Ip4Address.Parse(destination),
        };
        options.CopyTo(frame, PayloadOffset);
        payload.CopyTo(frame, PayloadOffset + options.Length);
        return SumIp4(frame);
    }

    public static byte[] Icmp(byte type, byte code = 0, ushort identifier = 7, ushort sequence = 1, int payloadBytes = 56)
    {
        byte[] message = new byte[IcmpHeader.Size + payloadBytes];
        for (int i = IcmpHeader.Size; i < message.Length; i++)
        {
            message[i] = (byte)(i * 3);
        }

        ref IcmpHeader icmp = ref MemoryMarshal.AsRef<IcmpHeader>(message.AsSpan());
        icmp = new IcmpHeader { Type = type, Code = code, Identifier = identifier, Sequence = sequence };
        icmp.Checksum = Checksum.Compute(message);
        return message;
    }

    public static byte[] EchoRequest(string source, string destination, int payloadBytes = 56, byte ttl = 64) =>
        Ip4(source, destination, ttl, IpProtocol.Icmp, Icmp(IcmpHeader.EchoRequest, payloadBytes: payloadBytes));

    /// <summary>An ARP packet, padded to the shortest frame.</summary>
    public static byte[] Arp(
        ushort operation, string senderMac, string senderIp, string targetIp, string macDestination = "ff:ff:ff:ff:ff:ff")
    {
        byte[] frame = new byte[EthernetHeader.MinFrameBytes];
        MemoryMarshal.AsRef<EthernetHeader>(frame.AsSpan()) = new EthernetHeader
        {
            Destination = MacAddress.Parse(macDestination),
            Source = MacAddress.Parse(senderMac),
            Type = EtherType.Arp,
        };
        ArpOf(frame) = new ArpHeader
        {
            HardwareType = ArpHeader.EthernetHardware,
            ProtocolType = EtherType.Ip4,
            HardwareLength = 6,
            ProtocolLength = 4,
            Operation = operation,
            SenderMac = MacAddress.Parse(senderMac),
            SenderIp = Ip4Address.Parse(senderIp),
            TargetIp = Ip4Address.Parse(targetIp),
        };
        return frame;
    }

    public static ref EthernetHeader EthernetOf(byte[] frame) => ref MemoryMarshal.AsRef<EthernetHeader>(frame.AsSpan());

    public static ref Ip4Header Ip4HeaderOf(byte[] frame) => ref MemoryMarshal.AsRef<Ip4Header>(frame.AsSpan(Ip4Offset));

    public static ref ArpHeader ArpOf(byte[] frame) => ref MemoryMarshal.AsRef<ArpHeader>(frame.AsSpan(Ip4Offset));

    /// <summary>Makes the header checksum right again after a change.</summary>
    public static byte[] SumIp4(byte[] frame)
    {
        ref Ip4Header ip = ref Ip4HeaderOf(frame);
        ip.Checksum = 0;
        ip.Checksum = Checksum.Compute(frame.AsSpan(Ip4Offset, Math.Min(ip.HeaderBytes, frame.Length - Ip4Offset)));
        return frame;
    }
}
