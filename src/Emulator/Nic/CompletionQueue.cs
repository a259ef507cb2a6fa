using System.Runtime.CompilerServices;
using Verbena.Emulator.Record;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A completion queue: a ring in the program's memory that only the NIC writes.</summary>
public sealed unsafe class CompletionQueue
{
    private const uint IndexMask = 0xFF_FFFF;

    /// <summary>How long an aggressive NIC holds completions back, in ticks of its clock: some 10 µs.</summary>
    private const ulong LongestSession = 1024;

    private readonly CompletionQueueParameters _parameters;
    private readonly ConformanceLog _conformance;
    private readonly CompletionArm _arm;
    private readonly CompletionBatch _batch = new();
    private readonly CompressionSession? _session;
    private readonly CqeCompressionPolicy _policy;
    private readonly bool _sessionsWrap;
    private readonly Random? _random;
    private readonly PortCounters _counters;
    private readonly WorkRecords? _records;
    private readonly uint* _record;
    private CompletionRing _ring;
    private uint _producer; // running through 32 bits, of which 24 count
    private uint _visible;  // one after the last that the program can see; behind the producer while completions are held back
    private uint _consumer; // the last that the program published
    private uint _end;      // the first for which no room is known; the producer once the queue has failed
    private uint _marks;    // of resizing, which are not in the ring of today, and which the program passes with its next index
    private EventModeration _moderation;
    private uint _seenArm = CompletionArm.NeverArmed;

    internal CompletionQueue(
        uint number, CompletionQueueParameters parameters, NicBehaviour behaviour, ConformanceLog conformance, PortCounters counters, WorkRecords? records)
    {
        _counters = counters;
        _records = records;
        Number = number;
        _parameters = parameters;
        _conformance = conformance;
        _ring = new CompletionRing(parameters.BufferAddress, parameters.Entries, parameters.EntryBytes, parameters.Pads);
        _record = (uint*)parameters.DoorbellRecordAddress;
        _arm = new CompletionArm(number, conformance);
        _policy = behaviour.CqeCompression;
        _sessionsWrap = behaviour.CqeSessionsWrap;
        bool compresses = parameters.Compression != CqeCompressionFormat.None && _policy != CqeCompressionPolicy.Never;
        _session = compresses ? new CompressionSession(parameters.Compression) : null;
        _random = _policy == CqeCompressionPolicy.Random ? new Random(behaviour.CqeCompressionSeed ^ (int)number) : null;
        Volatile.Write(ref _record[1], CompletionArm.NeverArmed);
        MoveEnd();
    }

    /// <summary>The cqn that the program writes to the arm register, 24 bits.</summary>
    public uint Number { get; }

    /// <summary>True once the queue has overrun; it takes no entries any more.</summary>
    public bool HasFailed { get; private set; }

    internal int EntryBytes => _parameters.EntryBytes;

    internal int UarPage => _parameters.UarPage;

    /// <summary>Finds room for one entry. Without room the queue fails, since the NIC would write over unread entries.</summary>
    internal bool TryReserve(out mlx5_cqe64* entry)
    {
        entry = _session is null ? _batch.Next : _session.Next;
        return _producer != _end || FindRoom();
    }

    /// <summary>Takes the entry from <see cref="TryReserve"/>, of which all is filled in but its last byte. It is held back until <see cref="Finish"/>.</summary>
    internal void Publish(mlx5_cqe64* entry, byte opcode, bool solicited = false)
    {
        _records?.Completed(Number, _producer, entry, opcode, solicited);
        if (_session is not null && opcode == Mlx5Cqe.MLX5_CQE_RESP_SEND)
        {
            Hold(_session);
            return;
        }

        if (_session is not null)
        {
            Close();
            CheckInvalid(_producer);
            *_batch.Next = *entry;
        }

        bool isError = opcode >= Mlx5Cqe.MLX5_CQE_REQ_ERR;
        if (isError)
        {
            CountError((mlx5_err_cqe*)entry, opcode);
        }

        _producer++;
        _batch.Add((byte)((opcode << 4) | (solicited ? 2 : 0)), _ring.Unready(_producer - 1));
        bool isFull = _batch.IsFull || _batch.Count >= _ring.Entries; // the ring of a queue that ignores overrun may be small
        if (isFull || solicited || isError || _session is not null)
        {
            Write(solicited || isError);
        }
    }

    /// <summary>Ends a pass of the NIC: hands over what was held back, unless more of it is worth waiting for.</summary>
    /// <param name="timestamp">The NIC's clock, in ticks.</param>
    internal void Finish(ulong timestamp)
    {
        bool waits = _policy == CqeCompressionPolicy.Aggressive && _session is { Count: > 0 } session
            && timestamp - session.Title->timestamp < LongestSession;
        if (!waits)
        {
            HandOver();
        }

        if (_moderation.IsHolding && _moderation.Release(_visible, timestamp))
        {
            _parameters.OnCompletionEvent?.Invoke();
        }
    }

    /// <summary>Lets events wait for so many completions since the last one, or for so long; 0: they are sent at once.</summary>
    internal void Moderate(ushort completions, ushort periodMicroseconds) => _moderation.Set(completions, periodMicroseconds);

    /// <summary>Goes on in another ring. The last entry of the old one says so; what the program has not taken, it copies.</summary>
    /// <exception cref="NicException">EINVAL: the other ring has no room for what the program has not taken, or the queue has failed.</exception>
    internal void Resize(ulong bufferAddress, int entries)
    {
        if (HasFailed)
        {
            throw NicException.Invalid($"CQ {Number} has overrun");
        }

        HandOver();
        ReadConsumer();
        if (Used >= _ring.Entries || Used > (uint)entries)
        {
            throw NicException.Invalid($"CQ {Number} holds {Used} completions, too many to go on with {entries} entries");
        }

        Unsafe.InitBlockUnaligned(_ring[_producer], 0, (uint)sizeof(mlx5_cqe64) - 1);
        _ring.Publish(_producer++, Mlx5Cqe.MLX5_CQE_RESIZE_CQ << 4);
        _visible = _producer;
        _marks++;
        _ring = new CompletionRing(bufferAddress, entries, _parameters.EntryBytes, _parameters.Pads);
        MoveEnd();
    }

    /// <summary>Takes an arm command from the register, which comes after the same one in the record.</summary>
    internal void Arm(ulong register)
    {
        uint command = (uint)(register >> 32);
        uint record = ReadRecord(1);
        if (command != record && !CompletionArm.IsNewer(record, command))
        {
            _conformance.Report($"CQ {Number}: the arm register says 0x{command:x}, the doorbell record 0x{record:x}");
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
    /// <remarks>
    /// A ring needs one bit more of it than of its entries' numbers, and no NIC asks for others: programs let it run through 24
    /// bits, or 32, or as DPDK for its send queues through 16. Where overrun is ignored it means nothing.
    /// </remarks>
    internal void ReadConsumer()
    {
        if (_parameters.IgnoreOverrun)
        {
            return;
        }

        uint raw = ReadRecord(0);
        uint consumer = _consumer + ((raw - _consumer) & ((2 * _ring.Entries) - 1)); // tells full from empty
        bool isCount = raw == (consumer & IndexMask) || raw == consumer || raw == (ushort)consumer;
        if (isCount && consumer - _consumer <= _visible - _consumer)
        {
            _marks = consumer == _consumer ? _marks : 0;
            _consumer = consumer;
        }
        else
        {
            _conformance.Report(isCount
                ? $"CQ {Number}: consumer index {raw} is not between {_consumer} and the producer's {_visible}"
                : $"CQ {Number}: consumer index 0x{raw:x} is in the wrong byte order, or exceeds 24 bits");
        }
    }

    /// <summary>What the program has not consumed, as far as the NIC knows.</summary>
    private uint Used => _parameters.IgnoreOverrun ? 0 : _producer - _consumer - _marks;

    /// <summary>Reads the record, which waits until it is needed, since its line belongs to the program's processor. False: the queue fails, or has.</summary>
    private bool FindRoom()
    {
        if (HasFailed)
        {
            return false;
        }

        ReadConsumer();
        MoveEnd();
        if (_producer != _end)
        {
            return true;
        }

        HasFailed = true;
        HandOver();
        _parameters.OnError?.Invoke();
        return false;
    }

    private void MoveEnd() => _end = _parameters.IgnoreOverrun ? _producer + int.MaxValue : _consumer + _marks + _ring.Entries;

    private void CountError(mlx5_err_cqe* entry, byte opcode)
    {
        bool isFlush = entry->syndrome == Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR;
        _counters.Add(opcode == Mlx5Cqe.MLX5_CQE_REQ_ERR
            ? isFlush ? PortCounter.SendFlushes : PortCounter.SendErrors
            : isFlush ? PortCounter.ReceiveFlushes : PortCounter.ReceiveErrors);
    }

    /// <summary>Adds the completion at <see cref="CompressionSession.Next"/> to the session, or to a new one.</summary>
    private void Hold(CompressionSession session)
    {
        bool begins = !_sessionsWrap && (_producer & (_ring.Entries - 1)) == 0;
        if (begins || !session.TryAdd())
        {
            Close();
            session.TryAdd();
        }

        _producer++;
        if (_random is not null && _random.Next(4) == 0)
        {
            Close();
        }
    }

    /// <summary>Hands over all that was held back.</summary>
    internal void HandOver()
    {
        Close();
        Write(isSolicited: false);
    }

    /// <summary>Writes the batch to the ring.</summary>
    private void Write(bool isSolicited)
    {
        if (_batch.Count > 0)
        {
            _batch.Write(_ring, _producer - (uint)_batch.Count);
            Show(isSolicited);
        }
    }

    /// <summary>Ends a compressed session.</summary>
    private void Close()
    {
        if (_session is not { Count: > 0 } session)
        {
            return;
        }

        uint first = _producer - (uint)session.Count;
        CheckInvalid(first);
        _ring.Publish(first, session.Write(_ring, first));
        Show(isSolicited: false);
    }

    private void Show(bool isSolicited)
    {
        _visible = _producer;
        if (_arm.Completed(_visible, isSolicited) && _moderation.Due())
        {
            _parameters.OnCompletionEvent?.Invoke();
        }
    }

    /// <summary>The NIC does not clear what it skips or fills with minis: the program does, before the next lap.</summary>
    private void CheckInvalid(uint index)
    {
        if (_ring.LooksValid(index) && !_parameters.IgnoreOverrun)
        {
            _conformance.Report($"CQ {Number}: entry {index & (_ring.Entries - 1)}, before it is written, looks like a completion;"
                + " after compressed ones their entries are to be made invalid");
        }
    }

    private void Arm(uint command)
    {
        _seenArm = command;
        if (_arm.Take(command, _visible) && _moderation.Due())
        {
            _parameters.OnCompletionEvent?.Invoke();
        }
    }

    private uint ReadRecord(int dword) => Be32.FromRaw(Volatile.Read(ref _record[dword])).Value;
}
