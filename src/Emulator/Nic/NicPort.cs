using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Wires;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What queues send to and receive from: netdev, wire, link, flows and counters of one port.</summary>
/// <remarks>
/// The queues of a process are its own; the port is its own too, or that of another process. Data members are called
/// inside <see cref="Gate"/>, by whoever works on the queues; control members enter it themselves.
/// </remarks>
internal abstract class NicPort(NicOptions options, PortCounters counters) : IDisposable
{
    /// <summary>Lets one work on the port and on the queues at a time.</summary>
    public NicGate Gate { get; } = new();

    public NicOptions Options { get; } = options;

    /// <summary>What the whole port has counted; queues count here too.</summary>
    public PortCounters Counters { get; } = counters;

    /// <summary>What the cable leads to, if that is in this process.</summary>
    public virtual Wire? Wire => null;

    /// <summary>The port of the embedded switch that the port is on, if it is in this process and there is a switch.</summary>
    public virtual Vport? Vport => null;

    /// <summary>Puts an embedded switch between port and wire, if there is none yet.</summary>
    public virtual EmbeddedSwitch Virtualize() => throw new InvalidOperationException($"{Options.Name} is another process's");

    /// <summary>Sets what the host decides of a virtual function; its netdev gets its address.</summary>
    /// <exception cref="InvalidOperationException">It is none of this process, or Linux refuses the address.</exception>
    public virtual void SetFunction(VportSettings settings) => throw new InvalidOperationException($"{Options.Name} is another process's");

    /// <summary>Descriptors that become readable when there may be something to receive; there may be without.</summary>
    public abstract IEnumerable<int> PollDescriptors { get; }

    /// <summary>True if something may come of which no descriptor tells.</summary>
    public virtual bool HasToLook => false;

    /// <summary>Address of the netdev.</summary>
    public abstract MacAddress MacAddress { get; }

    /// <summary>MTU of the netdev, in bytes of network packet.</summary>
    public abstract int Mtu { get; }

    public LinkState Link { get; private set; }

    /// <summary>How often <see cref="Link"/> has gone down.</summary>
    public ulong TimesDown { get; private set; }

    /// <summary>Called when <see cref="Link"/> has changed, inside the gate.</summary>
    public Action<LinkState>? LinkChanged { get; set; }

    /// <summary>Others have to wake whoever calls, by one of the descriptors, or needn't any more.</summary>
    public virtual void SetAsleep(bool asleep)
    {
    }

    /// <summary>Makes carrier go, whatever the wire says, or lets the wire decide again.</summary>
    public abstract void SetCarrier(bool up);

    /// <exception cref="NicException">EINVAL, EEXIST, ENOMEM (priority), ENOSPC, EOPNOTSUPP: as a kernel answers.</exception>
    public abstract FlowRule AddFlow(FlowParameters parameters);

    public abstract void RemoveFlow(FlowRule rule);

    /// <summary>How many frames can be sent now.</summary>
    public abstract int SendRoom { get; }

    /// <summary>Where the next frame to send is to be written: the longest one fits while there is <see cref="SendRoom"/>.</summary>
    public abstract Span<byte> Reserve();

    /// <summary>Sends the first <paramref name="lengthBytes"/> of what <see cref="Reserve"/> gave.</summary>
    public abstract void Send(int lengthBytes, NicContext sender);

    /// <summary>Begins a pass: hands to queues what has arrived, at most a batch. True: there was something.</summary>
    public abstract bool Receive(long nowNanoseconds);

    /// <summary>Ends a pass: what was sent goes on its way. True: there was more to do.</summary>
    /// <param name="busy">Whether the pass has found work so far.</param>
    /// <param name="nowNanoseconds">The time that <see cref="Receive"/> was given.</param>
    public abstract bool Finish(bool busy, long nowNanoseconds);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Takes note of the link, and says whether it has changed.</summary>
    protected bool UpdateLink(LinkState link)
    {
        if (link == Link)
        {
            return false;
        }

        TimesDown += Link.IsUp && !link.IsUp ? 1UL : 0;
        Link = link;
        LinkChanged?.Invoke(link);
        return true;
    }
}
