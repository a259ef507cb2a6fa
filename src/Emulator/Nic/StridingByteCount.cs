namespace Verbena.Emulator.Nic;

/// <summary>byte_cnt in the completions of a striding receive queue: bytes in bits 15:0, consumed strides in 29:16.</summary>
internal static class StridingByteCount
{
    /// <summary>Bit 31: no frame, the strides were only skipped.</summary>
    public const uint Filler = 1u << 31;

    private const uint MaxStrides = 0x3FFF;
    private const int StridesShift = 16;

    /// <summary>The field can't tell of more than 16383 strides; only the WQEs that are flushed can have more left.</summary>
    public static uint Make(uint strides, uint bytesOrFiller) => (Math.Min(strides, MaxStrides) << StridesShift) | bytesOrFiller;

    /// <summary>The consumed strides; 0 in the completions of other queues, whose frames are shorter than 64 KiB.</summary>
    public static uint Strides(uint byteCount) => (byteCount >> StridesShift) & MaxStrides;
}
