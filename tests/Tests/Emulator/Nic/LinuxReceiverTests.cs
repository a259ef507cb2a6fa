using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Verbena.Emulator.Wires;
using Verbena.Interop.Mlx5;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Linux at the far end judges what the NIC has completed: it takes no packet whose checksums or lengths are wrong.</summary>
public sealed class LinuxReceiverTests : IDisposable
{
    private const byte Sums = Mlx5Wqe.MLX5_ETH_WQE_L3_CSUM | Mlx5Wqe.MLX5_ETH_WQE_L4_CSUM;
    private const uint Sequence = 0xFFFF_FF00;

    private readonly string _tap = $"vt{RandomNumberGenerator.GetHexString(8, true)}";
    private readonly TestPort _port;
    private readonly TestProgram _program;

    public LinuxReceiverTests()
    {
        _port = new TestPort(new TapOptions(_tap));
        _program = new TestProgram(_port.Nic, sendBlocks: 32);
        Ip("link set dev {0} address 02:00:00:00:00:05 mtu 1500"); // the addresses are those of Packet
        Ip("addr add 192.168.200.9/32 dev {0}");
        Ip("route add 10.1.2.3/32 dev {0}");
        Ip("neigh add 10.1.2.3 lladdr 02:00:00:00:00:99 dev {0}");
        Ip("-6 addr add 2001:db8::ffff:9/128 dev {0} nodad");
        Ip("-6 route add fd00::1:2:3/128 dev {0}");
        Ip("-6 neigh add fd00::1:2:3 lladdr 02:00:00:00:00:99 dev {0}");
        _port.Run();
    }

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_datagram_comes_out_of_a_socket(bool isIp6)
    {
        using var socket = new UdpClient(new IPEndPoint(isIp6 ? IPAddress.Parse("2001:db8::ffff:9") : IPAddress.Parse("192.168.200.9"), 0));
        socket.Client.ReceiveTimeout = 10_000;
        ushort port = (ushort)((IPEndPoint)socket.Client.LocalEndPoint!).Port;
        byte[] payload = Payload(333);
        byte[] frame = isIp6
            ? Scrambled(Ethernet(0x86DD, Ip6(UdpProtocol, Udp(port, payload))), 60)
            : Scrambled(Ethernet(0x0800, Ip4(UdpProtocol, Udp(port, payload))), 24, 40);
        frame.CopyTo(_program.Buffer(0));
        _program.Ring(_program.WriteSend([], _program.Pointer(0, frame.Length), checksums: Sums));
        _port.Run();
        IPEndPoint? from = null;
        Assert.Equal(payload, socket.Receive(ref from));
    }

    /// <summary>Where nobody listens, Linux answers each segment with a reset that acknowledges its last byte (RFC 9293, 3.10.7.1).</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Each_segment_of_a_large_packet_is_answered_with_a_reset(bool isIp6)
    {
        const int SegmentBytes = 1400;
        const int PayloadBytes = 30_001;
        byte[] tcp = Tcp([], 12, flags: 0x08, Sequence);
        byte[] header = isIp6 ? Ethernet(0x86DD, Ip6(TcpProtocol, tcp)) : Ethernet(0x0800, Ip4(TcpProtocol, tcp));
        for (int buffer = 0; buffer < 16; buffer++)
        {
            Payload(TestProgram.BufferBytes, buffer).CopyTo(_program.Buffer(buffer));
        }

        _program.Ring(_program.WriteWqe(Mlx5Wqe.MLX5_OPCODE_TSO,
            [.. SendSegments.Ethernet(header, Sums, SegmentBytes), .. _program.Pointer(0, 20_000), .. _program.Pointer(0, PayloadBytes - 20_000)]));

        uint[] expected = [.. Enumerable.Range(1, 22).Select(i => Sequence + (uint)Math.Min(i * SegmentBytes, PayloadBytes))];
        int network = isIp6 ? 40 : 20;
        List<uint> acknowledged = [];
        for (int turn = 0; turn < 1000 && acknowledged.Count < expected.Length; turn++)
        {
            _port.Run();
            acknowledged.AddRange(_port.Netdev.Received
                .Where(frame => frame.Length >= 14 + network + 20 && frame[isIp6 ? 20 : 23] == TcpProtocol && (frame[14 + network + 13] & 0x04) != 0)
                .Select(frame => BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(14 + network + 8))));
            _port.Netdev.Received.Clear();
        }

        Assert.Equal(expected, acknowledged);
    }

    private void Ip(string command)
    {
        using Process process = Process.Start("ip", string.Format(System.Globalization.CultureInfo.InvariantCulture, command, _tap));
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {command}");
    }
}
