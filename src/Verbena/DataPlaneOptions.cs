using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena;

/// <summary>What a data plane is started with.</summary>
internal sealed record DataPlaneOptions
{
    public const int DefaultBuffers = 16384;
    public const int MaxWorkers = BufferPool.MaxCaches;

    /// <summary>Ports of an emulated ConnectX; none leaves the machine's own NICs.</summary>
    public IReadOnlyList<NicOptions> EmulatedNics { get; init; } = [];

    /// <summary>
    /// The workers: for each, the processor that it is pinned to, and polls on without rest; null lets Linux choose.
    /// </summary>
    public IReadOnlyList<int?> WorkerCores { get; init; } = [null];

    /// <summary>The processor that the control thread is pinned to; null lets Linux choose.</summary>
    public int? MainCore { get; init; }

    /// <summary>The only Ethernet addresses that interfaces may take; none: any.</summary>
    public IReadOnlyList<MacAddressRange> AllowedMacAddresses { get; init; } = [];

    /// <summary>Packet buffers, each of 2 KiB.</summary>
    public int Buffers { get; init; } = DefaultBuffers;
}
