using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>A descriptor from which a program reads events: asynchronous ones, or completion events.</summary>
/// <remarks>
/// A pair of SOCK_SEQPACKET sockets behaves as the kernel's file does: one event a read, poll, O_NONBLOCK. A kernel counts
/// an event as reported when it is read, and drops the unread ones of an object that is destroyed. So destroying takes
/// the unread events out and puts back those of other objects; a second reference to the program's end serves for that.
/// What the sockets do not hold (some 270 events) waits behind them until the program has read.
/// Limit: after the device is closed a read gives 0 where a kernel gives EIO.
/// </remarks>
internal sealed unsafe class EventChannel : UverbsFile
{
    private readonly Lock _lock = new();
    private readonly int _recordBytes;
    private readonly int _unread;
    private readonly int _writer;
    private readonly Queue<byte[]> _waiting = new();
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
            if (_closed)
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
            while (!_closed && _waiting.TryPeek(out byte[]? record) && Put(record))
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
            return _closed ? 0 : TakeOut(element);
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
            _ = Libc.close(_writer);
            _ = Libc.close(_unread);
        }

        Closed?.Invoke(this);
    }

    private int TakeOut(ulong element)
    {
        int taken = 0;
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
            if (MemoryMarshal.Read<ulong>(each) == element) // both kinds of record begin with it
            {
                taken++;
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
