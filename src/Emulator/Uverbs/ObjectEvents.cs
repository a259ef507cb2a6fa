using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>The asynchronous events of one object, and how many of them the program has read.</summary>
/// <param name="channel">Where they go, or null if the program has no descriptor for them.</param>
/// <param name="userHandle">The program's name for the object.</param>
internal sealed class ObjectEvents(EventChannel? channel, ulong userHandle)
{
    private int _sent;

    /// <summary>Any thread, the NIC's included.</summary>
    public void Send(ibv_event_type type)
    {
        var record = new ib_uverbs_async_event_desc { element = userHandle, event_type = (uint)type };
        Interlocked.Increment(ref _sent); // first: the program may have read the event before Send returns
        if (channel is null || !channel.Send(record))
        {
            Interlocked.Decrement(ref _sent);
        }
    }

    /// <summary>The events that the program has read; the unread ones are taken back. The object is gone from the NIC.</summary>
    public uint Reported() => (uint)(_sent - (channel?.TakeUnread(userHandle) ?? 0));
}
