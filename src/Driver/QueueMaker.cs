using Verbena.Driver.Objects;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>Makes the queues of a port, in one of the two modes. What it makes of the NIC's objects goes into the tree.</summary>
internal abstract class QueueMaker(RdmaInterfaceOptions options, DeviceContext device, ObjectTree tree, ProtectionDomain domain, MemoryRegion region, BufferPool pool)
{
    /// <summary>How many buffers all receive queues hold when they are full.</summary>
    public abstract int RxBuffers { get; }

    /// <summary>The longest frame that the queues can take, in bytes.</summary>
    public abstract int MaxFrameBytes { get; }

    /// <summary>What <c>show hardware-interfaces</c> says of the mode.</summary>
    public abstract string Describe();

    protected RdmaInterfaceOptions Options => options;

    protected DeviceContext Device => device;

    protected ObjectTree Tree => tree;

    protected ProtectionDomain Domain => domain;

    protected MemoryRegion Region => region;

    protected BufferPool Pool => pool;

    /// <summary>Makes a transmit queue that is ready.</summary>
    /// <param name="subject">What sentences call it.</param>
    public abstract RdmaTxQueue MakeTx(string subject);

    /// <summary>Makes a receive queue that is ready, and says what an indirection table is to name.</summary>
    public abstract RdmaRxQueue MakeRx(string subject, out WorkQueue queue);
}
