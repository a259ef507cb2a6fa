using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;
using static Verbena.Tests.Emulator.Nic.Packet;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What the real libmlx5 makes of requests to send, through a cable to a receiver that is the real libmlx5 too.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class SendVerbsTests : IDisposable
{
    private const int Slots = 4; // receive buffers of 2 KiB
    private readonly string _near = $"vt{RandomNumberGenerator.GetHexString(8, true)}a";
    private readonly string _far = $"vt{RandomNumberGenerator.GetHexString(8, true)}b";
    private EmulatedNics? _nics;
    private VerbsProgram? _receiver;
    private SendProgram? _sender;
    private int _posted;

    private SendProgram Sender => _sender!;

    public void Dispose()
    {
        _sender?.Dispose();
        _receiver?.Dispose();
        IReadOnlyList<string> violations = _nics is null ? [] : _nics.Devices[_near].Conformance.Violations;
        _nics?.Dispose();
        Assert.Empty(violations);
    }

    [Theory]
    [InlineData("connectx-4")]
    [InlineData("connectx-5")]
    public void Pieces_inline_data_and_checksums_arrive_as_one_frame(string model)
    {
        Start(model);
        byte[] frame = Ethernet(0x0800, Ip4(UdpProtocol, Udp(2000, Payload(200))));
        byte[] scrambled = Scrambled(frame, 24, 40);
        for (int i = 0; i < 20; i++) // more than a lap
        {
            int pieces = 1 + (i % SendProgram.MaxPieces);
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, pieces)));
            Assert.Equal(frame, Receive());
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, pieces), ibv_send_flags.IBV_SEND_INLINE));
            Assert.Equal(frame, Receive());
            Assert.Equal(0, Sender.Post(Sender.Pieces(scrambled, pieces), ibv_send_flags.IBV_SEND_IP_CSUM));
            Assert.Equal(frame, Receive());
            Assert.Equal(0, Sender.Post(Sender.Pieces(scrambled, pieces), ibv_send_flags.IBV_SEND_IP_CSUM | ibv_send_flags.IBV_SEND_INLINE));
            Assert.Equal(frame, Receive());
            AssertCompleted(4);
        }
    }

    [Fact]
    public void A_large_packet_is_cut_by_the_old_interface_and_by_the_new_one()
    {
        Start();
        byte[] payload = Payload(2500);
        byte[] header = Build([], 0, 0x99);
        byte[][] expected = [Build(payload[..1000], 0, 0x90), Build(payload[1000..2000], 1, 0x10), Build(payload[2000..], 2, 0x19)];
        for (int i = 0; i < 20; i++)
        {
            ibv_sge[] list = Sender.Pieces(payload, 1 + (i % 4));
            Assert.Equal(0, Sender.Post(list, ibv_send_flags.IBV_SEND_IP_CSUM, header, 1000));
            Assert.Equal(expected, Receive(3));

            fixed (ibv_sge* pieces = list)
            fixed (byte* tsoHeader = header)
            {
                Begin(ibv_send_flags.IBV_SEND_SIGNALED | ibv_send_flags.IBV_SEND_IP_CSUM);
                Sender.Extended->wr_send_tso(Sender.Extended, tsoHeader, (ushort)header.Length, 1000);
                Sender.Extended->wr_set_sge_list(Sender.Extended, (nuint)list.Length, pieces);
                Assert.Equal(0, Sender.Extended->wr_complete(Sender.Extended));
            }

            Assert.Equal(expected, Receive(3));
            AssertCompleted(2);
        }

        // CWR goes with the first segment, PSH and FIN with the last.
        static byte[] Build(byte[] payload, int index, byte flags) => Ethernet(0x0800,
            Ip4(TcpProtocol, Tcp(payload, 12, flags, 0xFFFF_FF00 + (uint)(index * 1000)), 0, (ushort)(0xFFFE + index)));
    }

    [Fact]
    public void One_doorbell_of_the_new_interface_sends_all_that_was_put_together()
    {
        Start();
        byte[][] frames = [.. Enumerable.Range(0, 4).Select(i => Ethernet(0x88B5, Payload(60 + i, i)))];
        for (int lap = 0; lap < 20; lap++)
        {
            ibv_qp_ex* qp = Sender.Extended;
            qp->wr_start(qp);
            for (int i = 0; i < frames.Length; i++)
            {
                fixed (byte* data = frames[i])
                {
                    qp->wr_id = 7;
                    qp->wr_flags = i == frames.Length - 1 ? (uint)ibv_send_flags.IBV_SEND_SIGNALED : 0;
                    qp->wr_send(qp);
                    SetData(qp, i, data, frames[i]);
                }
            }

            Assert.Equal(0, qp->wr_complete(qp));
            Assert.Equal(frames, Receive(frames.Length));
            AssertCompleted(1);
        }
    }

    private void SetData(ibv_qp_ex* qp, int way, byte* data, byte[] frame)
    {
        const int Split = 21;
        ibv_data_buf* buffers = stackalloc ibv_data_buf[2];
        buffers[0] = new ibv_data_buf { addr = data, length = Split };
        buffers[1] = new ibv_data_buf { addr = data + Split, length = (nuint)frame.Length - Split };
        switch (way)
        {
            case 0:
                frame.CopyTo(new Span<byte>(Sender.At(4096), frame.Length));
                qp->wr_set_sge(qp, Sender.Lkey, (ulong)Sender.At(4096), (uint)frame.Length);
                break;
            case 1:
                fixed (ibv_sge* pieces = Sender.Pieces(frame, 3))
                {
                    qp->wr_set_sge_list(qp, 3, pieces);
                }

                break;
            case 2:
                qp->wr_set_inline_data(qp, data, (nuint)frame.Length);
                break;
            default:
                qp->wr_set_inline_data_list(qp, 2, buffers);
                break;
        }
    }

    [Fact]
    public void A_single_request_goes_through_the_write_combining_window_and_several_through_the_register()
    {
        Start();
        byte[] frame = Ethernet(0x88B5, Payload(100));
        Assert.False(WindowHasMoreThanDoorbells());
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, 1), ibv_send_flags.IBV_SEND_INLINE));
            Assert.Equal(frame, Receive());
        }

        Assert.True(WindowHasMoreThanDoorbells(), "libmlx5 has copied the WQE");
        AssertCompleted(2);
    }

    [Fact]
    public void After_a_wrong_key_the_queue_flushes_and_works_again_when_it_was_reset()
    {
        Start();
        byte[] frame = Ethernet(0x88B5, Payload(100));
        for (int i = 0; i < 3; i++)
        {
            ibv_sge[] wrong = Sender.Pieces(frame, 1);
            wrong[0].lkey ^= 0x100;
            Assert.Equal(0, Sender.Post(wrong, isSignaled: false));
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, 1)));
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, 1)));
            Assert.Equal([ibv_wc_status.IBV_WC_LOC_PROT_ERR, ibv_wc_status.IBV_WC_WR_FLUSH_ERR, ibv_wc_status.IBV_WC_WR_FLUSH_ERR],
                [Await().status, Await().status, Await().status]);
            Sender.Reset();
            Sender.ReadyToSend();
            Assert.Equal(0, Sender.Post(Sender.Pieces(frame, 1)));
            Assert.Equal(frame, Receive());
            AssertCompleted(1);
        }
    }

    [Fact]
    public void What_was_posted_before_a_reset_goes_out_and_does_not_come_back_in_the_queue_s_next_life()
    {
        Start();
        byte[][] frames = [.. Enumerable.Range(0, 3).Select(i => Ethernet(0x88B5, Payload(100, i)))];
        Assert.Equal(0, Sender.Post(Sender.Pieces(frames[0], 1)));
        Assert.Equal(frames[0], Receive());
        AssertCompleted(1);
        Assert.Equal(0, Sender.Post(Sender.Pieces(frames[1], 1))); // the NIC's thread has not looked yet
        Sender.Reset();
        Sender.ReadyToSend();
        Assert.Equal(0, Sender.Post(Sender.Pieces(frames[2], 1)));
        Assert.Equal(frames[1..], Receive(2));
        AssertCompleted(1); // what was there of the second one, libmlx5 has taken away with the reset
        Assert.False(Sender.TryPoll(out _));
    }

    [Theory]
    [InlineData("connectx-4", 0)]
    [InlineData("connectx-5", 12)] // MPW_ALLOWED, ENHANCED_MPW
    public void The_device_says_what_its_send_queues_do(string model, uint multiPacket)
    {
        Start(model);
        uint* found = stackalloc uint[4];
        Assert.Equal(0, CVerbs.SendCapabilities(Sender.Qp->context, found));
        Assert.Equal([multiPacket, 7, 1u << (int)ibv_qp_type.IBV_QPT_RAW_PACKET, 7], new ReadOnlySpan<uint>(found, 4).ToArray());
        ibv_device_attr_ex device;
        Assert.Equal(0, ibv_query_device_ex(_receiver!.Context, &device));
        Assert.Equal((262_144u, 1u << (int)ibv_qp_type.IBV_QPT_RAW_PACKET), (device.tso_caps.max_tso, device.tso_caps.supported_qpts));
    }

    private void Begin(ibv_send_flags flags)
    {
        Sender.Extended->wr_start(Sender.Extended);
        Sender.Extended->wr_id = 7;
        Sender.Extended->wr_flags = (uint)flags;
    }

    private void Start(string model = "connectx-5-ex")
    {
        Assert.True(NicOptions.TryParse($"{_near},wire=cable:{_far},model={model}", out NicOptions near, out string error), error);
        _nics = EmulatedNics.Attach([near, new NicOptions(_far)], NullLogger.Instance, stepped: true);
        _nics.Step();
        _receiver = VerbsProgram.Start(1);
        Assert.Equal(0, _receiver.MoveToReadyToSend());
        _receiver.CatchAll();
        for (; _posted < Slots; _posted++)
        {
            _receiver.PostReceive(_posted * 2048, 2048);
        }

        _sender = new SendProgram(0);
    }

    private byte[] Receive() => Receive(1)[0];

    private byte[][] Receive(int count)
    {
        byte[][] frames = new byte[count][];
        for (int i = 0, turn = 0; i < count; turn++)
        {
            Assert.True(turn < 1000, $"{i} of {count} frames have come");
            _nics!.Step();
            while (i < count && _receiver!.TryPoll(out ibv_wc completion))
            {
                Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, completion.status);
                frames[i++] = new ReadOnlySpan<byte>(_receiver.Buffer + completion.wr_id, (int)completion.byte_len).ToArray();
                _receiver.PostReceive((int)completion.wr_id, 2048);
            }
        }

        return frames;
    }

    private ibv_wc Await()
    {
        for (int turn = 0; turn < 1000; turn++)
        {
            if (Sender.TryPoll(out ibv_wc completion))
            {
                return completion;
            }

            _nics!.Step();
        }

        throw new InvalidOperationException("no completion came");
    }

    private void AssertCompleted(int count)
    {
        for (int i = 0; i < count; i++)
        {
            ibv_wc completion = Await();
            Assert.Equal((ibv_wc_status.IBV_WC_SUCCESS, 7UL), (completion.status, completion.wr_id));
        }

        Assert.False(Sender.TryPoll(out _), "there is no completion more");
    }

    /// <summary>True if bytes that are no doorbell's stand in the window of any page: those of a WQE that was copied there.</summary>
    private bool WindowHasMoreThanDoorbells()
    {
        const int Pages = 8;
        byte* pages = (byte*)Libc.mmap(null, Pages * UarRegion.PageBytes, Libc.PROT_READ, Libc.MAP_SHARED, _nics!.Devices[_near].Uar.FileDescriptor, 0);
        Assert.True((nint)pages != -1, "the pages can be mapped");
        bool found = false;
        for (int offset = 0; offset < Pages * UarRegion.PageBytes; offset += sizeof(ulong))
        {
            int inPage = offset % UarRegion.PageBytes;
            found |= inPage >= 0x800 && inPage % 0x100 != 0 && *(ulong*)(pages + offset) != 0;
        }

        _ = Libc.munmap(pages, Pages * UarRegion.PageBytes);
        return found;
    }
}
