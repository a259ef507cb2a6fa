using System.Numerics;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A completion queue: a ring in the program's memory that only the NIC writes.</summary>
public sealed unsafe class CompletionQueue
{
    private const uint IndexMask = 0xFF_FFFF;
    private const uint SolicitedOnly = Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL;

    private readonly CompletionQueueParameters _parameters;
    private readonly ConformanceLog _conformance;
    private readonly byte* _ring;
    private readonly uint* _record;
    private readonly int _log2Entries;
    private uint _producer; // free-running, 24 bits count
    private uint _consumer; // the last that the program published
    private uint _seenArm;
    private bool _armed;

    internal CompletionQueue(uint number, CompletionQueueParameters parameters, ConformanceLog conformance)
    {
        Number = number;
        _parameters = parameters;
        _conformance = conformance;
        _ring = (byte*)parameters.BufferAddress;
        _record = (uint*)parameters.DoorbellRecordAddress;
        _log2Entries = BitOperations.Log2((uint)parameters.Entries);
    }

    /// <summary>The cqn that the program writes to the arm register, 24 bits.</summary>
    public uint Number { get; }

    /// <summary>True once the queue has overrun; it takes no entries any more.</summary>
    public bool HasFailed { get; private set; }

    internal int UarPage => _parameters.UarPage;

    /// <summary>Finds room for one entry. Without room the queue fails, since the NIC would write over unread entries.</summary>
    internal bool TryReserve(out mlx5_cqe64* entry)
    {
        entry = Slot(_producer);
        if (HasFailed || _parameters.IgnoreOverrun)
        {
            return !HasFailed;
        }

        // The record is read only when the last known one does not do: its line belongs to the program's processor.
        if (Used >= (uint)_parameters.Entries)
        {
            ReadConsumer();
        }

        if (Used < (uint)_parameters.Entries)
        {
            return true;
        }

        HasFailed = true;
        _parameters.OnError?.Invoke();
        return false;
    }

    /// <summary>Hands the entry from <see cref="TryReserve"/> to the program: all of it is written but its last byte.</summary>
    internal void Publish(mlx5_cqe64* entry, byte opcode, bool solicited = false)
    {
        uint owner = (_producer >> _log2Entries) & Mlx5Cqe.MLX5_CQE_OWNER_MASK;
        Volatile.Write(ref entry->op_own, (byte)((uint)(opcode << 4) | (solicited ? 2u : 0) | owner));
        _producer++;
        if (_armed && (solicited || opcode >= Mlx5Cqe.MLX5_CQE_REQ_ERR || (_seenArm & SolicitedOnly) == 0))
        {
            Fire();
        }
    }

    /// <summary>Takes an arm command from the record; events for entries that came before it are due at once.</summary>
    internal void Arm(ulong register)
    {
        uint command = (uint)(register >> 32);
        if (command != ReadRecord(1))
        {
            _conformance.Report($"CQ {Number}: the arm register says 0x{command:x}, the doorbell record 0x{ReadRecord(1):x}");
        }

        Arm(command);
    }

    /// <summary>Takes an arm command whose register write was lost below that of another queue on the same page.</summary>
    internal void ArmFromRecord()
    {
        uint command = ReadRecord(1);
        if (command != _seenArm)
        {
            Arm(command);
        }
    }

    /// <summary>Reads and checks what the program says it has consumed.</summary>
    internal void ReadConsumer()
    {
        uint raw = ReadRecord(0);
        uint advance = (raw - _consumer) & IndexMask;
        if (raw > IndexMask)
        {
            _conformance.Report($"CQ {Number}: consumer index 0x{raw:x} exceeds 24 bits, or is in the wrong byte order");
        }
        else if (advance > Used)
        {
            _conformance.Report($"CQ {Number}: consumer index {raw} is not between {_consumer} and the producer's {_producer & IndexMask}");
        }
        else
        {
            _consumer = raw;
        }
    }

    private uint Used => (_producer - _consumer) & IndexMask;

    private void Arm(uint command)
    {
        _seenArm = command;
        _armed = true;
        uint consumed = command & IndexMask;
        if ((command & SolicitedOnly) == 0 && ((_producer - consumed) & IndexMask) != 0)
        {
            Fire();
        }
    }

    private void Fire()
    {
        _armed = false;
        _parameters.OnCompletionEvent?.Invoke();
    }

    private uint ReadRecord(int dword) => Be32.FromRaw(Volatile.Read(ref _record[dword])).Value;

    private mlx5_cqe64* Slot(uint index)
    {
        uint at = index & (uint)(_parameters.Entries - 1);
        byte* slot = _ring + ((nuint)at * (nuint)_parameters.EntryBytes);
        return (mlx5_cqe64*)(slot + _parameters.EntryBytes - sizeof(mlx5_cqe64));
    }
}
