namespace Verbena.Emulator.Wires;

/// <summary>What a port's cable leads to: frames come from it and go to it, a batch at a time.</summary>
/// <remarks>One thread at a time uses a wire: the NIC's engine, inside its gate. Nothing here blocks, throws or allocates once made.</remarks>
public abstract class Wire : IDisposable
{
    /// <summary>True if the far end is there.</summary>
    public abstract bool HasCarrier { get; }

    /// <summary>How many frames <see cref="Send"/> takes now; the NIC offers no more, so that nothing is lost in between.</summary>
    public virtual int SendRoom => FrameBatch.Capacity;

    /// <summary>A descriptor that becomes readable when frames have arrived; -1: there is none.</summary>
    public virtual int PollDescriptor => -1;

    /// <summary>True if frames may arrive of which only <see cref="Receive"/> tells.</summary>
    public virtual bool HasToLook => PollDescriptor < 0;

    /// <summary>Frames sent from the far end that were lost on the way, as far as the wire knows; the NIC counts them.</summary>
    public virtual ulong ReceiveErrors => 0;

    /// <summary>Appends frames that have arrived to <paramref name="frames"/>, as long as it has room.</summary>
    public abstract void Receive(FrameBatch frames);

    /// <summary>Sends all frames in order, and returns how many the far end took. The others are the batch's last then; the NIC counts them as lost.</summary>
    public abstract int Send(FrameBatch frames);

    /// <summary>Shows the far end whether this end is up, where the wire can.</summary>
    public virtual void ShowLink(bool isUp)
    {
    }

    /// <summary>Reads anew what is not asked for at each batch, such as the far end's carrier. Called about ten times a second.</summary>
    public virtual void Refresh()
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
