using Verbena.Dataplane.L2;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Dataplane;

/// <summary>The interfaces as the control thread sees them: which there are, and what each of them is set to.</summary>
/// <remarks>What is refused changes nothing and throws a <see cref="RouterException"/>.</remarks>
public sealed class InterfaceSet
{
    private readonly ForwardingTables _tables;
    private readonly IReadOnlyList<Worker> _workers;
    private readonly RxPlacement _placement;
    private readonly MacAddressPolicy _macAddresses;
    private readonly Ip4Routing _ip4;
    private readonly Bridging _bridging;
    private readonly Func<IDisposable> _park;

    /// <summary>Makes the interfaces of a router, of which there is only <c>local0</c>.</summary>
    /// <param name="tables">What the workers read.</param>
    /// <param name="workers">Whose graphs get nodes for each interface.</param>
    /// <param name="placement">Which worker polls which queue.</param>
    /// <param name="macAddresses">Which Ethernet addresses they may take.</param>
    /// <param name="ip4">Follows them in L3 mode.</param>
    /// <param name="bridging">Follows them in L2 mode.</param>
    /// <param name="park">Stops the workers, and has learned what they have reported.</param>
    internal InterfaceSet(
        ForwardingTables tables, IReadOnlyList<Worker> workers, RxPlacement placement, MacAddressPolicy macAddresses,
        Ip4Routing ip4, Bridging bridging, Func<IDisposable> park)
    {
        (_tables, _workers, _placement, _macAddresses) = (tables, workers, placement, macAddresses);
        (_ip4, _bridging, _park) = (ip4, bridging, park);
        _tables.SetInterface(0, new Interface("local0", 0, port: null));
    }

    /// <summary>All of them by ascending index, <c>local0</c> first.</summary>
    public IReadOnlyList<Interface> All => [.. _tables.Interfaces.ToArray().OfType<Interface>()];

    /// <summary>The interface with exactly this name, or null.</summary>
    public Interface? Find(string name) =>
        All.FirstOrDefault(candidate => string.Equals(candidate.Name, name, StringComparison.Ordinal));

    /// <summary>Puts an interface on a port, down, under the port's name. The port stays the caller's to dispose, after <see cref="Remove"/>.</summary>
    public Interface Add(Port port)
    {
        ArgumentNullException.ThrowIfNull(port);
        CheckName(port.Name);
        if (port.TxQueues.Count < _workers.Count)
        {
            throw new RouterException($"{port.Name} has fewer transmit queues than there are workers: each needs one of its own");
        }

        return Install(new Interface(port.Name, _tables.FreeInterfaceIndexes.First(), port));
    }

    /// <summary>Makes an interface of those frames of another's port that have certain VLAN tags, down, named <c>PARENT.ID</c>.</summary>
    public Interface AddSub(Interface parent, int id, VlanMatch match)
    {
        ArgumentNullException.ThrowIfNull(parent);
        CheckMatch(parent, match);
        CheckName(Interface.SubInterfaceName(parent, id));
        return InstallSubs(parent, [(id, match)])[0];
    }

    /// <summary>
    /// Makes one for each VLAN from <paramref name="first"/> to <paramref name="last"/>, of the frames that have that tag alone: those
    /// whose names are free, or none if another has the frames of one of them. The workers are stopped once.
    /// </summary>
    public IReadOnlyList<Interface> AddSubs(Interface parent, int first, int last)
    {
        ArgumentNullException.ThrowIfNull(parent);
        HashSet<string> names = [.. All.Select(item => item.Name)];
        (int Id, VlanMatch Match)[] wanted =
        [
            .. from vlan in Enumerable.Range(first, last - first + 1)
               where !names.Contains(Interface.SubInterfaceName(parent, vlan))
               select (vlan, VlanMatch.OneTag(EtherType.Vlan, vlan, exact: true)),
        ];
        Array.ForEach(wanted, one => CheckMatch(parent, one.Match));
        return InstallSubs(parent, wanted);
    }

    /// <summary>Makes an interface without a port, down: it can be the BVI of a bridge domain.</summary>
    public Interface AddVirtual(string name, MacAddress address)
    {
        CheckName(name);
        AddressRules.CheckUnicast(address);
        Interface added = new(name, _tables.FreeInterfaceIndexes.First(), address);
        _macAddresses.Check(address, added, _tables.Interfaces, force: false);
        return Install(added);
    }

    /// <summary>Makes one with the address <paramref name="usual"/> or, where that is not allowed, one that is and is free.</summary>
    public Interface AddVirtualWithUsual(string name, MacAddress usual) => AddVirtual(
        name, _macAddresses.Choose(usual, [.. All.SelectMany(item => item.SecondaryMacAddresses.Append(item.MacAddress))]));

    /// <summary>Takes an interface away, and its sub-interfaces, with their addresses, routes, neighbors and the packets that wait for them.</summary>
    public void Remove(Interface target)
    {
        RequireNotLocal0(target);
        HashSet<Interface> removed = [.. target.WithSubInterfaces];
        SubInterfaceTable? left = target.Parent?.SubInterfaceTable.Without(target);
        using (_park()) // they name interfaces by index, which the next interface may get
        {
            target.SubInterfaceTable = SubInterfaceTable.None;
            target.Parent?.SubInterfaceTable = left!;
            foreach (Interface gone in removed)
            {
                gone.IsAdminUp = false;
            }

            _bridging.Forget(removed);
            _ip4.Forget(removed);
            foreach (Interface gone in removed)
            {
                TakeFromWorkers(gone);
                _tables.SetInterface(gone.Index, null);
            }
        }
    }

    /// <summary>Sets an interface and its port up or down. A down interface has no routes, and keeps static neighbors only.</summary>
    public void SetAdminUp(Interface target, bool up)
    {
        RequireNotLocal0(target);
        if (target.IsAdminUp == up)
        {
            return;
        }

        if (up && target.Parent is { IsAdminUp: false } parent)
        {
            throw new RouterException($"super-interface {parent} must be up");
        }

        target.Port?.SetAdminUp(up);
        foreach (Interface sub in target.SubInterfaces.Where(_ => !up))
        {
            SetAdminUp(sub, up: false);
        }

        target.IsAdminUp = up;
        _ip4.FollowState(target);
    }

    /// <summary>Gives an interface and its port another Ethernet address, and announces it. A port that refuses keeps the old one.</summary>
    /// <param name="target">Whose it is to be.</param>
    /// <param name="address">The address.</param>
    /// <param name="force">Even if it is Linux's, a group's, or another interface's on the same port.</param>
    public void SetMacAddress(Interface target, MacAddress address, bool force = false)
    {
        RequireNotLocal0(target);
        _macAddresses.Check(address, target, _tables.Interfaces, force);
        if (target.Parent is { } parent)
        {
            throw new RouterException($"{target} has the Ethernet address of {parent}: change that");
        }

        target.Port?.SetMacAddress(address);
        target.MacAddress = address;
        _bridging.MacAddressChanged(target);
        foreach (Interface changed in target.WithSubInterfaces)
        {
            _ip4.FollowMacAddress(changed);
        }
    }

    /// <summary>Sets the longest IPv4 packet that the interface sends, from <see cref="Interface.MinMtu"/> to <see cref="Interface.MaxMtu"/> bytes.</summary>
    public void SetMtu(Interface target, int bytes)
    {
        RequireNotLocal0(target);
        if (bytes < Interface.MinMtu || bytes > target.MaxMtu)
        {
            throw new RouterException($"MTU {bytes} is out of range: {target} can have {Interface.MinMtu} to {target.MaxMtu}");
        }

        target.Mtu = bytes;
        _ip4.FollowMtu(target);
    }

    /// <summary>Zeroes the counters of all of them.</summary>
    public void ClearCounters()
    {
        foreach (Interface cleared in All)
        {
            cleared.ClearCounters();
        }
    }

    /// <summary>Refuses a sub-interface of frames that another has.</summary>
    private static void CheckMatch(Interface parent, VlanMatch match)
    {
        if (parent.Port is null)
        {
            throw new RouterException($"{parent} has no port: it can't have sub-interfaces");
        }

        if (parent.SubInterfaces.FirstOrDefault(other => other.Match!.IsSameAs(match)) is { } taken)
        {
            throw new RouterException($"{taken} has these frames already");
        }
    }

    private static void RequireNotLocal0(Interface target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Index == 0)
        {
            throw new RouterException($"{target} has no port: it stays as it is");
        }
    }

    private void CheckName(string name)
    {
        if (Find(name) is not null)
        {
            throw new RouterException($"an interface named {name} exists already");
        }
    }

    private static void CheckMtu(Interface added)
    {
        if (added.MaxMtu < Interface.MinMtu)
        {
            throw new RouterException(
                $"{added} can't carry IPv4 packets of more than {added.MaxMtu} bytes, {Interface.MinMtu} are the least that a link may have: "
                + "its port must take longer frames");
        }
    }

    private Interface[] InstallSubs(Interface parent, (int Id, VlanMatch Match)[] wanted)
    {
        Interface[] added = [.. wanted.Zip(_tables.FreeInterfaceIndexes, (one, index) => new Interface(parent, index, one.Id, one.Match))];
        SubInterfaceTable table = parent.SubInterfaceTable.With(added); // takes a while where there are thousands
        Install(added);
        parent.SubInterfaceTable = table; // now that workers may find them
        return added;
    }

    private Interface Install(Interface added)
    {
        Install([added]);
        return added;
    }

    /// <summary>Lets workers find interfaces, all or none.</summary>
    private void Install(Interface[] added)
    {
        Array.ForEach(added, CheckMtu);
        using (_park())
        {
            try
            {
                Array.ForEach(added, GiveToWorkers);
            }
            catch
            {
                Array.ForEach(added, TakeFromWorkers);
                throw;
            }

            Array.ForEach(added, one => _tables.SetInterface(one.Index, one));
        }
    }

    private void GiveToWorkers(Interface added)
    {
        foreach (Worker worker in _workers)
        {
            worker.Graph.Add(added);
        }

        _placement.Add(added);
    }

    private void TakeFromWorkers(Interface removed)
    {
        _placement.Remove(removed);
        foreach (Worker worker in _workers)
        {
            worker.Graph.Remove(removed);
        }
    }
}
