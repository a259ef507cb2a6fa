using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>The send side of a queue pair: takes WQEs in order once a doorbell has told of them.</summary>
internal sealed unsafe class SendQueue
{
    private readonly QueuePairParameters _parameters;
    private readonly CompletionQueue _completions;
    private readonly ConformanceLog _conformance;
    private readonly SendRing _ring;
    private readonly uint* _record;
    private ushort _next; // the block that the next WQE begins in, running
    private ushort _end;  // one after the last block that a doorbell told of
    private long _aheadSince;
    private bool _ledByRecord;
    private int _registers; // those of the page that rang for this queue, a bit each

    public SendQueue(uint number, QueuePairParameters parameters, MemoryTable memory, ConformanceLog conformance)
    {
        Number = number;
        _parameters = parameters;
        _completions = parameters.SendCompletions!;
        _conformance = conformance;
        _ring = new SendRing(parameters, memory);
        _record = (uint*)parameters.DoorbellRecordAddress + Mlx5Wqe.MLX5_SND_DBR;
    }

    public uint Number { get; }

    public QueueState State { get; private set; }

    public NicContext Context => _parameters.Context;

    public bool HasWork => _next != _end;

    public void Modify(QueueState state)
    {
        State = state;
        _aheadSince = 0;
        if (state == QueueState.Reset)
        {
            (_next, _end, _ledByRecord) = (0, 0, false);
        }
    }

    /// <summary>Takes what the program wrote to a doorbell register: the first eight bytes of its last WQE.</summary>
    public void Ring(mlx5_wqe_ctrl_seg doorbell, int register)
    {
        if (State == QueueState.Reset)
        {
            return;
        }

        _registers |= 1 << register;
        ushort index = (ushort)(doorbell.opmod_idx_opcode >> 8);
        int blocks = Blocks((int)(doorbell.qpn_ds & 0x3F));
        ushort end = (ushort)(index + blocks);
        if ((ushort)(end - _next) > _parameters.SendBlocks)
        {
            ReportImpossible(end);
            return;
        }

        CheckAgainstRing(doorbell, index);
        if ((ushort)(ReadRecord() - end) > _parameters.SendBlocks)
        {
            _conformance.Report($"QP {Number}: the doorbell register says block {end}, the doorbell record only {ReadRecord()}");
        }

        Extend(end);
    }

    /// <summary>Looks for work after another queue's write to a register that this one may share, and whose value it may have replaced.</summary>
    public void RingFromRecord(int register)
    {
        bool shares = _registers == 0 || (_registers & (1 << register)) != 0;
        if (!shares || State == QueueState.Reset)
        {
            return;
        }

        ushort record = ReadRecord();
        if ((ushort)(record - _next) <= _parameters.SendBlocks)
        {
            _ledByRecord |= record != _end;
            Extend(record);
        }
    }

    /// <summary>Checks the record while the queue rests: a program that is a second late forgot the register.</summary>
    public void CheckRecord(long nowNanoseconds)
    {
        if (State != QueueState.Ready || ReadRecord() == _end)
        {
            _aheadSince = 0;
        }
        else if (_aheadSince == 0)
        {
            _aheadSince = nowNanoseconds;
        }
        else if (nowNanoseconds - _aheadSince > 1_000_000_000)
        {
            _aheadSince = long.MaxValue; // said once
            _conformance.Report($"QP {Number}: the doorbell record says block {ReadRecord()}, the register has said {_end} for a second");
        }
    }

    /// <summary>Takes the next WQE. True if it gave a frame, which then fills the first <paramref name="length"/> bytes.</summary>
    public bool TryTake(Span<byte> frame, ulong timestamp, out int length)
    {
        length = 0;
        ushort index = _next;
        mlx5_wqe_ctrl_seg* control = _ring.Control(index);
        int ds = (int)(control->qpn_ds & 0x3F);
        byte syndrome = CheckControl(control, index, ds);
        if (syndrome != 0)
        {
            Fail(control, index, syndrome);
            _next = _end; // where a WQE ends can't be told from a broken one
            return false;
        }

        byte completion = (byte)((control->fm_ce_se >> 2) & 3);
        if (State == QueueState.Error)
        {
            _next += (ushort)Blocks(ds);
            if (completion != 1)
            {
                Complete(control, index, Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR, solicited: false, timestamp);
            }

            return false;
        }

        bool sends = (byte)control->opmod_idx_opcode.Value == Mlx5Wqe.MLX5_OPCODE_SEND;
        syndrome = sends ? _ring.Gather(index, ds, frame, out length) : (byte)0;
        _next += (ushort)Blocks(ds);
        if (syndrome != 0)
        {
            Fail(control, index, syndrome);
            return false;
        }

        if (completion >= 2)
        {
            bool solicited = completion == 3 || (control->fm_ce_se & Mlx5Wqe.MLX5_WQE_CTRL_SOLICITED) != 0;
            Complete(control, index, 0, solicited, timestamp);
        }

        return sends;
    }

    private static int Blocks(int ds) => (ds + 3) / 4;

    /// <summary>0, or the syndrome of a WQE that can't be executed at all.</summary>
    private byte CheckControl(mlx5_wqe_ctrl_seg* control, ushort index, int ds)
    {
        uint opcode = control->opmod_idx_opcode & 0xFF;
        bool known = opcode is Mlx5Wqe.MLX5_OPCODE_SEND or Mlx5Wqe.MLX5_OPCODE_NOP;
        bool ours = (ushort)(control->opmod_idx_opcode >> 8) == index && control->qpn_ds >> 8 == Number;
        bool fits = ds >= (opcode == Mlx5Wqe.MLX5_OPCODE_SEND ? 2 : 1) && Blocks(ds) <= (ushort)(_end - index);
        return known && ours && fits ? (byte)0 : Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    }

    private void Fail(mlx5_wqe_ctrl_seg* control, ushort index, byte syndrome)
    {
        bool wasReady = State == QueueState.Ready;
        State = QueueState.Error;
        if (wasReady)
        {
            Complete(control, index, syndrome, solicited: false, 0);
        }
    }

    private void Complete(mlx5_wqe_ctrl_seg* control, ushort index, byte syndrome, bool solicited, ulong timestamp)
    {
        if (!_completions.TryReserve(out mlx5_cqe64* entry))
        {
            State = QueueState.Error;
            _parameters.OnFatal?.Invoke();
            return;
        }

        uint opcodeAndNumber = (control->opmod_idx_opcode << 24) | Number;
        ErrorCompletion.Fill(entry, _parameters.UserIndex, syndrome, opcodeAndNumber, index);
        if (syndrome == 0)
        {
            entry->timestamp = timestamp;
        }

        _completions.Publish(entry, syndrome == 0 ? Mlx5Cqe.MLX5_CQE_REQ : Mlx5Cqe.MLX5_CQE_REQ_ERR, solicited);
    }

    /// <summary>A value behind what is done is one that another queue's doorbell made known before; else it is an error.</summary>
    private void ReportImpossible(ushort end)
    {
        bool isBehind = (ushort)(_next - end) <= _parameters.SendBlocks;
        if (!isBehind || !_ledByRecord)
        {
            _conformance.Report(isBehind
                ? $"QP {Number}: the doorbell register went backwards, to block {end} from {_end}"
                : $"QP {Number}: the doorbell register says block {end}, more than the {_parameters.SendBlocks} after {_next}");
        }
    }

    /// <summary>The register must hold the last WQE's own first bytes.</summary>
    private void CheckAgainstRing(mlx5_wqe_ctrl_seg doorbell, ushort index)
    {
        mlx5_wqe_ctrl_seg* control = _ring.Control(index);
        if (control->opmod_idx_opcode != doorbell.opmod_idx_opcode || control->qpn_ds != doorbell.qpn_ds)
        {
            _conformance.Report($"QP {Number}: the doorbell register's value is not the beginning of the WQE at block {index}");
        }
    }

    private void Extend(ushort end)
    {
        if ((ushort)(end - _next) > (ushort)(_end - _next))
        {
            _end = end;
        }
    }

    private ushort ReadRecord()
    {
        uint raw = Be32.FromRaw(Volatile.Read(ref *_record)).Value;
        if (raw > 0xFF_FFFF)
        {
            _conformance.Report($"QP {Number}: send doorbell record 0x{raw:x} exceeds 24 bits, or is in the wrong byte order");
        }

        return (ushort)raw;
    }
}
