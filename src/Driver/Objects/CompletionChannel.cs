using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A descriptor by which the kernel tells of completions in the one queue that is made with it.</summary>
internal sealed unsafe class CompletionChannel : IDisposable
{
    public CompletionChannel(DeviceContext device, string subject)
    {
        Handle = VerbsException.NotNull(ibv_create_comp_channel(device.Handle), "ibv_create_comp_channel", subject);
        _ = Libc.fcntl(Descriptor, Libc.F_SETFL, Libc.O_NONBLOCK);
    }

    public ibv_comp_channel* Handle { get; }

    public int Descriptor => Handle->fd;

    /// <summary>Takes all events that are there, without waiting, and returns how many.</summary>
    public uint TakeEvents()
    {
        uint count = 0;
        ibv_cq* queue;
        void* context;
        while (ibv_get_cq_event(Handle, &queue, &context) == 0)
        {
            ibv_ack_cq_events(queue, 1);
            count++;
        }

        return count;
    }

    public void Dispose() => _ = ibv_destroy_comp_channel(Handle);
}
