namespace Verbena.Dataplane.L2;

/// <summary>What the L2 FIB knows about an Ethernet address, in one word, so that it is read and replaced whole.</summary>
internal readonly record struct L2Entry
{
    private const int FlagsShift = 24;
    private const int MinuteShift = 32;
    private const ulong StaticBit = 1ul << FlagsShift;
    private const ulong FilterBit = 2ul << FlagsShift;
    private const ulong BviBit = 4ul << FlagsShift;
    private const ulong ProvisionedBit = 8ul << FlagsShift;

    private L2Entry(ulong word) => Word = word;

    /// <summary>The word; 0 where nothing is known.</summary>
    public ulong Word { get; }

    public bool Exists => Word != 0;

    /// <summary>The index of the interface behind which the address is; 0, which is never bridged, for <see cref="IsFilter"/>.</summary>
    public uint Interface => (uint)Word & ((1u << FlagsShift) - 1);

    /// <summary>Set by a person or a BVI, not learned: it does not age, and flushing leaves it.</summary>
    public bool IsProvisioned => (Word & ProvisionedBit) != 0;

    /// <summary>Seen on the wire, and nobody has said otherwise: it counts against what the domain may learn.</summary>
    public bool IsLearned => Exists && !IsProvisioned;

    /// <summary>Provisioned, and does not move either.</summary>
    public bool IsStatic => (Word & StaticBit) != 0;

    /// <summary>Frames from and to the address are dropped.</summary>
    public bool IsFilter => (Word & FilterBit) != 0;

    /// <summary>The address is a bridge virtual interface's.</summary>
    public bool IsBvi => (Word & BviBit) != 0;

    /// <summary>The minute of the worker's clock in which it was last seen.</summary>
    public uint Minute => (uint)(Word >> MinuteShift);

    /// <summary>The minute of a clock in nanoseconds.</summary>
    public static uint MinuteOf(long now) => (uint)(now / 60_000_000_000);

    public static L2Entry Read(ulong word) => new(word);

    public static L2Entry Learned(int interfaceIndex, uint minute) => new((uint)interfaceIndex | ((ulong)minute << MinuteShift));

    public static L2Entry Provisioned(int interfaceIndex) => new((uint)interfaceIndex | ProvisionedBit);

    public static L2Entry Static(int interfaceIndex) => new((uint)interfaceIndex | ProvisionedBit | StaticBit);

    public static L2Entry Bvi(int interfaceIndex) => new((uint)interfaceIndex | ProvisionedBit | StaticBit | BviBit);

    public static L2Entry Filter() => new(ProvisionedBit | StaticBit | FilterBit);
}
