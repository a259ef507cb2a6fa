using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>A program with one send and one receive queue in plain memory: it plays libmlx5's part, byte by byte.</summary>
internal sealed unsafe class TestProgram : IDisposable
{
    public const uint Pd = 7;
    public const int Entries = 8; // WQEs and send blocks; the completion queues have twice as many
    public const int BufferBytes = 2048;
    private readonly NicDevice _nic;
    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(1 << 20, 4096);
    private ushort _posted;
    private ushort _produced;
    private uint _received;
    private uint _completed;

    private readonly int _sendBlocks;

    public TestProgram(NicDevice nic, int entryBytes = 64, int receiveStrideLog2 = 4, NicContext? context = null, int sendBlocks = Entries)
    {
        _nic = nic;
        _sendBlocks = sendBlocks;
        NativeMemory.Clear(_memory, 1 << 20);
        new Span<byte>(ReceiveRing, Entries * 2 * 128).Fill(0xF0);
        new Span<byte>(SendCompletionRing, Entries * 2 * 128).Fill(0xF0);
        EntryBytes = entryBytes;
        StrideLog2 = receiveStrideLog2;
        Context = context ?? new NicContext();
        Page = nic.Uar.AllocatePage();
        Memory = nic.RegisterMemory(Pd, (ulong)Buffers, Entries * 2 * BufferBytes, (ulong)Buffers, MrAccess.LocalWrite);
        ReceiveCompletions = nic.CreateCompletionQueue(Completions(ReceiveRing, 0));
        SendCompletions = nic.CreateCompletionQueue(Completions(SendCompletionRing, 2));
        Queue = nic.CreateWorkQueue(new WorkQueueParameters
        {
            ProtectionDomain = Pd,
            BufferAddress = (ulong)(_memory + 0x4000),
            Entries = Entries,
            StrideLog2 = receiveStrideLog2,
            DoorbellRecordAddress = (ulong)(Records + 4),
            UserIndex = 0x1234,
            Completions = ReceiveCompletions,
            OnFatal = () => Fatal++,
        });
        Rss = nic.CreateRssQueuePair(new RssParameters
        {
            Context = Context,
            Table = nic.CreateIndirectionTable([Queue]),
            Fields = RssFields.SourceIp4 | RssFields.DestinationIp4,
            Key = ToeplitzTests.Key,
        });
        Pair = nic.CreateQueuePair(new QueuePairParameters
        {
            Context = Context,
            ProtectionDomain = Pd,
            DoorbellRecordAddress = (ulong)(Records + 6),
            UarPage = Page,
            UserIndex = 0x77,
            SendBufferAddress = (ulong)SendRing,
            SendBlocks = sendBlocks,
            SendCompletions = SendCompletions,
            OnFatal = () => Fatal++,
        });
        nic.Modify(Queue, QueueState.Ready);
        ReadyToSend();
    }

    public NicContext Context { get; }

    public int EntryBytes { get; }

    public int StrideLog2 { get; }

    public int Page { get; }

    public MemoryRegion Memory { get; }

    public CompletionQueue ReceiveCompletions { get; }

    public CompletionQueue SendCompletions { get; }

    public WorkQueue Queue { get; }

    public RssQueuePair Rss { get; }

    public QueuePair Pair { get; }

    public int Events { get; private set; }

    public int Overruns { get; private set; }

    public int Fatal { get; private set; }

    /// <summary>Doorbell records: receive completions 0 and 1, send completions 2 and 3, receive queue 4, queue pair 6 and 7.</summary>
    public Be32* Records => (Be32*)(_memory + 0x8000);

    public byte* SendRing => _memory + 0x5000;

    public byte* Buffers => _memory + 0x10000;

    private byte* ReceiveRing => _memory + 0x1000;

    private byte* SendCompletionRing => _memory + 0x2000;

    public Span<byte> Buffer(int index) => new(Buffers + (index * BufferBytes), BufferBytes);

    public FlowRule Flow(string mac, string mask = "ff:ff:ff:ff:ff:ff", ushort type = 0, bool dontTrap = false) => Flow(
        Flows.Ethernet(mac, mask, type), parameters => parameters with { DontTrap = dontTrap });

    /// <summary>Adds a flow to the receive queue.</summary>
    public FlowRule Flow(FlowMatch match = default, Func<FlowParameters, FlowParameters>? change = null)
    {
        FlowParameters parameters = new() { Context = Context, Destination = Rss, Match = match };
        return _nic.AddFlow(change is null ? parameters : change(parameters));
    }

    public mlx5_wqe_data_seg* ReceiveWqe(int index) => (mlx5_wqe_data_seg*)(_memory + 0x4000 + ((index % Entries) << StrideLog2));

    /// <summary>Posts receive WQEs of one segment each, WQE i with buffer i mod <see cref="Entries"/>.</summary>
    public void PostReceive(int count, int lengthBytes = BufferBytes)
    {
        for (int i = 0; i < count; i++, _posted++)
        {
            mlx5_wqe_data_seg* segment = ReceiveWqe(_posted);
            *segment = new mlx5_wqe_data_seg
            {
                byte_count = (uint)lengthBytes,
                lkey = Memory.Lkey,
                addr = (ulong)(Buffers + (_posted % Entries * BufferBytes)),
            };
            if (StrideLog2 > 4)
            {
                segment[1] = new mlx5_wqe_data_seg { lkey = Mlx5Wqe.MLX5_INVALID_LKEY };
            }
        }

        Records[4] = _posted;
    }

    /// <summary>Writes a SEND of <paramref name="segments"/> at the next block, wrapping; does not ring.</summary>
    public ushort WriteSend(ReadOnlySpan<byte> inline, ReadOnlySpan<byte> segments, byte completion = 2, byte opcode = Mlx5Wqe.MLX5_OPCODE_SEND,
        byte checksums = 0) => WriteWqe(opcode, [.. SendSegments.Ethernet(inline, checksums), .. segments], completion);

    /// <summary>Writes a control segment and what follows it at the next block, wrapping; does not ring.</summary>
    public ushort WriteWqe(uint opcode, ReadOnlySpan<byte> body, byte completion = 2)
    {
        byte[] wqe = new byte[16 + body.Length];
        ushort index = _produced;
        MemoryMarshal.Write(wqe, new mlx5_wqe_ctrl_seg
        {
            opmod_idx_opcode = ((uint)index << 8) | opcode,
            qpn_ds = (Pair.Number << 8) | (uint)(wqe.Length / 16),
            fm_ce_se = (byte)(completion << 2),
        });
        body.CopyTo(wqe.AsSpan(16));
        for (int i = 0; i < wqe.Length; i++)
        {
            SendRing[((index * 64) + i) % (_sendBlocks * 64)] = wqe[i];
        }

        _produced += (ushort)((wqe.Length + 63) / 64);
        return index;
    }

    /// <summary>The control segment of the WQE at a block.</summary>
    public mlx5_wqe_ctrl_seg* SendControl(ushort index) => (mlx5_wqe_ctrl_seg*)(SendRing + (index % _sendBlocks * 64));

    /// <summary>A data segment for a registered buffer.</summary>
    public byte[] Pointer(int buffer, int length, uint? lkey = null, long offset = 0)
    {
        byte[] segment = new byte[16];
        MemoryMarshal.Write(segment, new mlx5_wqe_data_seg
        {
            byte_count = (uint)length,
            lkey = lkey ?? Memory.Lkey,
            addr = (ulong)(Buffers + (buffer * BufferBytes) + offset),
        });
        return segment;
    }

    public static byte[] Inline(ReadOnlySpan<byte> data)
    {
        byte[] segment = new byte[(4 + data.Length + 15) & -16];
        MemoryMarshal.Write(segment, (Be32)((uint)data.Length | Mlx5Wqe.MLX5_INLINE_SEG));
        data.CopyTo(segment.AsSpan(4));
        return segment;
    }

    /// <summary>Writes the record and then the register for everything up to the WQE at <paramref name="last"/>.</summary>
    public void Ring(ushort last, int registerOffset = 0x800)
    {
        Records[7] = _produced;
        WriteRegister(registerOffset, *(ulong*)SendControl(last));
    }

    public void WriteRegister(int offset, ulong value) => RegisterPage.Write(_nic.Uar.FileDescriptor, Page, offset, value);

    /// <summary>Sends a frame from buffer 0 and rings.</summary>
    public void Send(byte[] frame, byte completion = 2)
    {
        frame.CopyTo(Buffer(Entries));
        Ring(WriteSend([], Pointer(Entries, frame.Length), completion));
    }

    /// <summary>Takes the next receive completion, if it is there.</summary>
    public mlx5_cqe64? PollReceive(bool release = true) => Poll(ReceiveRing, ref _received, 0, release);

    public mlx5_cqe64? PollSend(bool release = true) => Poll(SendCompletionRing, ref _completed, 2, release);

    public void Arm(uint command)
    {
        Records[1] = command;
        Be64 register = ((ulong)command << 32) | ReceiveCompletions.Number;
        WriteRegister(Mlx5Cqe.MLX5_CQ_DOORBELL, register.Raw);
    }

    public void ReadyToSend()
    {
        _nic.Modify(Pair, QueuePairState.Init);
        _nic.Modify(Pair, QueuePairState.ReadyToReceive);
        _nic.Modify(Pair, QueuePairState.ReadyToSend);
    }

    public void ResetSend()
    {
        _nic.Modify(Pair, QueuePairState.Reset);
        Records[7] = 0u;
        _produced = 0;
        ReadyToSend();
    }

    public void ResetReceive()
    {
        _nic.Modify(Queue, QueueState.Reset);
        Records[4] = 0u;
        _posted = 0;
        _nic.Modify(Queue, QueueState.Ready);
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private CompletionQueueParameters Completions(byte* ring, int record) => new()
    {
        BufferAddress = (ulong)ring,
        DoorbellRecordAddress = (ulong)(Records + record),
        Entries = Entries * 2,
        EntryBytes = EntryBytes,
        UarPage = Page,
        OnCompletionEvent = () => Events++,
        OnError = () => Overruns++,
    };

    private mlx5_cqe64? Poll(byte* ring, ref uint consumer, int record, bool release)
    {
        uint index = consumer;
        var entry = (mlx5_cqe64*)(ring + (index % (Entries * 2) * EntryBytes) + EntryBytes - 64);
        uint lap = (index / (Entries * 2)) & 1;
        if (entry->op_own >> 4 == Mlx5Cqe.MLX5_CQE_INVALID || (entry->op_own & 1) != lap)
        {
            return null;
        }

        consumer++;
        if (release)
        {
            Records[record] = consumer & 0xFF_FFFF;
        }

        return *entry;
    }
}
