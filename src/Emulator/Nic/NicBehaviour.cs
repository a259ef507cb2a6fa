namespace Verbena.Emulator.Nic;

/// <summary>What real NICs do differently by firmware and load, or what is not known of them. Each default is the likelier behaviour.</summary>
public sealed record NicBehaviour
{
    /// <summary>When completions are compressed.</summary>
    public CqeCompressionPolicy CqeCompression { get; init; } = CqeCompressionPolicy.Balanced;

    /// <summary>Decides where sessions end with <see cref="CqeCompressionPolicy.Random"/>.</summary>
    public int CqeCompressionSeed { get; init; }

    /// <summary>Whether a session may go on in the first entry of the ring. DPDK's vector code relies on it that none does.</summary>
    public bool CqeSessionsWrap { get; init; }

    /// <summary>Whether a striding receive WQE may have as few as 8 strides (HCA capability ext_stride_num_range), or else 512.</summary>
    public bool ExtendedStrideNumbers { get; init; } = true;
}
