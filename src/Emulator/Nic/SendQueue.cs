using Verbena.Emulator.Record;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Nic;

/// <summary>The send side of a queue pair: takes WQEs in order once a doorbell has told of them.</summary>
internal sealed unsafe class SendQueue
{
    private const uint OpcodeMask = 0xFF00_00FF; // with its modifier
    private const uint LegacyMultiPacket = ((uint)Mlx5Prm.MLX5_OPC_MOD_MPW << 24) | Mlx5Wqe.MLX5_OPCODE_TSO;

    private readonly QueuePairParameters _parameters;
    private readonly NicModel _model;
    private readonly CompletionQueue _completions;
    private readonly SendRing _ring;
    private readonly SendDoorbell _doorbell;
    private readonly FrameGather _gather;
    private readonly WorkRecords? _records;
    private SendPace _pace;
    private bool _errorReported;

    public SendQueue(
        uint number, QueuePairParameters parameters, MemoryTable memory, ConformanceLog conformance, NicModel model, PortCounters counters,
        WorkRecords? records)
    {
        _records = records;
        Number = number;
        _parameters = parameters;
        _model = model;
        _completions = parameters.SendCompletions!;
        _ring = new SendRing(parameters, memory);
        _doorbell = new SendDoorbell(number, parameters, _ring, conformance);
        _gather = new FrameGather(_ring, model, counters);
    }

    public uint Number { get; }

    public QueueState State { get; private set; }

    public NicContext Context => _parameters.Context;

    /// <summary>True if there is a WQE, and the queue's rate lets it go.</summary>
    public bool HasWork(ulong timestamp) => _pace.Allows(IsWaiting, timestamp) && IsWaiting;

    /// <summary>True if a doorbell has told of a WQE that is not done.</summary>
    private bool IsWaiting => _doorbell.Waiting != 0;

    /// <summary>Holds the queue to a rate in kb/s; 0: as fast as it can.</summary>
    public void SetRate(uint kilobitsPerSecond) => _pace.Set(kilobitsPerSecond);

    public void Modify(QueueState state)
    {
        State = state;
        if (state != QueueState.Ready)
        {
            _gather.Abandon();
        }

        if (state == QueueState.Reset)
        {
            _doorbell.Reset();
            _pace.Set(0);
            _errorReported = false;
        }
    }

    /// <summary>Takes what the program wrote to a doorbell register: the first eight bytes of its last WQE.</summary>
    public void Ring(mlx5_wqe_ctrl_seg doorbell, int register, int half)
    {
        if (State != QueueState.Reset)
        {
            _doorbell.Ring(doorbell, register, half);
        }
    }

    /// <summary>Looks for work after another queue's write to a register that this one may share, and whose value it may have replaced.</summary>
    public void RingFromRecord(int register)
    {
        if (State != QueueState.Reset)
        {
            _doorbell.RingFromRecord(register);
        }
    }

    /// <summary>Checks the doorbell record while the queue rests.</summary>
    public void CheckRecord(long nowNanoseconds)
    {
        if (State == QueueState.Ready)
        {
            _doorbell.CheckRecord(nowNanoseconds);
        }
    }

    /// <summary>Goes on with the WQE that is under way, or takes the next one.</summary>
    /// <returns>True if that gave a frame, which then fills the first <paramref name="length"/> bytes of <paramref name="room"/>.</returns>
    public bool TryTake(Span<byte> room, ulong timestamp, out int length)
    {
        length = 0;
        ushort index = _doorbell.Next;
        mlx5_wqe_ctrl_seg* control = _ring.Control(index);
        var wqe = new SendWqe(index, (int)(control->qpn_ds & SendWqe.LengthMask));
        if (State == QueueState.Error)
        {
            Flush(control, wqe);
            return false;
        }

        byte syndrome = CheckControl(control, wqe);
        bool isLast = true;
        if (syndrome == 0)
        {
            syndrome = Execute(control->opmod_idx_opcode & OpcodeMask, wqe, room, out length, out isLast);
        }

        if (syndrome != 0)
        {
            Fail(control, wqe, syndrome);
            return false;
        }

        if (isLast)
        {
            Finish(control, wqe, timestamp);
        }

        _pace.Count(length, timestamp);
        return length > 0;
    }

    private byte Execute(uint opcode, SendWqe wqe, Span<byte> room, out int length, out bool isLast)
    {
        (length, isLast) = (0, true);
        return opcode switch
        {
            Mlx5Wqe.MLX5_OPCODE_NOP => 0,
            Mlx5Wqe.MLX5_OPCODE_SEND => _gather.Send(wqe, room, out length),
            Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW => _gather.NextPacket(wqe, Mlx5Abi.MLX5_IB_SUPPORT_EMPW, room, out length, out isLast),
            LegacyMultiPacket => _gather.NextPacket(wqe, Mlx5Abi.MLX5_IB_ALLOW_MPW, room, out length, out isLast),
            Mlx5Wqe.MLX5_OPCODE_TSO => _gather.NextSegment(wqe, room, out length, out isLast),
            _ => Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR,
        };
    }

    /// <summary>0, or the syndrome of a WQE that can't be executed at all.</summary>
    private byte CheckControl(mlx5_wqe_ctrl_seg* control, SendWqe wqe)
    {
        bool isOurs = (ushort)(control->opmod_idx_opcode >> 8) == wqe.Index && control->qpn_ds >> 8 == Number;
        int fewest = (control->opmod_idx_opcode & OpcodeMask) == Mlx5Wqe.MLX5_OPCODE_NOP ? 1 : 2; // all others have an Ethernet segment
        if (!isOurs || wqe.Units < fewest || !IsInRing(wqe))
        {
            return Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
        }

        return wqe.LengthBytes > _model.MaxSendWqeBytes ? Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR : (byte)0;
    }

    /// <summary>True if a doorbell has told of the whole WQE.</summary>
    private bool IsInRing(SendWqe wqe) => wqe.Units > 0 && SendWqe.Blocks(wqe.Units) <= _doorbell.Waiting;

    private void Finish(mlx5_wqe_ctrl_seg* control, SendWqe wqe, ulong timestamp)
    {
        MoveOn(wqe);
        CompletionMode mode = ModeOf(control);
        if (mode >= CompletionMode.Always)
        {
            bool isSolicited = mode == CompletionMode.AlwaysWithEvent || (control->fm_ce_se & Mlx5Wqe.MLX5_WQE_CTRL_SOLICITED) != 0;
            Complete(control, wqe.Index, 0, isSolicited, timestamp);
        }
    }

    /// <summary>The first bad WQE always says so; from then on the queue executes none.</summary>
    private void Fail(mlx5_wqe_ctrl_seg* control, SendWqe wqe, byte syndrome)
    {
        _gather.Abandon();
        MoveOn(wqe);
        Complete(control, wqe.Index, syndrome, isSolicited: false, 0);
        State = QueueState.Error;
        _errorReported = true;
    }

    /// <summary>Hands back a WQE that was not executed.</summary>
    private void Flush(mlx5_wqe_ctrl_seg* control, SendWqe wqe)
    {
        MoveOn(wqe);
        if (ModeOf(control) != CompletionMode.OnFirstError || !_errorReported)
        {
            Complete(control, wqe.Index, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, isSolicited: false, 0);
        }

        _errorReported = true;
    }

    private void MoveOn(SendWqe wqe)
    {
        // Where a WQE ends can't be told from an impossible length: it takes all that follow with it.
        int blocks = IsInRing(wqe) ? SendWqe.Blocks(wqe.Units) : _doorbell.Waiting;
        if (_records is not null)
        {
            Record(_records, wqe);
        }

        _doorbell.Next += (ushort)blocks;
    }

    private void Record(WorkRecords records, SendWqe wqe)
    {
        Span<byte> copy = stackalloc byte[SendWqe.MaxBytes];
        copy = copy[..(IsInRing(wqe) ? wqe.LengthBytes : SendWqe.UnitBytes)];
        _ring.CopyWqe(wqe.Index, copy);
        records.Sent(Number, wqe.Index, copy);
    }

    private static CompletionMode ModeOf(mlx5_wqe_ctrl_seg* control) => (CompletionMode)((control->fm_ce_se >> 2) & 3);

    private void Complete(mlx5_wqe_ctrl_seg* control, ushort index, byte syndrome, bool isSolicited, ulong timestamp)
    {
        if (!_completions.TryReserve(out mlx5_cqe64* entry))
        {
            if (State != QueueState.Error)
            {
                _parameters.OnFatal?.Invoke();
            }

            State = QueueState.Error;
            return;
        }

        uint opcodeAndNumber = (control->opmod_idx_opcode << 24) | Number;
        ErrorCompletion.Fill(entry, _parameters.UserIndex, syndrome, opcodeAndNumber, index);
        if (syndrome == 0)
        {
            entry->timestamp = DeviceClock.Ticks((long)timestamp);
        }

        _completions.Publish(entry, syndrome == 0 ? Mlx5Cqe.MLX5_CQE_REQ : Mlx5Cqe.MLX5_CQE_REQ_ERR, isSolicited);
    }

    /// <summary>When a WQE is to complete: bits 3:2 of its fm_ce_se.</summary>
    private enum CompletionMode
    {
        OnError = 0,
        OnFirstError = 1,
        Always = 2,
        AlwaysWithEvent = 3,
    }
}
