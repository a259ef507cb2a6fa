using Verbena.Emulator.Record;

namespace Verbena.Emulator.Nic;

/// <summary>The queues of a device by number, and the register pages on which programs ring for them.</summary>
internal sealed class QueueTable(ConformanceLog conformance, MemoryTable memory, UarRegion uar, NicOptions options, PortCounters counters)
{
    private const uint FirstNumber = 0x40; // hardware keeps the low ones for itself
    private const int MaxEntries = 32768;
    private const int MaxCompletions = 1 << 22;

    private readonly NumberedList<CompletionQueue> _completionQueues = new();
    private readonly NumberedList<QueuePair> _queuePairs = new();
    private readonly NumberedList<WorkQueue> _workQueues = new();

    public ConformanceLog Conformance { get; } = conformance;

    public UarRegion Uar { get; } = uar;

    /// <summary>Pages with an arm register in use.</summary>
    public int[] ArmPages { get; private set; } = [];

    /// <summary>Pages with doorbell registers in use.</summary>
    public int[] DoorbellPages { get; private set; } = [];

    public SendQueue[] SendQueues { get; private set; } = [];

    public ReceiveQueue[] ReceiveQueues { get; private set; } = [];

    public QueuePair[] QueuePairs { get; private set; } = [];

    public CompletionQueue[] CompletionQueues { get; private set; } = [];

    /// <summary>Gets the work of queues that are made from now on; null: nobody does.</summary>
    public WorkRecords? Records { get; set; }

    public CompletionQueue CreateCompletionQueue(CompletionQueueParameters parameters)
    {
        CheckRing("completion queue", parameters.BufferAddress, parameters.DoorbellRecordAddress, parameters.Entries, MaxCompletions);
        CheckPage(parameters.UarPage);
        if (parameters.EntryBytes is not (64 or 128))
        {
            throw NicException.Invalid($"completions have 64 or 128 bytes, not {parameters.EntryBytes}");
        }

        CompletionQueue queue = _completionQueues.Add(index => new CompletionQueue(FirstNumber + index, parameters, options.Behaviour, Conformance, counters, Records));
        Publish();
        return queue;
    }

    public static void Resize(CompletionQueue queue, ulong bufferAddress, int entries)
    {
        CheckRing("completion queue", bufferAddress, record: 4, entries, MaxCompletions);
        queue.Resize(bufferAddress, entries);
    }

    public void Destroy(CompletionQueue queue)
    {
        _completionQueues.Remove(queue.Number - FirstNumber);
        Publish();
    }

    public QueuePair CreateQueuePair(QueuePairParameters parameters)
    {
        CheckPage(parameters.UarPage);
        if (parameters.SendBlocks == 0 && parameters.ReceiveEntries == 0)
        {
            throw NicException.Invalid("a queue pair sends, receives or both");
        }

        if (parameters.SendBlocks > 0)
        {
            CheckRing("send queue", parameters.SendBufferAddress, parameters.DoorbellRecordAddress, parameters.SendBlocks, MaxEntries);
            CheckCompletions(parameters.SendCompletions);
        }

        QueuePair pair = _queuePairs.Add(index => Make(FirstNumber + index, parameters));
        Publish();
        return pair;
    }

    public void Destroy(QueuePair queue)
    {
        queue.Modify(QueuePairState.Reset);
        _queuePairs.Remove(queue.Number - FirstNumber);
        Publish();
    }

    public WorkQueue CreateWorkQueue(WorkQueueParameters parameters)
    {
        CheckReceive(parameters);
        WorkQueue queue = _workQueues.Add(index =>
            new WorkQueue(FirstNumber + index, new ReceiveQueue($"WQ {FirstNumber + index}", parameters, memory, Conformance, Records)));
        Publish();
        return queue;
    }

    public void Destroy(WorkQueue queue)
    {
        queue.Receive.Modify(QueueState.Reset);
        _workQueues.Remove(queue.Number - FirstNumber);
        Publish();
    }

    public QueuePair? FindQueuePair(uint number) => _queuePairs.Find(number - FirstNumber);

    public CompletionQueue? FindCompletionQueue(uint number) => _completionQueues.Find(number - FirstNumber);

    private QueuePair Make(uint number, QueuePairParameters parameters)
    {
        SendQueue? send = parameters.SendBlocks == 0 ? null : new SendQueue(number, parameters, memory, Conformance, options.Model, counters, Records);
        ReceiveQueue? receive = parameters.ReceiveEntries == 0 ? null : MakeReceive(number, parameters);
        return new QueuePair(number, parameters, send, receive, counters);
    }

    private ReceiveQueue MakeReceive(uint number, QueuePairParameters parameters)
    {
        CheckCompletions(parameters.ReceiveCompletions);
        WorkQueueParameters receive = new()
        {
            ProtectionDomain = parameters.ProtectionDomain,
            BufferAddress = parameters.ReceiveBufferAddress,
            Entries = parameters.ReceiveEntries,
            StrideLog2 = parameters.ReceiveStrideLog2,
            DoorbellRecordAddress = parameters.DoorbellRecordAddress,
            UserIndex = parameters.UserIndex,
            Completions = parameters.ReceiveCompletions!,
            StripsVlan = parameters.StripsVlan,
            KeepsFcs = parameters.KeepsFcs,
            OnFatal = parameters.OnFatal,
        };
        CheckReceive(receive);
        return new ReceiveQueue($"QP {number}", receive, memory, Conformance, Records);
    }

    private void CheckReceive(WorkQueueParameters parameters)
    {
        CheckRing("receive queue", parameters.BufferAddress, parameters.DoorbellRecordAddress, parameters.Entries, MaxEntries);
        if (parameters.StrideLog2 is < 4 or > 9)
        {
            throw NicException.Invalid($"a receive WQE has 16 to 512 bytes, not 2^{parameters.StrideLog2}");
        }

        if (parameters.Striding is { } striding)
        {
            CheckStriding(parameters, striding, StridingParameters.MinStridesLog2(options.Behaviour.ExtendedStrideNumbers));
        }
    }

    private static void CheckStriding(WorkQueueParameters parameters, StridingParameters striding, int minStridesLog2)
    {
        const int SmallestEntryLog2 = 5; // a header and one segment
        bool bytesFit = striding.StrideBytesLog2 is >= StridingParameters.MinStrideBytesLog2 and <= StridingParameters.MaxStrideBytesLog2;
        bool stridesFit = striding.StridesLog2 >= minStridesLog2 && striding.StridesLog2 <= StridingParameters.MaxStridesLog2;
        if (!bytesFit || !stridesFit || parameters.StrideLog2 < SmallestEntryLog2)
        {
            throw NicException.Invalid($"a striding WQE of 2^{parameters.StrideLog2} bytes with 2^{striding.StridesLog2} strides"
                + $" of 2^{striding.StrideBytesLog2} bytes is beyond what the device can do");
        }
    }

    private static void CheckRing(string what, ulong buffer, ulong record, int entries, int most)
    {
        if (!int.IsPow2(entries) || entries > most)
        {
            throw NicException.Invalid($"a {what} has a power of two of entries up to {most}, not {entries}");
        }

        if (buffer == 0 || buffer % 64 != 0 || record == 0 || record % 4 != 0)
        {
            throw NicException.Invalid($"the ring of a {what} is aligned to 64 bytes and its doorbell record to 4, unlike 0x{buffer:x} and 0x{record:x}");
        }
    }

    private static void CheckCompletions(CompletionQueue? queue)
    {
        if (queue is null)
        {
            throw NicException.Invalid("a queue needs a completion queue");
        }
    }

    private void CheckPage(int page)
    {
        if (!Uar.IsAllocated(page))
        {
            throw NicException.Invalid($"UAR page {page} is not allocated");
        }
    }

    /// <summary>Lists anew what the engine goes through.</summary>
    private void Publish()
    {
        CompletionQueues = [.. _completionQueues];
        QueuePairs = [.. _queuePairs];
        SendQueues = [.. QueuePairs.Select(q => q.Send).OfType<SendQueue>()];
        ReceiveQueues = [.. QueuePairs.Select(q => q.Receive).OfType<ReceiveQueue>(), .. _workQueues.Select(q => q.Receive)];
        ArmPages = [.. CompletionQueues.Select(q => q.UarPage).Distinct()];
        DoorbellPages = [.. QueuePairs.Where(q => q.Send is not null).Select(q => q.UarPage).Distinct()];
    }
}

/// <summary>Objects by index, the lowest free one first.</summary>
internal sealed class NumberedList<T> : IEnumerable<T>
    where T : class
{
    private readonly List<T?> _items = [];

    public T Add(Func<uint, T> make)
    {
        int index = _items.IndexOf(null);
        index = index < 0 ? _items.Count : index;
        T item = make((uint)index);
        if (index == _items.Count)
        {
            _items.Add(null);
        }

        return _items[index] = item;
    }

    public void Remove(uint index) => _items[(int)index] = null;

    public T? Find(uint index) => index < (uint)_items.Count ? _items[(int)index] : null;

    public IEnumerator<T> GetEnumerator() => _items.OfType<T>().GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}
