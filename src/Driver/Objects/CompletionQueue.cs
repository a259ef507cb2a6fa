using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A completion queue of at least so many entries, polled by the owner of the one queue that reports to it.</summary>
internal sealed unsafe class CompletionQueue : IDisposable
{
    public CompletionQueue(DeviceContext device, int entries, string subject) =>
        Handle = VerbsException.NotNull(ibv_create_cq(device.Handle, entries, null, null, comp_vector: 0), "ibv_create_cq", subject);

    public ibv_cq* Handle { get; }

    public void Dispose() => _ = ibv_destroy_cq(Handle);
}
