using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>What fragments of one datagram have in common (RFC 791, 3.2).</summary>
internal readonly record struct DatagramKey(Ip4Address Source, Ip4Address Destination, ushort Identification, byte Protocol);

/// <summary>A part of a datagram's payload.</summary>
/// <param name="Packet">The packet that it came in.</param>
/// <param name="Start">Where in the datagram's payload it begins, in bytes.</param>
/// <param name="End">Where it ends; not before <paramref name="Start"/>.</param>
/// <param name="IsLast">No more follow it.</param>
/// <param name="Buffers">How many the packet has.</param>
internal readonly record struct Fragment(BufferIndex Packet, int Start, int End, bool IsLast, int Buffers);

/// <summary>The fragments of a datagram that have come so far, in order. It is used again for others.</summary>
internal sealed class FragmentedDatagram
{
    /// <summary>As many as the longest datagram has on a link with an MTU of 576 bytes, and some more.</summary>
    public const int MaxFragments = 128;

    private readonly Fragment[] _fragments = new Fragment[MaxFragments];
    private int _count;
    private int _bytes;

    public DatagramKey Key { get; private set; }

    /// <summary>When to give it up.</summary>
    public long Deadline { get; private set; }

    public ReadOnlySpan<Fragment> Fragments => _fragments.AsSpan(0, _count);

    /// <summary>Since no two overlap, the whole payload is there when it adds up.</summary>
    public bool IsComplete => _count > 0 && _fragments[_count - 1] is { IsLast: true } last && last.End == _bytes;

    /// <summary>Begins anew, without fragments.</summary>
    public void Begin(DatagramKey key, long deadline) => (Key, Deadline, _count, _bytes) = (key, deadline, 0, 0);

    /// <summary>Adds a fragment, or says why not: it came before, it contradicts the others, or there are too many.</summary>
    public Reason? TryAdd(in Fragment added)
    {
        int at = _count;
        while (at > 0 && _fragments[at - 1].Start >= added.Start)
        {
            at--; // they mostly come in order
        }

        Reason? refusal = at < _count && IsSame(in _fragments[at], in added) ? Reason.ReassemblyDuplicate
            : Contradicts(at, in added) ? Reason.ReassemblyOverlap
            : _count == MaxFragments ? Reason.ReassemblyTooManyFragments
            : null;
        if (refusal is null)
        {
            Array.Copy(_fragments, at, _fragments, at + 1, _count - at);
            _fragments[at] = added;
            _count++;
            _bytes += added.End - added.Start;
        }

        return refusal;
    }

    private static bool IsSame(in Fragment one, in Fragment other) =>
        (one.Start, one.End, one.IsLast) == (other.Start, other.End, other.IsLast);

    /// <summary>Whether a fragment that would stand at <paramref name="at"/> overlaps a neighbour, or goes on behind the end.</summary>
    private bool Contradicts(int at, in Fragment added) =>
        (at > 0 && (_fragments[at - 1].End > added.Start || _fragments[at - 1].IsLast))
        || (at < _count && (_fragments[at].Start < added.End || added.IsLast));
}
