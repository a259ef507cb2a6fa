using System.Runtime.InteropServices;
using Verbena.Emulator.Wires;

namespace Verbena.Emulator.Sharing;

/// <summary>What lies in the memory between a port and the queues of one process, in front of the two rings.</summary>
[StructLayout(LayoutKind.Explicit, Size = 1024)]
internal struct ExchangeHeader
{
    /// <summary>1: the port's link is up. Written by the port, as the next.</summary>
    [FieldOffset(0)] public int IsUp;

    [FieldOffset(4)] public int Mtu;

    /// <summary>1: the port's thread sleeps, and wants to be woken. Written by the port.</summary>
    [FieldOffset(128)] public int PortSleeps;

    /// <summary>1: the thread of the queues sleeps, and wants to be woken. Written by the process.</summary>
    [FieldOffset(256)] public int QueuesSleep;

    [FieldOffset(512)] public FrameRingIndices ToPort;
    [FieldOffset(768)] public FrameRingIndices ToQueues;
}

/// <summary>The memory between a port and the queues of one process.</summary>
/// <remarks>
/// Frames to the port name the sender's context in <see cref="FrameHeader.Owner"/>, frames to the queues their destination,
/// with tag and time stamp; either by numbers that the process gives.
/// </remarks>
internal sealed unsafe class Exchange : IDisposable
{
    private readonly SharedMemory _memory;

    public Exchange() => _memory = new SharedMemory("verbena-exchange", Bytes);

    /// <summary>Maps the memory behind a descriptor, which it takes over.</summary>
    public Exchange(int descriptor) => _memory = new SharedMemory(descriptor, Bytes);

    public int Descriptor => _memory.Descriptor;

    public ref ExchangeHeader Header => ref *Pointer;

    public FrameRingWriter ToPortWriter => new(&Pointer->ToPort, ToPortRing);

    public FrameRingReader ToPortReader => new(&Pointer->ToPort, ToPortRing);

    public FrameRingWriter ToQueuesWriter => new(&Pointer->ToQueues, ToQueuesRing);

    public FrameRingReader ToQueuesReader => new(&Pointer->ToQueues, ToQueuesRing);

    private static int Bytes => sizeof(ExchangeHeader) + (2 * FrameRing.Bytes);

    private ExchangeHeader* Pointer => (ExchangeHeader*)_memory.Base;

    private byte* ToPortRing => _memory.Base + sizeof(ExchangeHeader);

    private byte* ToQueuesRing => ToPortRing + FrameRing.Bytes;

    public void Dispose() => _memory.Dispose();
}
