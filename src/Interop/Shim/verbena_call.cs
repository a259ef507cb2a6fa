using System.Runtime.InteropServices;

namespace Verbena.Interop.Shim;

/// <summary>A call of a program that the emulator answers (src/Shim/shim.h).</summary>
[CStruct("struct verbena_call", "shim.h")]
[StructLayout(LayoutKind.Sequential)]
public struct verbena_call
{
    public int kind;
    public int file;
    public int thread;
    public ulong argument;
    public long offset;
    public long result;
}

[CConstants("shim.h")]
public enum verbena_call_kind
{
    VERBENA_CALL_OPEN = 1,
    VERBENA_CALL_IOCTL = 2,
    VERBENA_CALL_MMAP = 3,
    VERBENA_CALL_CLOSE = 4,
}
