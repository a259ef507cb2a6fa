using System.Diagnostics.CodeAnalysis;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>What a member is to its bridge domain.</summary>
public enum BridgeRole
{
    /// <summary>A port like others.</summary>
    Normal,

    /// <summary>The domain's own interface, by which it routes: a loopback or bvi interface.</summary>
    Bvi,

    /// <summary>The one that unicast to unknown addresses goes to.</summary>
    UuForward,
}

/// <summary>Layer 2 as the control thread sees it: bridge domains, cross-connects, tag rewrites, the L2 FIB.</summary>
/// <remarks>
/// Members change while the worker is parked, so a packet finds the same domain from one end of the graph to the other. What
/// workers have seen before is learned first: a report must not be taken for one about what an interface is afterwards. Single
/// flags change at any time. What is refused changes nothing and throws a <see cref="RouterException"/>.
/// </remarks>
public sealed class Bridging
{
    private const int MaxDomains = ushort.MaxValue; // a key has 16 bits for the index

    private readonly ForwardingTables _tables;
    private readonly Func<IDisposable> _park;
    private readonly Action<Interface, bool> _requirePromiscuous;
    private readonly Action<Interface> _modeChanged;
    private readonly List<BridgeDomain?> _domains = [null]; // index 0 is nobody's, so that no key is 0
    private readonly L2Addresses _addresses;

    /// <summary>Makes the bridging of a router.</summary>
    /// <param name="tables">What the workers read.</param>
    /// <param name="park">Stops the workers, and has learned what they have reported.</param>
    /// <param name="requirePromiscuous">Makes a port receive all frames, or no more for our sake; may refuse.</param>
    /// <param name="modeChanged">Lets the routes follow.</param>
    internal Bridging(
        ForwardingTables tables, Func<IDisposable> park, Action<Interface, bool> requirePromiscuous, Action<Interface> modeChanged)
    {
        (_tables, _park, _requirePromiscuous, _modeChanged) = (tables, park, requirePromiscuous, modeChanged);
        _addresses = new L2Addresses(tables, index => _domains[index]!);
    }

    /// <summary>All bridge domains by ascending number.</summary>
    public IReadOnlyList<BridgeDomain> Domains => [.. _domains.OfType<BridgeDomain>().OrderBy(domain => domain.Id)];

    /// <summary>How many Ethernet addresses are known.</summary>
    public int AddressCount => _addresses.Count;

    /// <summary>The bridge domain of that number, or null.</summary>
    public BridgeDomain? Find(int id) => _domains.Find(domain => domain?.Id == id);

    /// <summary>All Ethernet addresses, by domain, then address.</summary>
    /// <param name="now">The clock of <see cref="Router.Maintain"/>.</param>
    public IReadOnlyList<L2FibEntry> ReadAddresses(long now) => _addresses.Read(now);

    /// <summary>Makes a bridge domain that learns, forwards and floods.</summary>
    public BridgeDomain Create(int id)
    {
        if (Find(id) is not null)
        {
            throw new RouterException($"bridge domain {id} exists already");
        }

        int free = _domains.FindIndex(1, domain => domain is null);
        int index = free > 0 ? free : _domains.Count;
        if (index > MaxDomains)
        {
            throw new RouterException($"there are {MaxDomains} bridge domains already, and can't be more");
        }

        BridgeDomain created = new(id, index);
        _domains.Insert(index, created);
        if (free > 0)
        {
            _domains.RemoveAt(index + 1);
        }

        return created;
    }

    /// <summary>Deletes a domain that has no members any more.</summary>
    public void Delete(BridgeDomain domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (domain.Interfaces.Count > 0)
        {
            throw new RouterException($"bridge domain {domain.Id} in use - remove members");
        }

        _addresses.Clear(domain);
        _domains[domain.Index] = null;
    }

    /// <summary>Makes an interface a member of a domain, and of no other.</summary>
    public void Join(Interface target, BridgeDomain domain, BridgeRole role = BridgeRole.Normal, int splitHorizonGroup = 0)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(domain);
        BridgeRules.CheckMember(target, domain, role);
        Change(target, new L2Port(target)
        {
            Domain = domain,
            IsBvi = role == BridgeRole.Bvi,
            IsUuForward = role == BridgeRole.UuForward,
            SplitHorizonGroup = splitHorizonGroup,
        });
        AddBviAddress(target);
    }

    /// <summary>Sends all that an interface receives out of another; that one's frames need a cross-connect of their own.</summary>
    public void CrossConnect(Interface target, Interface peer)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(peer);
        BridgeRules.CheckCrossConnect(target, peer);
        Change(target, new L2Port(target) { Peer = peer });
    }

    /// <summary>Puts an interface back into L3 mode, without the addresses that were learned behind it.</summary>
    public void Leave(Interface target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.L2 is not null)
        {
            Change(target, null);
        }
    }

    /// <summary>Changes what an interface does with tags while it is in L2 mode; null: nothing.</summary>
    public void SetTagRewrite(Interface target, TagRewrite? rewrite)
    {
        ArgumentNullException.ThrowIfNull(target);
        BridgeRules.CheckPort(target);
        using (_park()) // so that no frame meets one half of the old and one of the new
        {
            target.TagRewrite = rewrite;
        }
    }

    /// <summary>Says whether a member takes part in what its domain does; null leaves it as it is.</summary>
    public void SetMember(Interface target, bool? learns = null, bool? forwards = null, bool? floods = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.L2 is not { Domain: { } domain } port)
        {
            throw new RouterException($"{target} is in no bridge domain");
        }

        using (_park())
        {
            target.L2 = port with
            {
                Learns = learns ?? port.Learns,
                Forwards = forwards ?? port.Forwards,
                Floods = floods ?? port.Floods,
            };
            domain.Set(target.L2);
        }
    }

    /// <summary>Sets an Ethernet address behind a member, which does not age. It moves to where it is seen, unless it is static or a BVI's.</summary>
    public void AddAddress(BridgeDomain domain, MacAddress address, Interface member, bool isStatic)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(member);
        BridgeRules.CheckAddress(domain, address);
        if (member.L2?.Domain != domain)
        {
            throw new RouterException($"{member} is no member of bridge domain {domain.Id}");
        }

        TakeReports(); // of where it was before
        _addresses.Set(domain, address, member.L2.IsBvi ? L2Entry.Bvi(member.Index)
            : isStatic ? L2Entry.Static(member.Index)
            : L2Entry.Provisioned(member.Index));
    }

    /// <summary>Drops all frames from and to an Ethernet address.</summary>
    public void AddFilter(BridgeDomain domain, MacAddress address)
    {
        ArgumentNullException.ThrowIfNull(domain);
        BridgeRules.CheckAddress(domain, address);
        _addresses.Set(domain, address, L2Entry.Filter());
    }

    public void RemoveAddress(BridgeDomain domain, MacAddress address)
    {
        ArgumentNullException.ThrowIfNull(domain);
        TakeReports();
        if (!_addresses.Remove(domain, address))
        {
            throw new RouterException($"mac entry {address} not found in bridge domain {domain.Id}");
        }
    }

    /// <summary>Forgets what was learned in a domain.</summary>
    public void Flush(BridgeDomain domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        domain.FlushCount++;
        TakeReports();
        _addresses.Flush(domain);
    }

    /// <summary>Forgets what was learned behind an interface.</summary>
    public void Flush(Interface member)
    {
        TakeReports();
        _addresses.Flush(member);
    }

    /// <summary>A worker has seen an address.</summary>
    internal void Learn(Interface member, MacAddress address, long now)
    {
        if (member.L2?.Domain is { } domain)
        {
            _addresses.Learn(domain, member, address, now);
        }
    }

    internal void Age(long now) => _addresses.Age(now);

    /// <summary>An interface has another Ethernet address: a BVI's must be known in its domain.</summary>
    internal void MacAddressChanged(Interface target)
    {
        if (target.L2?.IsBvi == true)
        {
            _addresses.Clear([target]);
            AddBviAddress(target);
        }
    }

    /// <summary>Interfaces of one port are about to be removed. While the workers are parked.</summary>
    internal void Forget(IReadOnlySet<Interface> removed)
    {
        Interface[] switched = [.. removed.Where(item => item.L2 is not null)];
        BridgeDomain[] domains = [.. switched.Select(item => item.L2!.Domain).OfType<BridgeDomain>().Distinct()];
        if (domains.Length > 0) // else no address is behind them, and there may be a million others to look at
        {
            _addresses.Clear(switched);
            Array.ForEach(domains, domain => domain.Remove(removed));
        }

        Array.ForEach(switched, item => item.L2 = null);
        if (switched.Length > 0)
        {
            ReleasePort(switched[0].Main);
        }

        foreach (Interface? other in _tables.Interfaces)
        {
            if (other?.L2 is { Peer: { } peer } port && removed.Contains(peer))
            {
                other.L2 = port with { Peer = null };
            }
        }
    }

    /// <summary>The port is asked first: if it refuses, nothing has changed.</summary>
    private void Change(Interface target, L2Port? next)
    {
        bool othersNeed = target.Main.WithSubInterfaces.Any(other => other != target && other.L2 is not null);
        _requirePromiscuous(target.Main, next is not null || othersNeed);
        using (_park())
        {
            Replace(target, next);
            _modeChanged(target); // no worker may find a route by an interface that routes no more
        }
    }

    private void Replace(Interface target, L2Port? next)
    {
        if (target.L2?.Domain is { } domain) // else no address is behind it
        {
            _addresses.Clear([target]);
            domain.Remove(new HashSet<Interface> { target });
        }

        target.L2 = next;
        if (next is not null)
        {
            next.Domain?.Set(next);
        }
    }

    /// <summary>A port that refuses receives more than it needs to, which is no reason to keep an interface.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever the port says, the removal goes on")]
    private void ReleasePort(Interface main)
    {
        try
        {
            _requirePromiscuous(main, main.WithSubInterfaces.Any(item => item.L2 is not null));
        }
        catch (Exception)
        {
            // Its frames to others are dropped by their addresses, and counted.
        }
    }

    /// <summary>Learns what was seen until now, so that it does not come back once it is forgotten.</summary>
    private void TakeReports() => _park().Dispose();

    private void AddBviAddress(Interface target)
    {
        if (target.L2 is { IsBvi: true, Domain: { } domain })
        {
            _addresses.Set(domain, target.MacAddress, L2Entry.Bvi(target.Index));
        }
    }
}
