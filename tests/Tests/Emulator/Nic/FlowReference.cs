using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Steering as a list of rules that is gone through one by one, with fields by name instead of bytes.</summary>
internal sealed class FlowReference
{
    private readonly SortedDictionary<int, List<Group?>> _levels = [];

    /// <summary>Adds a rule; false if it may not stand beside those of the same match.</summary>
    public bool TryAdd(PlannedFlow flow)
    {
        List<Group?> level = LevelOf(flow);
        Group? group = level.Find(g => g?.Mask == flow.Mask);
        List<PlannedFlow> same = group?.Flows.FindAll(f => f.Value == flow.Value) ?? [];
        if (same.Count > 0 && (same[0].Drops != flow.Drops || (flow.Tag is { } tag && tag != (group!.Tags[flow.Value] ?? 0))))
        {
            return false;
        }

        if (group is null)
        {
            group = new Group(flow.Mask);
            int free = level.IndexOf(null);
            if (free < 0)
            {
                level.Add(group);
            }
            else
            {
                level[free] = group;
            }
        }

        group.Tags.TryAdd(flow.Value, flow.Tag);
        group.Flows.Add(flow);
        return true;
    }

    public void Remove(PlannedFlow flow)
    {
        List<Group?> level = LevelOf(flow);
        int index = level.FindIndex(g => g?.Mask == flow.Mask);
        Group group = level[index]!;
        group.Flows.Remove(flow);
        if (!group.Flows.Exists(f => f.Value == flow.Value))
        {
            group.Tags.Remove(flow.Value);
        }

        if (group.Flows.Count == 0)
        {
            level[index] = null;
        }
    }

    /// <summary>What becomes of a frame, as text.</summary>
    public string Steer(PlannedFrame frame)
    {
        Dictionary<string, UInt128> fields = FieldsOf(frame);
        List<string> steps = [];
        foreach ((int key, List<Group?> level) in _levels)
        {
            Group? group = level.Find(g => g?.Flows.Exists(f => f.Matches(fields)) == true);
            if (group is null)
            {
                continue;
            }

            List<PlannedFlow> taken = group.Flows.FindAll(f => f.Matches(fields));
            steps.Add(Step(taken[0].Drops, group.Tags[taken[0].Value] ?? 0, taken.Where(f => !f.Drops).Select(f => f.Destination).Distinct()));
            bool continues = key < 32 && key % 2 == 0 && !taken[0].Drops;
            if (!continues)
            {
                break;
            }
        }

        return string.Join(", ", steps);
    }

    public static string Step(bool drops, uint tag, IEnumerable<int> destinations) =>
        drops ? "drop" : $"to {string.Join('+', destinations)} with tag {tag}";

    private List<Group?> LevelOf(PlannedFlow flow)
    {
        int key = flow.DontTrap ? flow.Priority * 2 : flow.IsMulticastOnly ? 32 : (flow.Priority * 2) + 1;
        if (!_levels.TryGetValue(key, out List<Group?>? level))
        {
            _levels.Add(key, level = []);
        }

        return level;
    }

    private static Dictionary<string, UInt128> FieldsOf(PlannedFrame frame)
    {
        Dictionary<string, UInt128> fields = [];
        Add(fields, "", frame);
        if (frame.Inner is { } inner)
        {
            Add(fields, "inner ", inner);
            fields[frame.IsVxlan ? "vni" : "gre key"] = frame.TunnelId;
            fields["gre protocol"] = frame.IsGre ? 0x6558u : 0;
        }

        return fields;
    }

    private static void Add(Dictionary<string, UInt128> fields, string where, PlannedFrame frame)
    {
        fields[where + "dmac"] = frame.Destination.Bits;
        fields[where + "smac"] = frame.Source.Bits;
        fields[where + "type"] = frame.EtherType;
        if (frame.Vlans.Length > 0)
        {
            fields[where + "cvlan"] = frame.Vlans[0].Protocol == EtherType.Vlan ? 1u : 0;
            fields[where + "vlan"] = frame.Vlans[0].Tag;
        }

        if (frame.IpVersion == 0)
        {
            return;
        }

        fields[where + "version"] = (uint)frame.IpVersion;
        fields[where + "source"] = frame.SourceIp;
        fields[where + "destination"] = frame.DestinationIp;
        fields[where + "class"] = frame.TrafficClass;
        fields[where + "label"] = frame.IpVersion == 6 ? frame.FlowLabel : 0;
        fields[where + "protocol"] = frame.Protocol;
        if (!frame.IsFragment && frame.Protocol is IpProtocol.Tcp or IpProtocol.Udp)
        {
            fields[where + "sport " + frame.Protocol] = frame.SourcePort;
            fields[where + "dport " + frame.Protocol] = frame.IsVxlan ? (ushort)4789 : frame.DestinationPort;
        }
    }

    private sealed record Group(string Mask)
    {
        public List<PlannedFlow> Flows { get; } = [];

        public Dictionary<string, uint?> Tags { get; } = [];
    }
}

/// <summary>A flow by its specifications.</summary>
internal sealed class PlannedFlow
{
    private readonly SortedDictionary<string, (UInt128 Value, UInt128 Mask)> _fields = new(StringComparer.Ordinal);

    public PlannedFlow(FlowSpec[] specs, int priority, bool dontTrap, bool drops, uint? tag, int destination)
    {
        (Specs, Priority, DontTrap, Drops, Tag, Destination) = (specs, priority, dontTrap, drops, tag, destination);
        foreach (FlowSpec spec in specs)
        {
            Add(spec);
        }

        Mask = string.Join(", ", _fields.Where(f => f.Value.Mask != 0).Select(f => $"{f.Key} {f.Value.Mask:x}"));
        Value = string.Join(", ", _fields.Where(f => f.Value.Mask != 0).Select(f => $"{f.Key} {f.Value.Value:x}"));
    }

    public FlowSpec[] Specs { get; }

    public int Priority { get; }

    public bool DontTrap { get; }

    public bool Drops { get; }

    public uint? Tag { get; }

    public int Destination { get; }

    public string Mask { get; }

    public string Value { get; }

    public bool IsMulticastOnly => Specs.FirstOrDefault() switch
    {
        EthernetSpec { IsInner: false } first => first.Destination.IsMulticast && first.DestinationMask.IsMulticast,
        Ip4Spec { IsInner: false } first => first.Destination.Value >> 28 == 14,
        _ => false,
    };

    public bool Matches(Dictionary<string, UInt128> frame) =>
        _fields.All(f => (frame.GetValueOrDefault(f.Key) & f.Value.Mask) == f.Value.Value);

    public override string ToString() =>
        $"{(Drops ? "drop" : $"to {Destination}")} at {Priority}{(DontTrap ? " dont-trap" : "")}{(Tag is null ? "" : $" tag {Tag}")}: {Value} / {Mask}";

    private void Add(FlowSpec spec)
    {
        string where = spec.IsInner ? "inner " : "";
        switch (spec)
        {
            case EthernetSpec s:
                Set(where + "dmac", s.Destination.Bits, s.DestinationMask.Bits);
                Set(where + "smac", s.Source.Bits, s.SourceMask.Bits);
                Set(where + "type", s.EtherType, s.EtherTypeMask);
                Set(where + "vlan", s.VlanTag, s.VlanTagMask);
                Set(where + "cvlan", s.VlanTagMask == 0 ? 0u : 1, s.VlanTagMask == 0 ? 0u : 1);
                break;
            case Ip4Spec s:
                Set(where + "version", 4, 15);
                Set(where + "source", (uint)s.Source.Value, (uint)s.SourceMask.Value);
                Set(where + "destination", (uint)s.Destination.Value, (uint)s.DestinationMask.Value);
                Set(where + "class", s.TypeOfService, s.TypeOfServiceMask);
                Set(where + "protocol", s.Protocol, s.ProtocolMask);
                break;
            case Ip6Spec s:
                Set(where + "version", 6, 15);
                Set(where + "source", s.Source, s.SourceMask);
                Set(where + "destination", s.Destination, s.DestinationMask);
                Set(where + "class", s.TrafficClass, s.TrafficClassMask);
                Set(where + "label", s.FlowLabel, s.FlowLabelMask);
                Set(where + "protocol", s.NextHeader, s.NextHeaderMask);
                break;
            case PortSpec s:
                Set(where + "protocol", s.Protocol, 255);
                Set(where + "sport " + s.Protocol, s.Source, s.SourceMask);
                Set(where + "dport " + s.Protocol, s.Destination, s.DestinationMask);
                break;
            case VxlanSpec s:
                Set("vni", s.Vni, s.VniMask);
                break;
            case GreSpec s:
                Set(where + "protocol", PlannedFrame.Gre, 255);
                Set("gre protocol", s.Protocol, s.ProtocolMask);
                Set("gre key", s.Key, s.KeyMask);
                break;
        }
    }

    private void Set(string field, UInt128 value, UInt128 mask)
    {
        if (mask != 0)
        {
            _fields[field] = (value, mask);
        }
    }
}
