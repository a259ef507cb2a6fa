using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A protection domain of a device: its memory regions and queues go together.</summary>
internal sealed unsafe class ProtectionDomain : IDisposable
{
    public ProtectionDomain(DeviceContext device, string subject) =>
        Handle = VerbsException.NotNull(ibv_alloc_pd(device.Handle), "ibv_alloc_pd", subject);

    public ibv_pd* Handle { get; }

    public void Dispose() => _ = ibv_dealloc_pd(Handle);
}

/// <summary>Packet memory that the NIC may read and write.</summary>
internal sealed unsafe class MemoryRegion : IDisposable
{
    private readonly ibv_mr* _handle;

    public MemoryRegion(ProtectionDomain domain, PacketMemory memory, string subject) => _handle = VerbsException.NotNull(
        ibv_reg_mr(domain.Handle, memory.Address, memory.LengthBytes, ibv_access_flags.IBV_ACCESS_LOCAL_WRITE), "ibv_reg_mr", subject);

    /// <summary>What work requests name the memory by.</summary>
    public uint LocalKey => _handle->lkey;

    public void Dispose() => _ = ibv_dereg_mr(_handle);
}
