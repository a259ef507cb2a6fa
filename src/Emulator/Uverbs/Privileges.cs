using Verbena.Interop;

namespace Verbena.Emulator.Uverbs;

/// <summary>What the thread may do that gave a command.</summary>
internal static unsafe class Privileges
{
    /// <summary>Raw packets need CAP_NET_RAW, as a kernel demands for raw-packet queue pairs and flows.</summary>
    /// <exception cref="UverbsException">EPERM: the thread does not have it.</exception>
    public static void DemandNetRaw(in IoctlFrame frame, string command)
    {
        var who = new __user_cap_header_struct { version = Capabilities._LINUX_CAPABILITY_VERSION_3, pid = frame.CallingThread };
        __user_cap_data_struct* sets = stackalloc __user_cap_data_struct[2]; // of capabilities 0 to 31, and of the others
        if (Libc.capget(&who, sets) != 0 || (sets[0].effective & (1u << Capabilities.CAP_NET_RAW)) == 0)
        {
            throw UverbsException.NotPermitted($"{command} needs CAP_NET_RAW");
        }
    }
}
