namespace Verbena.Driver.Direct;

/// <summary>How packets lie in the buffers of a receive queue. Structures that implement it cost no call: the queue is compiled for each.</summary>
internal interface IReceiveLayout
{
    /// <summary>Bytes of a WQE before its data segments.</summary>
    static abstract int HeaderBytes { get; }

    /// <summary>True if a packet may go on in further buffers.</summary>
    static abstract bool Chains { get; }

    /// <summary>True if the completion is of no packet, but of buffers that were passed over.</summary>
    static abstract bool IsFiller(uint byteCount);

    /// <summary>How many packets, from the first on, have one buffer each, side by side; 0 if they are too few to look.</summary>
    static abstract int SinglesFrom(ReadOnlySpan<uint> byteCounts);

    /// <summary>The packet's length.</summary>
    static abstract uint LengthBytes(uint byteCount);

    /// <summary>How many buffers further the next packet begins.</summary>
    static abstract uint Advance(uint byteCount, uint buffersPerWqe);
}

/// <summary>A cyclic queue: each packet takes a WQE of one buffer.</summary>
internal readonly struct SingleBuffer : IReceiveLayout
{
    public static int HeaderBytes => 0;

    public static bool Chains => false;

    public static bool IsFiller(uint byteCount) => false;

    public static int SinglesFrom(ReadOnlySpan<uint> byteCounts) => byteCounts.Length;

    public static uint LengthBytes(uint byteCount) => byteCount;

    public static uint Advance(uint byteCount, uint buffersPerWqe) => 1;
}

/// <summary>A cyclic queue: each packet takes a WQE of several buffers, of which it may need only the first ones.</summary>
internal readonly struct ScatteredBuffers : IReceiveLayout
{
    public static int HeaderBytes => 0;

    public static bool Chains => true;

    public static bool IsFiller(uint byteCount) => false;

    public static int SinglesFrom(ReadOnlySpan<uint> byteCounts) => 0;

    public static uint LengthBytes(uint byteCount) => byteCount;

    public static uint Advance(uint byteCount, uint buffersPerWqe) => buffersPerWqe;
}

/// <summary>A striding queue whose strides are buffers: packets take as many as they need, and share a WQE.</summary>
internal readonly struct StridingBuffers : IReceiveLayout
{
    private const uint Filler = 1u << 31;

    public static int HeaderBytes => 16; // mlx5_wqe_srq_next_seg

    public static bool Chains => true;

    public static bool IsFiller(uint byteCount) => (byteCount & Filler) != 0;

    public static int SinglesFrom(ReadOnlySpan<uint> byteCounts)
    {
        const int WorthLooking = 8;
        if (byteCounts.Length < WorthLooking)
        {
            return 0;
        }

        int end = byteCounts.IndexOfAnyExceptInRange(1u << 16, (1u << 16) | 0xFFFF); // one stride, no filler
        return end < 0 ? byteCounts.Length : end;
    }

    public static uint LengthBytes(uint byteCount) => byteCount & 0xFFFF;

    public static uint Advance(uint byteCount, uint buffersPerWqe) => (byteCount >> 16) & 0x3FFF;
}
