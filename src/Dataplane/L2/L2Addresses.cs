using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>An Ethernet address of a bridge domain.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Address">The address.</param>
/// <param name="Interface">Behind which member it is; null for a filter.</param>
/// <param name="IsProvisioned">Set by a person or a BVI, not learned: it does not age.</param>
/// <param name="IsStatic">Provisioned, and does not move either.</param>
/// <param name="IsBvi">The address is that of the domain's BVI.</param>
/// <param name="AgeMinutes">Minutes since it was last seen.</param>
public sealed record L2FibEntry(
    BridgeDomain Domain, MacAddress Address, Interface? Interface, bool IsProvisioned, bool IsStatic, bool IsBvi, uint AgeMinutes);

/// <summary>Keeps the L2 FIB: learns, ages and flushes addresses. Belongs to the control thread.</summary>
internal sealed class L2Addresses(ForwardingTables tables, Func<int, BridgeDomain> domainAt)
{
    private uint _agedAt;

    private L2Fib Fib => tables.L2Fib;

    public int Count => Fib.Count;

    /// <summary>All addresses, by domain, then address.</summary>
    public IReadOnlyList<L2FibEntry> Read(long now) =>
    [
        .. Fib.Entries.OrderBy(item => item.Key.Word).Select(item => new L2FibEntry(
            domainAt(item.Key.DomainIndex),
            item.Key.Address,
            item.Entry.IsFilter ? null : tables.InterfaceAt(item.Entry.Interface),
            item.Entry.IsProvisioned,
            item.Entry.IsStatic,
            item.Entry.IsBvi,
            L2Entry.MinuteOf(now) - item.Entry.Minute)),
    ];

    /// <summary>Notes where a worker has seen an address. Silently ignored: one that is static or where it was said to be, and one too many.</summary>
    public void Learn(BridgeDomain domain, Interface member, MacAddress address, long now)
    {
        L2Key key = domain.KeyOf(address);
        L2Entry known = Fib.Find(key);
        bool stays = known.IsStatic || (known.IsProvisioned && known.Interface == (uint)member.Index);
        if (stays || (!known.IsLearned && domain.LearnCount >= domain.LearnLimit))
        {
            return;
        }

        domain.LearnCount += known.IsLearned ? 0 : 1;
        Fib.Set(key, L2Entry.Learned(member.Index, L2Entry.MinuteOf(now)));
    }

    /// <summary>Sets an address that was not learned.</summary>
    public void Set(BridgeDomain domain, MacAddress address, L2Entry entry)
    {
        _ = Remove(domain, address);
        Fib.Set(domain.KeyOf(address), entry);
    }

    /// <summary>False if the address is not known.</summary>
    public bool Remove(BridgeDomain domain, MacAddress address)
    {
        L2Key key = domain.KeyOf(address);
        L2Entry known = Fib.Find(key);
        domain.LearnCount -= known.IsLearned ? 1 : 0;
        Fib.Remove(key);
        return known.Exists;
    }

    /// <summary>Forgets the learned addresses of a domain.</summary>
    public void Flush(BridgeDomain domain) =>
        RemoveWhere((key, entry) => key.DomainIndex == domain.Index && !entry.IsProvisioned);

    /// <summary>Forgets the learned addresses behind an interface.</summary>
    public void Flush(Interface member) => RemoveWhere((_, entry) => entry.Interface == member.Index && !entry.IsProvisioned);

    /// <summary>Removes all addresses of a domain, provisioned ones too.</summary>
    public void Clear(BridgeDomain domain) => RemoveWhere((key, _) => key.DomainIndex == domain.Index);

    /// <summary>Removes all addresses behind interfaces, provisioned ones too.</summary>
    public void Clear(IEnumerable<Interface> members)
    {
        HashSet<uint> indexes = [.. members.Select(member => (uint)member.Index)];
        RemoveWhere((_, entry) => indexes.Contains(entry.Interface));
    }

    /// <summary>Forgets, once a minute, the learned addresses that were silent for longer than their domain allows.</summary>
    public void Age(long now)
    {
        uint minute = L2Entry.MinuteOf(now);
        if (minute != _agedAt)
        {
            _agedAt = minute;
            RemoveWhere((key, entry) => !entry.IsProvisioned
                && domainAt(key.DomainIndex).MacAgeMinutes is > 0 and int limit
                && minute - entry.Minute > limit);
        }
    }

    private void RemoveWhere(Func<L2Key, L2Entry, bool> condition)
    {
        foreach ((L2Key key, _) in Fib.Entries.Where(item => condition(item.Key, item.Entry)))
        {
            _ = Remove(domainAt(key.DomainIndex), key.Address);
        }
    }
}
