using System.Runtime.InteropServices;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>Attaching queue pairs to multicast groups, which raw-packet queue pairs can't be: flows serve them.</summary>
internal static class Multicast
{
    public static readonly WriteCommand[] Writes =
    [
        new("ATTACH_MCAST", WriteCommands.IB_USER_VERBS_CMD_ATTACH_MCAST, Refuse, In<ib_uverbs_attach_mcast>(UVERBS_ATTR_CORE_IN)),
        new("DETACH_MCAST", WriteCommands.IB_USER_VERBS_CMD_DETACH_MCAST, Refuse, In<ib_uverbs_attach_mcast>(UVERBS_ATTR_CORE_IN)),
    ];

    /// <summary>Linux, drivers/infiniband/core/verbs.c, ib_attach_mcast: EINVAL for all but datagram queue pairs.</summary>
    private static void Refuse(UverbsContext context, in IoctlFrame frame)
    {
        uint handle = MemoryMarshal.Read<ib_uverbs_attach_mcast>(frame.InputBytes(UVERBS_ATTR_CORE_IN)).qp_handle;
        throw UverbsException.Invalid($"QP {handle} can't belong to a multicast group, for it is no datagram queue pair");
    }
}
