using System.Runtime.InteropServices;

namespace Verbena.Interop.Shim;

/// <summary>The shim's functions for the emulator (src/Shim/shim.h).</summary>
[CStruct("struct verbena_nic_shim", "shim.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct verbena_nic_shim
{
    public delegate* unmanaged<int, uint> serve;
    public delegate* unmanaged<uint, int, void> offer;
    public delegate* unmanaged<uint, verbena_call*> wait;
    public delegate* unmanaged<void> answer;
    public delegate* unmanaged<uint, void> end;
    public delegate* unmanaged<int, int, int> track;
    public delegate* unmanaged<int, int> file;
    public delegate* unmanaged<void> work;
    public delegate* unmanaged<ulong> unmapped;
}
