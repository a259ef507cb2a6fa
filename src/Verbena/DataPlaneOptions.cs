using Verbena.Emulator.Nic;

namespace Verbena;

/// <summary>What a data plane is started with.</summary>
internal sealed record DataPlaneOptions
{
    public const int DefaultBuffers = 16384;

    /// <summary>Ports of an emulated ConnectX; none leaves the machine's own NICs.</summary>
    public IReadOnlyList<NicOptions> EmulatedNics { get; init; } = [];

    /// <summary>The processor that the worker is pinned to, and polls on without rest; null lets Linux choose.</summary>
    public int? WorkerCore { get; init; }

    /// <summary>Packet buffers, each of 2 KiB.</summary>
    public int Buffers { get; init; } = DefaultBuffers;
}
