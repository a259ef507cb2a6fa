using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>What threads are privileged to do (linux/capability.h).</summary>
public static unsafe partial class Libc
{
    /// <summary>The capabilities of a thread of this process's PID namespace; asks the kernel, needs no /proc.</summary>
    /// <param name="hdrp">Whose.</param>
    /// <param name="datap">Room for two, with <see cref="Capabilities._LINUX_CAPABILITY_VERSION_3"/>.</param>
    /// <returns>0, or -1 with errno set.</returns>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int capget(__user_cap_header_struct* hdrp, __user_cap_data_struct* datap);
}

[CConstants("linux/capability.h")]
public static class Capabilities
{
    public const uint _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
    public const int CAP_NET_RAW = 13;
}

[CStruct("struct __user_cap_header_struct", "linux/capability.h")]
[StructLayout(LayoutKind.Sequential)]
public struct __user_cap_header_struct
{
    public uint version;
    public int pid;
}

[CStruct("struct __user_cap_data_struct", "linux/capability.h")]
[StructLayout(LayoutKind.Sequential)]
public struct __user_cap_data_struct
{
    public uint effective;
    public uint permitted;
    public uint inheritable;
}
