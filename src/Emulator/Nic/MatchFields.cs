using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Verbena.Emulator.Nic;

/// <summary>The compared sections of struct fte_match_param, of a frame or of a flow, each as one vector.</summary>
/// <remarks>The bytes lie as in the structure: <see cref="MatchParameters"/> has their offsets.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal record struct MatchFields
{
    public Vector512<ulong> Outer;
    public Vector512<ulong> Misc;
    public Vector512<ulong> Inner;

    /// <summary>Reads <see cref="MatchParameters.ComparedBytes"/> bytes.</summary>
    public MatchFields(ReadOnlySpan<byte> parameters)
    {
        Outer = Section(parameters, MatchParameters.Outer);
        Misc = Section(parameters, MatchParameters.Misc);
        Inner = Section(parameters, MatchParameters.Inner);
    }

    private static Vector512<ulong> Section(ReadOnlySpan<byte> parameters, int offset) =>
        Vector512.Create(parameters.Slice(offset, MatchParameters.SectionBytes)).AsUInt64();
}
