using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Driver;

/// <summary>A verb failed.</summary>
public sealed class VerbsException : RdmaException
{
    /// <param name="verb">The function of libibverbs, such as <c>ibv_create_cq</c>.</param>
    /// <param name="errno">What it gave, as a positive or negative number.</param>
    /// <param name="subject">For what it was called, such as <c>receive queue 0 of rdma-0</c>.</param>
    public VerbsException(string verb, int errno, string subject)
        : base($"{verb} for {subject} failed with {NameOf(errno)} ({Marshal.GetPInvokeErrorMessage(Math.Abs(errno))}): {Advice(verb, errno)}")
    {
        Verb = verb;
        ErrorNumber = Math.Abs(errno);
    }

    public string Verb { get; }

    /// <summary>errno, a positive number.</summary>
    public int ErrorNumber { get; }

    /// <summary>Passes a verb's result on if it is an object; a null pointer means that errno tells why there is none.</summary>
    internal static unsafe T* NotNull<T>(T* created, string verb, string subject)
        where T : unmanaged => created != null ? created : throw new VerbsException(verb, Marshal.GetLastPInvokeError(), subject);

    /// <summary>Throws unless a verb's result, which is an errno, is 0.</summary>
    internal static void Check(int result, string verb, string subject)
    {
        if (result != 0)
        {
            // Most verbs return errno itself, a few providers' return it negative, and -1 says "look at errno".
            throw new VerbsException(verb, result == -1 ? Marshal.GetLastPInvokeError() : result, subject);
        }
    }

    private static string NameOf(int errno)
    {
        var known = (Errno)Math.Abs(errno);
        return Enum.IsDefined(known) ? known.ToString() : $"errno {Math.Abs(errno)}";
    }

    private static string Advice(string verb, int errno) => (Errno)Math.Abs(errno) switch
    {
        Errno.EPERM => "raw packets need CAP_NET_RAW; run as root or give the program that capability",
        Errno.EACCES => "run as root, or as a user who may read and write /dev/infiniband",
        Errno.ENOMEM when verb == "ibv_reg_mr" =>
            "the packet buffers can't be locked in memory; raise the limit (ulimit -l unlimited, LimitMEMLOCK=infinity) or ask for fewer",
        Errno.ENOMEM => "the NIC or the host has no memory left for it; ask for fewer or smaller queues",
        Errno.ENOSPC => "the NIC has no room left for it; delete interfaces or other programs' queues and flows",
        Errno.EINVAL => "the NIC does not accept these parameters; try smaller queues, and see dmesg for the kernel's reason",
        Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.EPROTONOSUPPORT =>
            "the NIC, its firmware or the kernel can't do that; ConnectX-4 or later and Linux 4.9 or later can",
        Errno.EIO or Errno.ENODEV or Errno.ENXIO => "the NIC has failed or was removed; see dmesg, then create the interface again",
        Errno.EMFILE or Errno.ENFILE => "too many open files; raise the limit (ulimit -n)",
        Errno.EBUSY or Errno.EEXIST => "another object or program uses it; delete that first",
        _ => "see dmesg for the kernel's reason",
    };
}
