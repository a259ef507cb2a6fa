namespace Verbena.Emulator.Nic;

/// <summary>What the minis of compressed completions carry (enum mlx5dv_cqe_comp_res_format).</summary>
public enum CqeCompressionFormat
{
    /// <summary>Completions are not compressed.</summary>
    None = 0,

    /// <summary>MLX5DV_CQE_RES_FORMAT_HASH.</summary>
    Hash = 1,

    /// <summary>MLX5DV_CQE_RES_FORMAT_CSUM.</summary>
    Checksum = 2,

    /// <summary>MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX.</summary>
    ChecksumStrideIndex = 4,
}

/// <summary>When the NIC compresses completions in a queue that allows it. A program must take any mixture.</summary>
public enum CqeCompressionPolicy
{
    /// <summary>When several completions wait at the moment the NIC writes them: those of one pass.</summary>
    Balanced,

    /// <summary>Never.</summary>
    Never,

    /// <summary>Completions are also held back for some microseconds, for more of them to come.</summary>
    Aggressive,

    /// <summary>Sessions end at random.</summary>
    Random,
}
