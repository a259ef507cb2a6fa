using System.Runtime.CompilerServices;
using Verbena.Emulator.Record;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The receive side of a work queue or a queue pair: takes WQEs in order, and writes frames to their buffers.</summary>
/// <remarks>
/// A cyclic queue writes one frame to each WQE, a striding one as many as find room in its strides. The NIC learns of posted
/// WQEs from the doorbell record alone, which it reads when it has none left.
/// </remarks>
internal sealed unsafe class ReceiveQueue
{
    private const byte VlanStripped = 1; // in l4_hdr_type_etc: vlan_info holds the tag that was taken out

    private readonly string _name;
    private readonly ConformanceLog _conformance;
    private readonly CompletionQueue _completions;
    private readonly ReceiveRing _ring;
    private readonly Strides? _strides; // null: a cyclic queue
    private readonly uint* _record;
    private readonly uint _entries;
    private readonly uint _userIndex;
    private readonly Action? _onFatal;
    private readonly WorkRecords? _records;
    private ReceivedForm? _form; // null: frames are written as they came
    private ushort _head;        // the next WQE to fill, running
    private uint _posted;        // one after the last posted WQE, as last read from the record, running through 32 bits

    public ReceiveQueue(string name, WorkQueueParameters parameters, MemoryTable memory, ConformanceLog conformance, WorkRecords? records)
    {
        _name = name;
        _records = records;
        _conformance = conformance;
        _completions = parameters.Completions;
        _ring = new ReceiveRing(parameters, memory);
        _strides = parameters.Striding is { } striding ? new Strides(striding) : null;
        _record = (uint*)parameters.DoorbellRecordAddress;
        _entries = (uint)parameters.Entries;
        _userIndex = parameters.UserIndex;
        _onFatal = parameters.OnFatal;
        _form = parameters.StripsVlan || parameters.KeepsFcs
            ? new ReceivedForm { StripsVlan = parameters.StripsVlan, KeepsFcs = parameters.KeepsFcs }
            : null;
    }

    public QueueState State { get; private set; }

    public void Modify(QueueState state)
    {
        State = state;
        if (state == QueueState.Reset)
        {
            _completions.HandOver(); // what is held back belongs to the life that ends
            (_head, _posted) = (0, 0);
            _strides?.Reset();
        }

        Flush();
    }

    /// <summary>Takes VLAN tags out of frames, or leaves them, from the next frame on.</summary>
    public void StripVlan(bool strip)
    {
        _form ??= new ReceivedForm();
        _form.StripsVlan = strip;
    }

    /// <summary>Writes the frame to the next buffers, and returns what became of it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // a stage of its own: all in one method is more than the compiler inlines in
    public PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameLayout layout, in ChosenQueue choice, ulong timestamp)
    {
        if (State != QueueState.Ready)
        {
            return PortCounter.RxQueueNotReady;
        }

        ReadOnlySpan<byte> data = frame;
        (ushort vlan, byte stripped) = (0, 0);
        if (_form is not null)
        {
            data = _form.Of(frame, out ushort? tagControl);
            (vlan, stripped) = tagControl is { } taken ? (taken, VlanStripped) : (vlan, stripped);
        }

        uint strides = 0;
        if (_strides is not null)
        {
            strides = _strides.Needed(data.Length);
            MakeRoom(_strides, strides);
        }

        if (!HasEntry())
        {
            return PortCounter.OutOfBuffer;
        }

        if (!_completions.TryReserve(out mlx5_cqe64* entry))
        {
            return Overrun();
        }

        bool fits = _strides is null || strides <= _strides.Rest;
        byte syndrome = fits ? _ring.Scatter(_head, _strides?.OffsetBytes ?? 0, data) : Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
        if (syndrome != 0)
        {
            return Fail(entry, syndrome, fits ? strides : _strides!.Rest);
        }

        *entry = default;
        CompletionHeaders headers = choice.OffloadsTunnels ? CompletionHeaders.Inner(frame, in layout) : CompletionHeaders.Outer(frame, in layout);
        entry->pkt_info = headers.PacketInfo;
        entry->rx_hash_result = choice.Hash;
        entry->rx_hash_type = choice.HashType;
        entry->check_sum = headers.Sum;
        entry->hds_ip_ext = headers.Ok;
        entry->l4_hdr_type_etc = (byte)(headers.Types | stripped);
        entry->vlan_info = vlan;
        entry->srqn_uidx = _userIndex;
        entry->timestamp = timestamp;
        entry->sop_drop_qpn = choice.Tag;
        Consume(entry, strides, (uint)data.Length);
        _completions.Publish(entry, Mlx5Cqe.MLX5_CQE_RESP_SEND);
        return PortCounter.QueueReceived;
    }

    /// <summary>In the error state, gives every posted WQE back with a flush error.</summary>
    public void Flush()
    {
        if (State != QueueState.Error)
        {
            return;
        }

        ReadPosted();
        while (_head != (ushort)_posted && _completions.TryReserve(out mlx5_cqe64* entry))
        {
            CompleteWithError(entry, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, _strides?.Rest ?? 0);
        }
    }

    /// <summary>Reads the record, and checks what it says though nothing is needed yet.</summary>
    public void CheckRecord()
    {
        if (State == QueueState.Ready)
        {
            ReadPosted();
        }
    }

    /// <summary>A frame never crosses WQEs: where the rest of one does not hold it, a completion without a frame skips the rest.</summary>
    private void MakeRoom(Strides strides, uint needed)
    {
        if (strides.Next != 0 && needed > strides.Rest && _completions.TryReserve(out mlx5_cqe64* entry))
        {
            *entry = default;
            entry->srqn_uidx = _userIndex;
            Consume(entry, strides.Rest, StridingByteCount.Filler);
            _completions.Publish(entry, Mlx5Cqe.MLX5_CQE_RESP_SEND);
        }
    }

    private bool HasEntry() => _head != (ushort)_posted || ReadPosted();

    /// <summary>Reads the doorbell record; true if there is a WQE to use.</summary>
    /// <remarks>16 bits of it count. Some programs let it run through 32.</remarks>
    private bool ReadPosted()
    {
        uint raw = Be32.FromRaw(Volatile.Read(ref *_record)).Value;
        if (raw == _posted)
        {
            return _head != (ushort)_posted;
        }

        uint posted = _posted + (ushort)(raw - _posted);
        if (raw != (ushort)posted && raw != posted)
        {
            _conformance.Report($"{_name}: receive doorbell record 0x{raw:x} is in the wrong byte order, or exceeds 16 bits");
        }
        else if ((ushort)(posted - _head) > _entries || posted - _posted > _entries)
        {
            _conformance.Report($"{_name}: receive doorbell record {raw} went backwards from {_posted}, or says more than the {_entries} WQEs that fit");
        }
        else
        {
            _posted = posted;
        }

        return _head != (ushort)_posted;
    }

    /// <summary>Says in a completion which part of the ring it consumes, and consumes it.</summary>
    private void Consume(mlx5_cqe64* entry, uint strides, uint bytesOrFiller)
    {
        if (_strides is null)
        {
            entry->byte_cnt = bytesOrFiller;
            entry->wqe_counter = _head;
            MoveOn();
            return;
        }

        entry->wqe_id = _head;
        entry->wqe_counter = (ushort)_strides.Next;
        entry->byte_cnt = StridingByteCount.Make(strides, bytesOrFiller);
        if (_strides.Take(strides))
        {
            MoveOn();
        }
    }

    private void MoveOn()
    {
        _records?.Received(_name, _head, _ring.Segments(_head));
        _head++;
    }

    /// <summary>A frame that is too long costs its WQE or strides; a bad address stops the queue, and all other WQEs are flushed.</summary>
    private PortCounter Fail(mlx5_cqe64* entry, byte syndrome, uint strides)
    {
        CompleteWithError(entry, syndrome, strides);
        if (syndrome == Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR)
        {
            return PortCounter.RxTooLong;
        }

        State = QueueState.Error;
        Flush();
        _onFatal?.Invoke();
        return PortCounter.RxProtectionError;
    }

    private void CompleteWithError(mlx5_cqe64* entry, byte syndrome, uint strides)
    {
        ErrorCompletion.Fill(entry, _userIndex, syndrome, 0, _head);
        Consume(entry, strides, 0);
        _completions.Publish(entry, Mlx5Cqe.MLX5_CQE_RESP_ERR);
    }

    /// <summary>The completion queue is full and has failed: so does this one.</summary>
    private PortCounter Overrun()
    {
        State = QueueState.Error;
        _onFatal?.Invoke();
        return PortCounter.RxCompletionQueueFull;
    }
}
