using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Verbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>One opening of the device by a program: its handles, and the descriptors from which it reads events.</summary>
/// <remarks>All members but <see cref="SendPortEvent"/> are called with the device's commands locked.</remarks>
internal sealed class UverbsContext(UverbsDevice device, uint number, FileTable files) : UverbsFile
{
    private readonly SortedDictionary<uint, UverbsObject> _objects = [];
    private volatile EventChannel[] _completionChannels = [];
    private volatile EventChannel[] _asyncChannels = [];
    private uint _lastHandle;

    public UverbsDevice Device { get; } = device;

    /// <summary>Counts the openings of the device in this process, from 1.</summary>
    public uint Number { get; } = number;

    /// <summary>How the NIC tells this context's frames from others'.</summary>
    public NicContext NicContext { get; } = new();

    /// <summary>True after GET_CONTEXT; before it no other command is allowed, after it no second one.</summary>
    public bool IsOpen { get; set; }

    public IEnumerable<UverbsObject> Objects => _objects.Values;

    /// <summary>Gives a new object its handle.</summary>
    public uint Add(UverbsObject created)
    {
        _objects.Add(++_lastHandle, created);
        return _lastHandle;
    }

    /// <exception cref="UverbsException">ENOENT: the handle stands for nothing, or for something else.</exception>
    public T Get<T>(ulong handle)
        where T : UverbsObject =>
        Find<T>(handle) ?? throw new UverbsException(Errno.ENOENT, $"handle {handle} is no {typeof(T).Name}");

    /// <summary>What the handle stands for, or null.</summary>
    public T? Find<T>(ulong handle)
        where T : UverbsObject =>
        handle <= uint.MaxValue ? _objects.GetValueOrDefault((uint)handle) as T : null;

    /// <exception cref="UverbsException">EBUSY: something uses the object.</exception>
    public void Destroy(UverbsObject victim)
    {
        if (victim.InUse)
        {
            throw new UverbsException(Errno.EBUSY, $"{victim.GetType().Name} {victim.Handle} is in use");
        }

        victim.Release();
        victim.Forget();
        _objects.Remove(victim.Handle);
    }

    /// <summary>Completion channels that the program has not closed.</summary>
    public int CompletionChannels => _completionChannels.Length;

    public void AddAsyncChannel(EventChannel channel)
    {
        Track(channel);
        _asyncChannels = [.. _asyncChannels, channel];
        EndIfFailed(channel);
    }

    public void AddCompletionChannel(EventChannel channel)
    {
        Track(channel);
        _completionChannels = [.. _completionChannels, channel];
        EndIfFailed(channel);
    }

    /// <summary>The channel behind a descriptor that the program names.</summary>
    /// <exception cref="UverbsException">EBADF: it is none of this context's.</exception>
    public EventChannel Channel(ulong descriptor)
    {
        bool found = files.TryGetDescriptor(unchecked((int)descriptor), out EventChannel? channel)
            && (_asyncChannels.Contains(channel) || _completionChannels.Contains(channel));
        return found ? channel! : throw new UverbsException(Errno.EBADF, $"descriptor {descriptor} is no event channel");
    }

    /// <summary>Where an object's asynchronous events go: the descriptor given, or else the context's first.</summary>
    public ObjectEvents Events(in IoctlFrame frame, ushort descriptorId, ulong userHandle)
    {
        EventChannel? channel = frame.Has(descriptorId) ? Channel(frame.Number(descriptorId)) : _asyncChannels.FirstOrDefault();
        return new ObjectEvents(channel, userHandle);
    }

    /// <summary>Tells the program what happened to the port. Any thread.</summary>
    public void SendPortEvent(ibv_event_type type)
    {
        foreach (EventChannel channel in _asyncChannels)
        {
            channel.Send(new Interop.Uverbs.ib_uverbs_async_event_desc { element = 1, event_type = (uint)type });
        }
    }

    /// <summary>Moves on the events for which descriptors had no room. Any thread.</summary>
    public void FlushEvents()
    {
        foreach (EventChannel channel in _asyncChannels)
        {
            channel.Flush();
        }

        foreach (EventChannel channel in _completionChannels)
        {
            channel.Flush();
        }
    }

    /// <summary>The device is gone: no more events come than it has sent itself. Any thread.</summary>
    public void Disassociate()
    {
        foreach (EventChannel channel in _asyncChannels.Concat(_completionChannels))
        {
            channel.Disassociate();
        }
    }

    /// <summary>The program closes the device: everything goes.</summary>
    public override void Close() => Device.Close(this);

    /// <summary>The program has closed a channel. On the thread that serves its calls, as all that changes the lists.</summary>
    private void Forget(EventChannel channel)
    {
        _asyncChannels = [.. _asyncChannels.Where(other => other != channel)];
        _completionChannels = [.. _completionChannels.Where(other => other != channel)];
    }

    /// <exception cref="UverbsException">EMFILE: the program has too many descriptors; the channel's is closed.</exception>
    private void Track(EventChannel channel)
    {
        channel.Closed = Forget;
        if (!files.TryAdd(channel.Descriptor, channel, node: -1))
        {
            channel.Close();
            _ = Libc.close(channel.Descriptor);
            throw new UverbsException(Errno.EMFILE, "no descriptor is left that the NIC could watch");
        }
    }

    /// <summary>A device that fails while the channel is made may not have seen it in the lists.</summary>
    private void EndIfFailed(EventChannel channel)
    {
        Interlocked.MemoryBarrier(); // either it sees the channel there, or this sees that it has failed
        if (Device.Nic.HasFailed)
        {
            channel.Disassociate();
        }
    }

    internal void DestroyAll()
    {
        while (_objects.Count > 0)
        {
            DestroyUnused();
        }

        foreach (EventChannel channel in _asyncChannels.Concat(_completionChannels))
        {
            channel.Close();
        }
    }

    /// <summary>The newest first, since most of what is used is older than its user. A region may have moved to a younger protection domain.</summary>
    private void DestroyUnused()
    {
        foreach (UverbsObject victim in _objects.Values.Reverse().ToArray())
        {
            if (!victim.InUse)
            {
                Destroy(victim);
            }
        }
    }
}
