namespace Verbena.Packets;

/// <summary>Whether a port has carrier, and how fast it is.</summary>
/// <param name="IsUp">The far end answers: frames can be sent.</param>
/// <param name="SpeedBitsPerSecond">The negotiated rate; 0 if unknown.</param>
public readonly record struct LinkState(bool IsUp, ulong SpeedBitsPerSecond);

/// <summary>A network port as the data plane sees it: queues, an Ethernet address, a link. The NIC contract.</summary>
/// <remarks>
/// Made by a driver, handed to the data plane, disposed by whoever made it. All members but the queues' belong to the
/// control thread. A failing member throws an exception whose message is one sentence fit for the user, and leaves the
/// port as it was.
/// </remarks>
public abstract class Port : IDisposable
{
    /// <summary>The name users type, such as <c>rdma-0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Which port of a NIC it is. Several may share one, each with addresses of its own; a frame to an address that two of them have
    /// would come to both.
    /// </summary>
    public virtual string NicPort => Name;

    /// <summary>The unicast address whose frames the port receives.</summary>
    public abstract MacAddress MacAddress { get; }

    /// <summary>
    /// The address that Linux's own interface on the port is to keep; null if there is none. On a virtual function it is meant to be
    /// taken, for the function has no other.
    /// </summary>
    public virtual MacAddress? HostMacAddress => null;

    public abstract LinkState Link { get; }

    /// <summary>
    /// The longest frame without VLAN tags that the port can receive and send, Ethernet header included, FCS not. A tagged one may
    /// be <see cref="VlanTag.Size"/> longer, as Linux' netdevs have it.
    /// </summary>
    public abstract int MaxFrameBytes { get; }

    public abstract IReadOnlyList<RxQueue> RxQueues { get; }

    /// <summary>One for each worker; a worker uses only its own.</summary>
    public abstract IReadOnlyList<TxQueue> TxQueues { get; }

    /// <summary>What <c>show hardware-interfaces</c> prints below the Ethernet address: a line an entry, not indented.</summary>
    public abstract IReadOnlyList<string> Describe();

    /// <summary>Says whether the data plane wants frames: a port that is down receives none from the wire.</summary>
    public abstract void SetAdminUp(bool up);

    /// <summary>Receives for <paramref name="address"/> from now on. A refusal leaves the old address receiving.</summary>
    public abstract void SetMacAddress(MacAddress address);

    /// <summary>Receives for these addresses too, and for no others that it was given so before. The rest is not disturbed.</summary>
    public abstract void SetSecondaryMacAddresses(IReadOnlyList<MacAddress> addresses);

    /// <summary>Receives frames to all groups, as a new port does, or only broadcast.</summary>
    public abstract void SetAllMulticast(bool on);

    /// <summary>Receives unicast frames to others too, or not any more. Frames that it receives anyway are not disturbed.</summary>
    public abstract void SetPromiscuous(bool on);

    /// <summary>Reads what the port has to report, such as a link change. Called often by the control thread; never blocks.</summary>
    public abstract void ReadEvents();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the port's queues, and returns every buffer they hold to the pool. No worker may use them any more.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>A receive queue: polled by one worker thread.</summary>
public abstract class RxQueue
{
    /// <summary>
    /// Fills <paramref name="packets"/> with packets that have arrived, in order, and returns how many. The caller owns
    /// their buffers, whose headers tell offset, length and flags. Never blocks, throws or allocates.
    /// </summary>
    public abstract int Receive(Span<BufferIndex> packets);

    /// <summary>A descriptor that becomes readable when a packet arrives after <see cref="Arm"/>; -1 if the queue can only be polled.</summary>
    public virtual int EventDescriptor => -1;

    /// <summary>
    /// Asks for the descriptor to become readable when the next packet arrives, or at once if one is there, and takes back what has
    /// made it readable before. Called by the worker that polls the queue.
    /// </summary>
    public virtual void Arm()
    {
    }

    /// <summary>
    /// True if the pool had too few buffers when the queue was last polled. It tries again at the next poll, which no event asks for.
    /// </summary>
    public virtual bool WantsBuffers => false;

    /// <summary>What the queue has counted since it was made; may be read from any thread.</summary>
    public abstract RxCounters Counters { get; }
}

/// <summary>What a receive queue counts.</summary>
/// <param name="Packets">Packets handed to the worker.</param>
/// <param name="Bytes">Their bytes, without FCS.</param>
/// <param name="NoBuffer">Polls in which the pool had no buffer to give the NIC.</param>
/// <param name="Errors">Completions with an error; their buffers were received into again, or went back to the pool.</param>
public readonly record struct RxCounters(ulong Packets, ulong Bytes, ulong NoBuffer, ulong Errors);

/// <summary>A transmit queue: fed by one worker thread.</summary>
public abstract class TxQueue
{
    /// <summary>
    /// Hands packets to the NIC in order and returns how many it took, fewer only if the queue is full or stopped. The buffers of those
    /// taken return to the pool when they are sent; the others stay with the caller. Never blocks, throws or allocates.
    /// </summary>
    public abstract int Send(ReadOnlySpan<BufferIndex> packets);

    /// <summary>Returns the buffers of packets sent meanwhile to the pool. A worker calls it when it has nothing to send.</summary>
    public abstract void Reclaim();

    /// <summary>True after an error that it could not go on from: it takes no packets any more.</summary>
    public virtual bool IsStopped => false;

    /// <summary>True when all that it has taken is sent, and the buffers were returned, or when it has stopped, or its NIC is gone.</summary>
    public abstract bool IsEmpty { get; }

    /// <summary>What the queue has counted since it was made; may be read from any thread.</summary>
    public abstract TxCounters Counters { get; }
}

/// <summary>What a transmit queue counts.</summary>
/// <param name="Packets">Packets that the NIC has taken.</param>
/// <param name="Bytes">Their bytes, without FCS.</param>
/// <param name="Errors">Packets that were in the queue when it stopped at an error: some may have left before.</param>
public readonly record struct TxCounters(ulong Packets, ulong Bytes, ulong Errors);
