using Verbena.Interop.Verbs;

namespace Verbena.Driver;

/// <summary>Why a packet could not be received or sent. The default says that nothing went wrong.</summary>
/// <param name="Status">As verbs call it.</param>
/// <param name="VendorSyndrome">The NIC's own code, which its maker does not publish and whose support asks for.</param>
internal readonly record struct CompletionError(ibv_wc_status Status, byte VendorSyndrome)
{
    /// <summary>True if a receive queue stops at it; any other, such as a frame too long, costs only the buffers of one packet.</summary>
    public bool StopsReceiving =>
        Status is ibv_wc_status.IBV_WC_LOC_QP_OP_ERR or ibv_wc_status.IBV_WC_LOC_PROT_ERR or ibv_wc_status.IBV_WC_WR_FLUSH_ERR;

    /// <summary>What <c>ibv_poll_cq</c> tells.</summary>
    public static CompletionError Of(in ibv_wc completion) => new(completion.status, (byte)completion.vendor_err);
}
