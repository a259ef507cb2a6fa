namespace Verbena.Emulator.Eswitch;

/// <summary>What an embedded switch counts: each frame in one of the first two, each copy of it in one of those behind <see cref="Copies"/>.</summary>
public enum SwitchCounter
{
    /// <summary>Frames that came from the wire.</summary>
    UplinkReceived,

    /// <summary>Frames that functions sent, and that were not for themselves.</summary>
    VportSent,

    /// <summary>Copies made beyond the first, where a frame has several destinations.</summary>
    Copies,

    /// <summary>Copies handed to functions.</summary>
    VportReceived,

    /// <summary>Copies handed to the wire.</summary>
    UplinkSent,

    /// <summary>Dropped: the wire has no carrier.</summary>
    UplinkDown,

    /// <summary>Dropped: the wire did not take the frame, or a tag made it longer than any can be.</summary>
    UplinkError,

    /// <summary>Dropped: the function has not taken what came before.</summary>
    VportFull,
}

/// <summary>The counters of an embedded switch; anyone may read.</summary>
public sealed class SwitchCounters
{
    private readonly ulong[] _values = new ulong[Enum.GetValues<SwitchCounter>().Length];

    public ulong this[SwitchCounter counter] => Volatile.Read(ref _values[(int)counter]);

    /// <summary>The counter's name: <c>switch_uplink_received</c>.</summary>
    public static string NameOf(SwitchCounter counter) => "switch_" + Nic.PortCounters.ToSnakeCase(counter.ToString());

    /// <summary>The switch's, inside its lock.</summary>
    internal void Add(SwitchCounter counter, ulong count = 1) => _values[(int)counter] += count;
}
