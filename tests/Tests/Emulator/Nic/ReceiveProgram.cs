using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>What a <see cref="ReceiveProgram"/> asks the NIC for.</summary>
internal sealed record ReceiveSetup
{
    public int Entries { get; init; } = 8;

    public int Completions { get; init; } = 16;

    public int CompletionBytes { get; init; } = 64;

    public bool Pads { get; init; }

    public bool IgnoresOverrun { get; init; }

    public CqeCompressionFormat Compression { get; init; }

    /// <summary>Lengths of the segments that make up the buffer of a WQE.</summary>
    public int[] Segments { get; init; } = [2048];

    public StridingParameters? Striding { get; init; }

    public bool StripsVlan { get; init; }

    public bool KeepsFcs { get; init; }

    public bool OffloadsTunnels { get; init; }

    public uint UserIndex { get; init; } = 0x1234;
}

/// <summary>A completion as the program understands it, and the bytes of its frame.</summary>
internal sealed record Received(mlx5_cqe64 Completion, byte[] Data, bool IsCompressed)
{
    public int Opcode => Completion.op_own >> 4;

    public bool IsFiller => (Completion.byte_cnt & StridingByteCount.Filler) != 0;
}

/// <summary>A program with one receive queue in plain memory, which it uses as a driver on Direct Verbs does.</summary>
internal sealed unsafe class ReceiveProgram : IDisposable
{
    private const uint Pd = 9;
    private const int RecordsOffset = 0;
    private const byte Invalid = 0xF0;
    private readonly NicDevice _nic;
    private readonly ReceiveSetup _setup;
    private readonly byte* _memory;
    private readonly int _ringOffset;
    private readonly int _completionOffset;
    private readonly int _bufferOffset;
    private readonly int _entryLog2;
    private readonly RssQueuePair _rss;
    private uint _posted;
    private int _consumedStrides;

    /// <param name="nic">The device.</param>
    /// <param name="setup">What to make.</param>
    /// <param name="page">The UAR page to use, or null for one of its own.</param>
    public ReceiveProgram(NicDevice nic, ReceiveSetup setup, int? page = null)
    {
        _nic = nic;
        _setup = setup;
        int segments = setup.Segments.Length + (setup.Striding is null ? 0 : 1);
        _entryLog2 = int.Log2((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)segments)) + 4;
        _ringOffset = 4096;
        _completionOffset = _ringOffset + (setup.Entries << _entryLog2);
        _bufferOffset = (_completionOffset + (setup.Completions * setup.CompletionBytes) + 4095) & -4096;
        BufferBytes = setup.Segments.Sum();
        int bytes = _bufferOffset + (setup.Entries * BufferBytes);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096);
        new Span<byte>(_memory, bytes).Clear();
        new Span<byte>(_memory + _completionOffset, setup.Completions * setup.CompletionBytes).Fill(Invalid);
        Reader = new CompletionReader(_memory + _completionOffset, Records, setup.Completions, setup.CompletionBytes, setup.Compression, setup.Striding is not null);
        Page = page ?? nic.Uar.AllocatePage();
        Memory = nic.RegisterMemory(Pd, (ulong)Buffers, (ulong)(setup.Entries * BufferBytes), (ulong)Buffers, MrAccess.LocalWrite);
        Completions = nic.CreateCompletionQueue(new CompletionQueueParameters
        {
            BufferAddress = (ulong)(_memory + _completionOffset),
            DoorbellRecordAddress = (ulong)Records,
            Entries = setup.Completions,
            EntryBytes = setup.CompletionBytes,
            Pads = setup.Pads,
            IgnoreOverrun = setup.IgnoresOverrun,
            Compression = setup.Compression,
            UarPage = Page,
            OnCompletionEvent = () => Events++,
            OnError = () => Overruns++,
        });
        Queue = nic.CreateWorkQueue(new WorkQueueParameters
        {
            ProtectionDomain = Pd,
            BufferAddress = (ulong)(_memory + _ringOffset),
            Entries = setup.Entries,
            StrideLog2 = _entryLog2,
            DoorbellRecordAddress = (ulong)(Records + 4),
            UserIndex = setup.UserIndex,
            Completions = Completions,
            Striding = setup.Striding,
            StripsVlan = setup.StripsVlan,
            KeepsFcs = setup.KeepsFcs,
            OnFatal = () => Fatal++,
        });
        _rss = nic.CreateRssQueuePair(new RssParameters
        {
            Context = Context,
            OffloadsTunnels = setup.OffloadsTunnels,
            Table = nic.CreateIndirectionTable([Queue]),
            Fields = RssFields.SourceIp4 | RssFields.DestinationIp4,
            Key = ToeplitzTests.Key,
        });
        nic.Modify(Queue, QueueState.Ready);
    }

    public NicContext Context { get; } = new();

    public int Page { get; }

    public MemoryRegion Memory { get; }

    public CompletionQueue Completions { get; }

    public WorkQueue Queue { get; }

    public int Events { get; private set; }

    public int Overruns { get; private set; }

    public int Fatal { get; private set; }

    /// <summary>Doorbell records: completion queue 0 and 1, receive queue 4.</summary>
    public Be32* Records => (Be32*)(_memory + RecordsOffset);

    public byte* Buffers => _memory + _bufferOffset;

    public int BufferBytes { get; }

    public CompletionReader Reader { get; }

    /// <summary>Whether indices are published without the mask of the bits that count.</summary>
    public bool RunsOn
    {
        get => Reader.RunsOn;
        set => Reader.RunsOn = value;
    }

    private int Strides => _setup.Striding is { } striding ? 1 << striding.StridesLog2 : 1;

    public FlowRule Flow(string mac, uint? tag = null) =>
        _nic.AddFlow(new FlowParameters { Context = Context, Destination = _rss, Match = Flows.Ethernet(mac), Tag = tag });

    public mlx5_cqe64* Completion(uint index) => Reader.Entry(index);

    public Span<byte> Buffer(int entry) => new(Buffers + (entry % _setup.Entries * BufferBytes), BufferBytes);

    public mlx5_wqe_data_seg* Segment(int entry, int segment) => (mlx5_wqe_data_seg*)(_memory + _ringOffset
        + ((entry & (_setup.Entries - 1)) << _entryLog2)) + segment + (_setup.Striding is null ? 0 : 1);

    /// <summary>Posts WQEs; each goes on using the buffer of its place in the ring.</summary>
    public void Post(int count)
    {
        for (int i = 0; i < count; i++, _posted++)
        {
            for (int s = 0; s < _setup.Segments.Length; s++)
            {
                *Segment((int)_posted, s) = new mlx5_wqe_data_seg
                {
                    byte_count = (uint)_setup.Segments[s],
                    lkey = Memory.Lkey,
                    addr = (ulong)(Buffers + ((_posted & (_setup.Entries - 1)) * BufferBytes) + SegmentOffset(s)),
                };
            }

            int room = ((1 << _entryLog2) / 16) - (_setup.Striding is null ? 0 : 1);
            if (room > _setup.Segments.Length)
            {
                *Segment((int)_posted, _setup.Segments.Length) = new mlx5_wqe_data_seg { lkey = Mlx5Wqe.MLX5_INVALID_LKEY };
            }
        }

        Records[4] = RunsOn ? _posted : (ushort)_posted;
    }

    /// <summary>Takes all completions that are there, with the frames of which they tell.</summary>
    public List<Received> TakeAll()
    {
        var taken = new List<Received>();
        Reader.TakeAll((completion, isCompressed) => taken.Add(new Received(completion, Data(completion), isCompressed)));
        return taken;
    }

    /// <summary>How many WQEs these completions have finished.</summary>
    public int FinishedEntries(IEnumerable<Received> completions)
    {
        int finished = 0;
        foreach (Received received in completions)
        {
            _consumedStrides += _setup.Striding is null ? 1 : (int)StridingByteCount.Strides(received.Completion.byte_cnt);
            finished += _consumedStrides / Strides;
            _consumedStrides %= Strides;
        }

        return finished;
    }

    /// <summary>Begins anew with the receive queue, as after an error.</summary>
    public void Reset()
    {
        _nic.Modify(Queue, QueueState.Reset);
        (_posted, _consumedStrides) = (0, 0);
        Records[4] = 0u;
        _nic.Modify(Queue, QueueState.Ready);
    }

    /// <summary>Asks for an event, as libmlx5 does.</summary>
    public void Arm(uint command)
    {
        Records[1] = command;
        RegisterPage.Write(_nic.Uar.FileDescriptor, Page, Mlx5Cqe.MLX5_CQ_DOORBELL, new Be64(((ulong)command << 32) | Completions.Number).Raw);
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private byte[] Data(mlx5_cqe64 completion)
    {
        if (completion.op_own >> 4 != Mlx5Cqe.MLX5_CQE_RESP_SEND || (completion.byte_cnt & StridingByteCount.Filler) != 0)
        {
            return [];
        }

        if (_setup.Striding is not { } striding)
        {
            return Gathered(completion.wqe_counter)[..(int)completion.byte_cnt.Value];
        }

        Assert.InRange(completion.wqe_counter, 0, Strides - 1);
        int offset = (completion.wqe_counter << striding.StrideBytesLog2) + (striding.TwoByteShift ? 2 : 0);
        return Gathered(completion.wqe_id).AsSpan(offset, (ushort)completion.byte_cnt.Value).ToArray();
    }

    /// <summary>The segments of a WQE one after the other. In memory the last comes first, so that none goes on where another ends.</summary>
    private byte[] Gathered(int entry)
    {
        var bytes = new List<byte>(BufferBytes);
        for (int s = 0; s < _setup.Segments.Length; s++)
        {
            bytes.AddRange(Buffer(entry).Slice(SegmentOffset(s), _setup.Segments[s]));
        }

        return [.. bytes];
    }

    private int SegmentOffset(int segment) => _setup.Segments[(segment + 1)..].Sum();
}
