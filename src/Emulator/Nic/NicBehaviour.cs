using System.Diagnostics.CodeAnalysis;
using System.Globalization;

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

    /// <summary>Of so many accesses to programs' memory one fails, as if its key were wrong, so that a program's recovery can be tried; 0: none.</summary>
    public uint MemoryFaultEvery { get; init; }

    /// <summary>What makes a virtual function promiscuous, and needs trust.</summary>
    public VfPromiscuity VfPromiscuity { get; init; }

    /// <summary>Whether Linux's interface has a say in the port's link.</summary>
    public LinkDecision Link { get; init; }

    /// <summary>The keys in the form of <see cref="NicOptions"/>.</summary>
    internal const string Keys = "cqe-compression=, cqe-sessions-wrap=, few-strides=, memory-fault-every=, vf-promiscuity= and link=";

    /// <summary>Changes what a key stands for. <paramref name="error"/> is one sentence if the value is not allowed; null: no such key.</summary>
    internal bool TryApply(string key, string value, [NotNullWhen(true)] out NicBehaviour? changed, out string? error)
    {
        changed = key switch
        {
            "cqe-compression" => WithCompression(value),
            "cqe-sessions-wrap" => Switch(value) is { } wraps ? this with { CqeSessionsWrap = wraps } : null,
            "few-strides" => Switch(value) is { } few ? this with { ExtendedStrideNumbers = few } : null,
            "memory-fault-every" => uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint every) ? this with { MemoryFaultEvery = every } : null,
            "vf-promiscuity" => value switch
            {
                "flow" => this with { VfPromiscuity = VfPromiscuity.Flow },
                "netdev" => this with { VfPromiscuity = VfPromiscuity.Netdev },
                _ => null,
            },
            "link" => value switch
            {
                "wire" => this with { Link = LinkDecision.Wire },
                "netdev" => this with { Link = LinkDecision.Netdev },
                _ => null,
            },
            _ => null,
        };
        error = key switch
        {
            "cqe-compression" => $"{key}={value}: give balanced, never, aggressive or random[:SEED]",
            "cqe-sessions-wrap" or "few-strides" => $"{key}={value}: give on or off",
            "memory-fault-every" => $"{key}={value}: give a number of accesses, or 0",
            "vf-promiscuity" => $"{key}={value}: give flow or netdev",
            "link" => $"{key}={value}: give wire or netdev",
            _ => null,
        };
        return changed is not null;
    }

    private static bool? Switch(string value) => value switch { "on" => true, "off" => false, _ => null };

    private NicBehaviour? WithCompression(string value)
    {
        string[] parts = value.Split(':', 2);
        int seed = 0;
        bool seeded = parts.Length == 1 || (parts[0] == "random" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out seed));
        CqeCompressionPolicy? policy = parts[0] switch
        {
            "balanced" => CqeCompressionPolicy.Balanced,
            "never" => CqeCompressionPolicy.Never,
            "aggressive" => CqeCompressionPolicy.Aggressive,
            "random" => CqeCompressionPolicy.Random,
            _ => null,
        };
        return seeded && policy is { } chosen ? this with { CqeCompression = chosen, CqeCompressionSeed = seed } : null;
    }
}
