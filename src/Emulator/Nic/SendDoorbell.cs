using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>How much of a send ring the NIC may read: what the doorbell register said, checked against the record and the ring.</summary>
internal sealed unsafe class SendDoorbell
{
    private readonly uint _number;
    private readonly int _blocks;
    private readonly SendRing _ring;
    private readonly ConformanceLog _conformance;
    private readonly uint* _record;
    private long _aheadSince;
    private bool _ledByRecord;
    private readonly ushort[] _told = new ushort[2]; // by half of the register: the end that it told of last
    private int _registers; // those of the page that rang for this queue, a bit each

    public SendDoorbell(uint number, QueuePairParameters parameters, SendRing ring, ConformanceLog conformance)
    {
        _number = number;
        _blocks = parameters.SendBlocks;
        _ring = ring;
        _conformance = conformance;
        _record = (uint*)parameters.DoorbellRecordAddress + Mlx5Wqe.MLX5_SND_DBR;
    }

    /// <summary>The block that the next WQE begins in, running; the queue moves it on.</summary>
    public ushort Next { get; set; }

    /// <summary>One after the last block that a doorbell told of.</summary>
    public ushort End { get; private set; }

    /// <summary>Number of blocks from <see cref="Next"/> on that a doorbell told of.</summary>
    public int Waiting => (ushort)(End - Next);

    public void Reset()
    {
        (Next, End, _ledByRecord, _aheadSince) = (0, 0, false, 0);
        Array.Clear(_told);
    }

    /// <summary>Takes what the program wrote to the register: the first eight bytes of its last WQE.</summary>
    /// <param name="doorbell">Those bytes.</param>
    /// <param name="register">Which register of the page.</param>
    /// <param name="half">Which half of it, 0 or 1: programs write them in turns.</param>
    public void Ring(mlx5_wqe_ctrl_seg doorbell, int register, int half)
    {
        _registers |= 1 << register;
        ushort index = (ushort)(doorbell.opmod_idx_opcode >> 8);
        ushort end = (ushort)(index + SendWqe.Blocks((int)(doorbell.qpn_ds & SendWqe.LengthMask)));
        if ((ushort)(end - Next) > _blocks)
        {
            ReportImpossible(end, half);
            return;
        }

        _told[half] = end;

        CheckAgainstRing(doorbell, index);
        CheckAgainstRecord(end);
        Extend(end);
    }

    /// <summary>Looks for work after another queue's write to a register that this one may share, and whose value it may have replaced.</summary>
    public void RingFromRecord(int register)
    {
        if (_registers != 0 && (_registers & (1 << register)) == 0)
        {
            return;
        }

        ushort record = ReadRecord();
        if ((ushort)(record - Next) <= _blocks)
        {
            _ledByRecord |= record != End;
            Extend(record);
        }
    }

    /// <summary>Checks the record while the queue rests: a program that is a second late forgot the register.</summary>
    public void CheckRecord(long nowNanoseconds)
    {
        if (ReadRecord() == End)
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
            _conformance.Report($"QP {_number}: the doorbell record says block {ReadRecord()}, the register has said {End} for a second");
        }
    }

    /// <summary>
    /// A value behind what is done is one that another queue's doorbell made known before; or the NIC has looked at this half,
    /// then the program has written it and the other one, which the NIC has found first. Else it is an error.
    /// </summary>
    private void ReportImpossible(ushort end, int half)
    {
        bool isBehind = (ushort)(Next - end) <= _blocks;
        bool isOvertaken = isBehind && end != _told[half] && (ushort)(Next - end) < (ushort)(Next - _told[half]);
        if (isOvertaken)
        {
            _told[half] = end;
        }
        else if (!isBehind || !_ledByRecord)
        {
            _conformance.Report(isBehind
                ? $"QP {_number}: the doorbell register went backwards, to block {end} from {End}"
                : $"QP {_number}: the doorbell register says block {end}, more than the {_blocks} after {Next}");
        }
    }

    /// <summary>The register must hold the last WQE's own first bytes.</summary>
    private void CheckAgainstRing(mlx5_wqe_ctrl_seg doorbell, ushort index)
    {
        mlx5_wqe_ctrl_seg* control = _ring.Control(index);
        if (control->opmod_idx_opcode != doorbell.opmod_idx_opcode || control->qpn_ds != doorbell.qpn_ds)
        {
            _conformance.Report($"QP {_number}: the doorbell register's value is not the beginning of the WQE at block {index}");
        }
    }

    /// <summary>The record is written before the register.</summary>
    private void CheckAgainstRecord(ushort end)
    {
        uint record = ReadRawRecord();
        if ((ushort)(record - end) > _blocks)
        {
            _conformance.Report(record > ushort.MaxValue
                ? $"QP {_number}: the doorbell register says block {end}, the doorbell record 0x{record:x}: is it in the wrong byte order?"
                : $"QP {_number}: the doorbell register says block {end}, the doorbell record only {record}");
        }
    }

    private void Extend(ushort end)
    {
        if ((ushort)(end - Next) > Waiting)
        {
            End = end;
        }
    }

    /// <summary>The 16 bits that count: some drivers let their counter run on above them.</summary>
    private ushort ReadRecord() => (ushort)ReadRawRecord();

    private uint ReadRawRecord() => Be32.FromRaw(Volatile.Read(ref *_record)).Value;
}
