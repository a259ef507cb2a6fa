using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The receive side of a work queue or a queue pair: takes WQEs in order, scatters one frame into each.</summary>
/// <remarks>The NIC learns of posted WQEs from the doorbell record alone, which it reads when it has none left.</remarks>
internal sealed unsafe class ReceiveQueue
{
    private readonly string _name;
    private readonly MemoryTable _memory;
    private readonly ConformanceLog _conformance;
    private readonly CompletionQueue _completions;
    private readonly byte* _ring;
    private readonly uint* _record;
    private readonly uint _entries;
    private readonly int _strideLog2;
    private readonly uint _protectionDomain;
    private readonly uint _userIndex;
    private readonly Action? _onFatal;
    private ushort _head;   // the next WQE to fill, running
    private ushort _posted; // one after the last posted WQE, as last read from the record

    public ReceiveQueue(string name, WorkQueueParameters parameters, MemoryTable memory, ConformanceLog conformance)
    {
        _name = name;
        _memory = memory;
        _conformance = conformance;
        _completions = parameters.Completions;
        _ring = (byte*)parameters.BufferAddress;
        _record = (uint*)parameters.DoorbellRecordAddress;
        _entries = (uint)parameters.Entries;
        _strideLog2 = parameters.StrideLog2;
        _protectionDomain = parameters.ProtectionDomain;
        _userIndex = parameters.UserIndex;
        _onFatal = parameters.OnFatal;
    }

    public QueueState State { get; private set; }

    public void Modify(QueueState state)
    {
        State = state;
        if (state == QueueState.Reset)
        {
            (_head, _posted) = (0, 0);
        }

        Flush();
    }

    /// <summary>Puts the frame into the next WQE, and returns what became of it.</summary>
    public PortCounter Deliver(ReadOnlySpan<byte> frame, in FrameInfo info, (uint Hash, byte Type) rss, uint tag, ulong timestamp)
    {
        if (State != QueueState.Ready)
        {
            return PortCounter.RxQueueNotReady;
        }

        if (_head == _posted && !ReadPosted())
        {
            return PortCounter.OutOfBuffer;
        }

        if (!_completions.TryReserve(out mlx5_cqe64* entry))
        {
            State = QueueState.Error;
            _onFatal?.Invoke();
            return PortCounter.RxCompletionQueueFull;
        }

        byte syndrome = Scatter(frame);
        if (syndrome != 0)
        {
            return Fail(entry, syndrome);
        }

        entry->rx_hash_result = rss.Hash;
        entry->rx_hash_type = rss.Type;
        entry->flags_rqpn = 0;
        entry->hds_ip_ext = info.CheckedHeaders(frame);
        entry->l4_hdr_type_etc = info.HeaderTypes(frame);
        entry->vlan_info = 0;
        entry->srqn_uidx = _userIndex;
        entry->imm_inval_pkey = 0;
        entry->byte_cnt = (uint)frame.Length;
        entry->timestamp = timestamp;
        entry->sop_drop_qpn = tag;
        entry->wqe_counter = _head++;
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
        while (_head != _posted && _completions.TryReserve(out mlx5_cqe64* entry))
        {
            CompleteWithError(entry, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR);
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

    /// <summary>Reads the doorbell record; true if there is a WQE to use.</summary>
    private bool ReadPosted()
    {
        uint raw = Be32.FromRaw(Volatile.Read(ref *_record)).Value;
        ushort advance = (ushort)(raw - _posted);
        if (advance == 0 && raw <= 0xFF_FFFF)
        {
            return _head != _posted;
        }

        if (raw > 0xFF_FFFF)
        {
            _conformance.Report($"{_name}: receive doorbell record 0x{raw:x} exceeds 24 bits, or is in the wrong byte order");
        }
        else if ((ushort)(raw - _head) > _entries || advance > _entries)
        {
            _conformance.Report($"{_name}: receive doorbell record {raw} went backwards from {_posted}, or says more than the {_entries} WQEs that fit");
        }
        else
        {
            _posted = (ushort)raw;
        }

        return _head != _posted;
    }

    private byte Scatter(ReadOnlySpan<byte> frame)
    {
        mlx5_wqe_data_seg* segment = (mlx5_wqe_data_seg*)(_ring + ((nuint)(_head & (_entries - 1)) << _strideLog2));
        mlx5_wqe_data_seg* end = segment + ((1 << _strideLog2) / sizeof(mlx5_wqe_data_seg));
        for (; frame.Length > 0; segment++)
        {
            // A list ends at the invalid lkey or at a length of 0, which some drivers leave behind a valid lkey.
            if (segment == end || segment->lkey == Mlx5Wqe.MLX5_INVALID_LKEY || segment->byte_count == 0)
            {
                return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
            }

            uint length = segment->byte_count & ~Mlx5Wqe.MLX5_INLINE_SEG;
            byte* buffer = _memory.Translate(segment->lkey, _protectionDomain, segment->addr, length, MrAccess.LocalWrite);
            if (buffer == null)
            {
                return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
            }

            int taken = (int)Math.Min(length, (uint)frame.Length);
            frame[..taken].CopyTo(new Span<byte>(buffer, taken));
            frame = frame[taken..];
        }

        return 0;
    }

    /// <summary>A frame that is too long costs its WQE; a bad address stops the queue, and all other WQEs are flushed.</summary>
    private PortCounter Fail(mlx5_cqe64* entry, byte syndrome)
    {
        CompleteWithError(entry, syndrome);
        if (syndrome == Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR)
        {
            return PortCounter.RxTooLong;
        }

        State = QueueState.Error;
        Flush();
        _onFatal?.Invoke();
        return PortCounter.RxProtectionError;
    }

    private void CompleteWithError(mlx5_cqe64* entry, byte syndrome)
    {
        ErrorCompletion.Fill(entry, _userIndex, syndrome, 0, _head++);
        _completions.Publish(entry, Mlx5Cqe.MLX5_CQE_RESP_ERR);
    }
}
