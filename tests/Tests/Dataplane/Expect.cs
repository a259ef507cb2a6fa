using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

/// <summary>Checks of frames that can be strung together: <c>Expect.Ip4(frame).From(a).To(b).Ttl(63)</c>.</summary>
internal static class Expect
{
    /// <summary>An IPv4 frame whose lengths and header checksum are right.</summary>
    public static Ip4Expectation Ip4(byte[] frame)
    {
        Assert.Equal(EtherType.Ip4, Frame.EthernetOf(frame).Type.Value);
        Ip4Header ip = Frame.Ip4HeaderOf(frame);
        Assert.Equal(4, ip.Version);
        Assert.Equal(frame.Length - Frame.Ip4Offset, ip.TotalLength.Value);
        Assert.True(Checksum.IsValid(frame.AsSpan(Frame.Ip4Offset, ip.HeaderBytes)), "the IPv4 header checksum is right");
        return new Ip4Expectation(frame);
    }

    public static ArpExpectation Arp(byte[] frame, ushort operation)
    {
        Assert.Equal(EtherType.Arp, Frame.EthernetOf(frame).Type.Value);
        Assert.Equal(operation, Frame.ArpOf(frame).Operation.Value);
        return new ArpExpectation(frame);
    }
}

internal sealed class Ip4Expectation(byte[] frame)
{
    private ReadOnlySpan<byte> Payload => frame.AsSpan(Frame.Ip4Offset + Frame.Ip4HeaderOf(frame).HeaderBytes);

    public Ip4Expectation MacFrom(string address) => Check(MacAddress.Parse(address), Frame.EthernetOf(frame).Source);

    public Ip4Expectation MacTo(string address) => Check(MacAddress.Parse(address), Frame.EthernetOf(frame).Destination);

    public Ip4Expectation From(string address) => Check(Ip4Address.Parse(address), Frame.Ip4HeaderOf(frame).Source);

    public Ip4Expectation To(string address) => Check(Ip4Address.Parse(address), Frame.Ip4HeaderOf(frame).Destination);

    public Ip4Expectation Ttl(int ttl) => Check(ttl, Frame.Ip4HeaderOf(frame).TimeToLive);

    public Ip4Expectation TypeOfService(byte value) => Check(value, Frame.Ip4HeaderOf(frame).TypeOfService);

    public Ip4Expectation FlagsAndOffset(int value) => Check(value, Frame.Ip4HeaderOf(frame).FlagsAndFragmentOffset.Value);

    public Ip4Expectation TotalLength(int bytes) => Check(bytes, Frame.Ip4HeaderOf(frame).TotalLength.Value);

    /// <summary>The payload equals another frame's.</summary>
    public Ip4Expectation SamePayload(byte[] other) => PayloadEquals(other.AsSpan(Frame.PayloadOffset));

    public Ip4Expectation PayloadEquals(ReadOnlySpan<byte> bytes) => Check(bytes.ToArray(), Payload.ToArray());

    /// <summary>An ICMP message whose checksum is right.</summary>
    public IcmpExpectation Icmp(byte type, byte code)
    {
        _ = Check(IpProtocol.Icmp, Frame.Ip4HeaderOf(frame).Protocol);
        byte[] message = Payload.ToArray();
        Assert.Equal((type, code), (message[0], message[1]));
        Assert.True(Checksum.IsValid(message), "the ICMP checksum is right");
        return new IcmpExpectation(message);
    }

    private Ip4Expectation Check<T>(T expected, T actual)
    {
        Assert.Equal(expected, actual);
        return this;
    }
}

internal sealed class IcmpExpectation(byte[] message)
{
    private IcmpHeader Header => MemoryMarshal.Read<IcmpHeader>(message);

    public IcmpExpectation Echo(ushort identifier, ushort sequence)
    {
        Assert.Equal((identifier, sequence), (Header.Identifier.Value, Header.Sequence.Value));
        return this;
    }

    /// <summary>The message quotes the begin of a frame's IPv4 packet, unchanged.</summary>
    public IcmpExpectation Quotes(byte[] frame)
    {
        byte[] quoted = message[IcmpHeader.Size..];
        Assert.Equal(frame.AsSpan(Frame.Ip4Offset, quoted.Length).ToArray(), quoted);
        return this;
    }

    public IcmpExpectation NextHopMtu(int mtu)
    {
        Assert.Equal(mtu, Header.Sequence.Value);
        return this;
    }
}

internal sealed class ArpExpectation(byte[] frame)
{
    public ArpExpectation MacTo(string address) => Check(MacAddress.Parse(address), Frame.EthernetOf(frame).Destination);

    public ArpExpectation Sender(string macAddress, string address) =>
        Check((MacAddress.Parse(macAddress), Ip4Address.Parse(address)), (Frame.ArpOf(frame).SenderMac, Frame.ArpOf(frame).SenderIp));

    public ArpExpectation Target(string address) => Check(Ip4Address.Parse(address), Frame.ArpOf(frame).TargetIp);

    private ArpExpectation Check<T>(T expected, T actual)
    {
        Assert.Equal(expected, actual);
        return this;
    }
}
