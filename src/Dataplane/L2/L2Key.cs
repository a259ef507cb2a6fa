using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>An Ethernet address in a bridge domain: what the L2 FIB is searched by.</summary>
/// <param name="Word">The domain's index, which is never 0, above the address's 48 bits.</param>
internal readonly record struct L2Key(ulong Word)
{
    private const int DomainShift = 48;

    public L2Key(int domainIndex, MacAddress address)
        : this(((ulong)domainIndex << DomainShift) | address.Bits)
    {
    }

    public int DomainIndex => (int)(Word >> DomainShift);

    public MacAddress Address => new(Word & ((1ul << DomainShift) - 1));

    /// <summary>Spreads addresses that differ in few bits, as those of one maker do (Fibonacci hashing).</summary>
    public uint Hash => (uint)((Word * 0x9E37_79B9_7F4A_7C15) >> 32);
}
