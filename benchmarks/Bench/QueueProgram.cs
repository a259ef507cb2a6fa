using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Driver.Objects;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Bench;

/// <summary>The least that a program does with one queue: libmlx5's verbs in batches, no frame is looked at.</summary>
internal abstract unsafe class QueueProgram : IDisposable
{
    /// <summary>Requests that are posted by one call.</summary>
    protected const int Batch = 64;

    /// <summary>Requests that the queue holds.</summary>
    protected const int QueueSize = 1024;

    protected const int FrameBytes = 64;

    protected const string Subject = "the benchmark's queue";

    private readonly ObjectTree _tree = new();
    private readonly BufferIndex[] _buffers = new BufferIndex[QueueSize];
    private int _next; // the buffer of the next request

    /// <summary>Opens the device of a network interface, and makes all but the queue.</summary>
    protected QueueProgram(string hostInterface)
    {
        Device = Own(DeviceContext.Open(HostInterface.Find(hostInterface, DeviceContext.SysfsRoot())));
        Domain = Own(new ProtectionDomain(Device, Subject));
        Buffers = Own(new BufferPool(QueueSize));
        Buffers.TakeToReceive(_buffers);
        var region = Own(new MemoryRegion(Domain, Buffers.Memory, Subject));
        Completions = Own(CompletionQueue.Create(Device, QueueSize, Subject));
        Completed = (ibv_wc*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(ibv_wc));
        Pieces = (ibv_sge*)NativeMemory.AllocZeroed(Batch, (nuint)sizeof(ibv_sge));
        for (int i = 0; i < Batch; i++)
        {
            Pieces[i].lkey = region.LocalKey;
        }
    }

    protected DeviceContext Device { get; }

    protected ProtectionDomain Domain { get; }

    protected BufferPool Buffers { get; }

    /// <summary>Buffers of the pool, all of which the program has.</summary>
    protected ReadOnlySpan<BufferIndex> AllBuffers => _buffers;

    protected CompletionQueue Completions { get; }

    /// <summary>Where completions are polled to: <see cref="Batch"/> of them.</summary>
    protected ibv_wc* Completed { get; }

    /// <summary>The memory of each request of a batch.</summary>
    protected ibv_sge* Pieces { get; }

    /// <summary>Polls the completion queue once, and posts what there is room for, in whole batches.</summary>
    public abstract void Turn();

    public void Dispose()
    {
        _tree.Dispose();
        FreeRequests();
        NativeMemory.Free(Completed);
        NativeMemory.Free(Pieces);
    }

    protected abstract void FreeRequests();

    protected T Own<T>(T made)
        where T : IDisposable => _tree.Own(made);

    /// <summary>Lets the batch name the next buffers; all are used in turns.</summary>
    protected void NameBuffers()
    {
        for (int i = 0; i < Batch; i++)
        {
            Pieces[i].addr = (ulong)Buffers.ReceiveAddress(_buffers[_next + i]);
        }

        _next = (_next + Batch) % QueueSize;
    }

    /// <summary>Polls once; the last completion tells whether the queue works.</summary>
    protected int Poll()
    {
        int count = Libibverbs.ibv_poll_cq(Completions.Handle, Batch, Completed);
        if (count > 0 && Completed[count - 1].status != ibv_wc_status.IBV_WC_SUCCESS)
        {
            throw new InvalidOperationException($"{Subject} failed: {Completed[count - 1].status}");
        }

        return count;
    }
}
