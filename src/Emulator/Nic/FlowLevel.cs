namespace Verbena.Emulator.Nic;

/// <summary>One of the kernel's flow tables: entries in groups of equal mask, of which the first that matches takes a frame.</summary>
/// <remarks>
/// A group comes behind those that were made before it, unless the place of a group that is gone has room. The first
/// groups are large; when there are six of them, further ones have one entry each (Linux, fs_core.c, alloc_auto_flow_group).
/// </remarks>
/// <param name="continues">A frame that an entry took is offered to the next level too, because its flow has DONT_TRAP.</param>
internal sealed class FlowLevel(bool continues)
{
    private const int Entries = 65536; // Linux, drivers/infiniband/hw/mlx5/fs.c, MLX5_FS_MAX_ENTRIES
    private const int LargeGroups = 6; // MLX5_FS_MAX_TYPES
    private const int LargeGroupEntries = Entries / (LargeGroups + 1);

    private readonly List<FlowGroup> _groups = []; // by Start

    public bool Continues { get; } = continues;

    public IReadOnlyList<FlowGroup> Groups => _groups;

    /// <summary>Puts a rule beside those of the same match, or into a group of the same mask, or into a new one.</summary>
    /// <exception cref="NicException">EEXIST: the same match does something else. ENOSPC: no room for another mask.</exception>
    public void Add(FlowRule rule)
    {
        FlowEntry? entry = Find(rule.Match);
        if (entry is null)
        {
            FlowGroup group = _groups.Find(g => IsFor(g, rule.Match) && !g.IsFull) ?? AddGroup(rule.Match);
            entry = group.Add(rule);
        }

        entry.Add(rule);
    }

    public void Remove(FlowRule rule)
    {
        FlowEntry entry = rule.Entry!;
        entry.Remove(rule);
        if (entry.IsEmpty)
        {
            entry.Group.Remove(entry);
        }

        if (entry.Group.IsEmpty)
        {
            _groups.Remove(entry.Group);
        }
    }

    private static bool IsFor(FlowGroup group, in FlowMatch match) => group.Criteria == match.Criteria && group.Mask == match.Mask;

    private FlowEntry? Find(in FlowMatch match)
    {
        foreach (FlowGroup group in _groups)
        {
            if (IsFor(group, match) && group.FindValue(match.Value) is { } entry)
            {
                return entry;
            }
        }

        return null;
    }

    private FlowGroup AddGroup(in FlowMatch match)
    {
        int size = _groups.Count(g => g.Capacity == LargeGroupEntries) < LargeGroups ? LargeGroupEntries : 1;
        int start = 0;
        int index = 0;
        while (index < _groups.Count && start + size > _groups[index].Start)
        {
            start = _groups[index].Start + _groups[index].Capacity;
            index++;
        }

        if (start + size > Entries)
        {
            throw NicException.Exhausted($"the flows of this priority have {_groups.Count} masks, and no room for another");
        }

        FlowGroup group = new(this, match.Mask, match.Criteria, start, size);
        _groups.Insert(index, group);
        return group;
    }
}
