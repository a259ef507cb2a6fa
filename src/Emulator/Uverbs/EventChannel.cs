using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>A descriptor from which a program reads events: asynchronous ones, or completion events.</summary>
/// <remarks>
/// A pair of SOCK_SEQPACKET sockets behaves as the kernel's file does: one event a read, poll, O_NONBLOCK. A kernel counts
/// an event as reported when it is read, and drops the unread ones of an object that is destroyed. So destroying takes
/// the unread events out and puts back those of other objects; a second reference to the program's end serves for that.
/// What the sockets do not hold (some 270 events) waits behind them until the program has read.
/// After the device is gone, a read gives 0 behind the last event, of which the shim makes a kernel's EIO; poll says POLLIN and
/// POLLHUP, where a kernel's says POLLERR.
/// </remarks>
internal sealed unsafe class EventChannel : UverbsFile
{
    private readonly Lock _lock = new();
    private readonly int _recordBytes;
    private readonly int _unread;
    private readonly int _writer;
    private readonly Queue<byte[]> _waiting = new();
    private readonly List<byte[]> _lost = []; // unread events of objects, when the device went
    private bool _isGone;
    private bool _closed;

    private EventChannel(int recordBytes)
    {
        _recordBytes = recordBytes;
        int* ends = stackalloc int[2];
        if (Libc.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, ends) != 0)
        {
            throw new UverbsException((Errno)Marshal.GetLastPInvokeError(), "socketpair for events failed");
        }

        Descriptor = ends[0];
        _writer = ends[1];
        _unread = Libc.fcntl(Descriptor, Libc.F_DUPFD_CLOEXEC, 0);
    }

    /// <summary>The program's descriptor, which the program closes.</summary>
    public int Descriptor { get; }

    /// <summary>Called once, when nobody can read events any more.</summary>
    public Action<EventChannel>? Closed { get; set; }

    public static EventChannel ForAsyncEvents() => new(sizeof(ib_uverbs_async_event_desc));

    public static EventChannel ForCompletions() => new(sizeof(ib_uverbs_comp_event_desc));

    /// <summary>Queues an event; false if nobody can read it any more.</summary>
    public bool Send<T>(T record)
        where T : unmanaged
    {
        lock (_lock)
        {
            if (_closed || _isGone)
            {
                return false;
            }

            if (_waiting.Count > 0 || !Put(new ReadOnlySpan<byte>(&record, sizeof(T))))
            {
                _waiting.Enqueue(new ReadOnlySpan<byte>(&record, sizeof(T)).ToArray());
            }

            return true;
        }
    }

    /// <summary>Moves on what waits, as far as the program has read.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            while (!_closed && !_isGone && _waiting.TryPeek(out byte[]? record) && Put(record))
            {
                _waiting.Dequeue();
            }
        }
    }

    /// <summary>Takes out the events of the object whose user handle is <paramref name="element"/>, and returns their number.</summary>
    public int TakeUnread(ulong element)
    {
        lock (_lock)
        {
            Predicate<byte[]> isOfObject = record => MemoryMarshal.Read<ulong>(record) == element; // both kinds of record begin with it
            return _closed ? 0 : _isGone ? _lost.RemoveAll(isOfObject) : TakeOut(isOfObject).Count;
        }
    }

    /// <summary>The device is gone: as a kernel that has destroyed all objects, keeps only what is unread of the device itself, and ends.</summary>
    public void Disassociate()
    {
        lock (_lock)
        {
            if (!_closed && !_isGone)
            {
                _lost.AddRange(TakeOut(IsOfObject));
                _isGone = true;
                _ = Libc.close(_writer);
            }
        }
    }

    /// <summary>The program has closed its descriptor, or the device its context.</summary>
    public override void Close()
    {
        lock (_lock)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            _ = _isGone ? 0 : Libc.close(_writer);
            _ = Libc.close(_unread);
        }

        Closed?.Invoke(this);
    }

    private bool IsOfObject(byte[] record) => _recordBytes != sizeof(ib_uverbs_async_event_desc)
        || MemoryMarshal.Read<ib_uverbs_async_event_desc>(record).event_type
            is not ((uint)ibv_event_type.IBV_EVENT_DEVICE_FATAL or (uint)ibv_event_type.IBV_EVENT_PORT_ACTIVE or (uint)ibv_event_type.IBV_EVENT_PORT_ERR);

    /// <summary>Takes those unread events out, and leaves the others in order.</summary>
    private List<byte[]> TakeOut(Predicate<byte[]> isWanted)
    {
        List<byte[]> taken = [];
        byte[] record = new byte[_recordBytes];
        var all = new List<byte[]>();
        fixed (byte* bytes = record)
        {
            while (Libc.recv(_unread, bytes, (nuint)_recordBytes, Sockets.MSG_DONTWAIT) == _recordBytes)
            {
                all.Add([.. record]);
            }
        }

        all.AddRange(_waiting);
        _waiting.Clear();
        foreach (byte[] each in all)
        {
            if (isWanted(each))
            {
                taken.Add(each);
            }
            else if (_waiting.Count > 0 || !Put(each))
            {
                _waiting.Enqueue(each);
            }
        }

        return taken;
    }

    private bool Put(ReadOnlySpan<byte> record)
    {
        fixed (byte* bytes = record)
        {
            return Libc.send(_writer, bytes, (nuint)record.Length, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL) == record.Length;
        }
    }
}
