using Verbena.Emulator.Nic;

namespace Verbena.Nic;

/// <summary>What <c>verbena nic run</c> is asked for.</summary>
internal sealed record NicRunOptions
{
    /// <summary>What there is if nothing is asked for: a port that has link, and takes what is sent.</summary>
    public const string DefaultNic = "enp94s0f0,wire=sink";

    public required IReadOnlyList<NicOptions> Nics { get; init; }

    /// <summary>Where the NIC writes what it finds wrong in the program's use of it; null: nowhere.</summary>
    public string? Log { get; init; }

    /// <summary>Where each verb of the program is recorded; null: nowhere.</summary>
    public string? Record { get; init; }

    /// <summary>Work requests and completions are recorded too.</summary>
    public bool RecordsWork { get; init; }

    /// <summary>The ports are inside the program, which then is the only one that has them: no copy of a frame is made on its way.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];
}
