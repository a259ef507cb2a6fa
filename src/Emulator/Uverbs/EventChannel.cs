using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>A descriptor from which a program reads events: asynchronous ones, or completion events.</summary>
/// <remarks>
/// A pair of SOCK_SEQPACKET sockets behaves as the kernel's file does: one event a read, poll, O_NONBLOCK. A kernel counts
/// an event as reported when it is read, and drops the unread ones of an object that is destroyed. So destroying takes
/// the unread events out and puts back those of other objects; a second reference to the program's end serves for that.
/// Limits: after the device is closed a read gives 0 where a kernel gives EIO; more than about 270 unread events are lost.
/// </remarks>
internal sealed unsafe class EventChannel : UverbsFile
{
    private readonly Lock _lock = new();
    private readonly int _recordBytes;
    private readonly int _unread;
    private readonly int _writer;
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

    public static EventChannel ForAsyncEvents() => new(sizeof(ib_uverbs_async_event_desc));

    public static EventChannel ForCompletions() => new(sizeof(ib_uverbs_comp_event_desc));

    /// <summary>Queues an event; false if nobody can read it any more, or too many wait.</summary>
    public bool Send<T>(T record)
        where T : unmanaged
    {
        lock (_lock)
        {
            return !_closed && Libc.send(_writer, &record, (nuint)sizeof(T), Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL) == sizeof(T);
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
            if (!_closed)
            {
                _closed = true;
                _ = Libc.close(_writer);
                _ = Libc.close(_unread);
            }
        }
    }

    private int TakeOut(ulong element)
    {
        int taken = 0;
        var others = new List<(ulong Element, ulong Type)>();
        (ulong Element, ulong Type) record = default; // both kinds of record begin with the element
        while (Libc.recv(_unread, &record, (nuint)_recordBytes, Sockets.MSG_DONTWAIT) == _recordBytes)
        {
            if (record.Element == element)
            {
                taken++;
            }
            else
            {
                others.Add(record);
            }
        }

        foreach ((ulong Element, ulong Type) other in others)
        {
            record = other;
            _ = Libc.send(_writer, &record, (nuint)_recordBytes, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL);
        }

        return taken;
    }
}
