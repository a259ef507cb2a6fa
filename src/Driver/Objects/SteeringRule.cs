using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A rule by which the NIC steers frames to a queue pair. It acts between <see cref="Add"/> and <see cref="Remove"/>, which may be repeated.</summary>
internal sealed unsafe class SteeringRule : IDisposable
{
    private readonly RssQueuePair _target;
    private readonly string _subject;
    private readonly RuleAttributes _attributes;
    private ibv_flow* _flow;

    /// <summary>
    /// Steers the frames that pass <paramref name="filter"/>; with an EtherType, only those of that type. If <paramref name="isTagged"/>,
    /// completions tell the filter's tag. Where programs share a match, as that of group addresses, they must agree on its tag (EEXIST).
    /// </summary>
    public SteeringRule(RssQueuePair target, FrameFilter filter, ushort? etherType, bool isTagged, string subject)
    {
        _target = target;
        _subject = subject;
        _attributes.Head.size = (ushort)(sizeof(RuleAttributes) - (isTagged ? 0 : sizeof(ibv_flow_spec_action_tag)));
        _attributes.Head.num_of_specs = (byte)(isTagged ? 2 : 1);
        _attributes.Head.port = 1;
        _attributes.Head.priority = filter.Priority;
        _attributes.Head.flags = filter.IsCopied ? ibv_flow_flags.IBV_FLOW_ATTR_FLAGS_DONT_TRAP : default;
        _attributes.Ethernet.type = ibv_flow_spec_type.IBV_FLOW_SPEC_ETH;
        _attributes.Ethernet.size = (ushort)sizeof(ibv_flow_spec_eth);
        _attributes.Ethernet.val.dst_mac = filter.Value;
        _attributes.Ethernet.mask.dst_mac = filter.Mask;
        _attributes.Ethernet.val.ether_type = etherType ?? 0;
        _attributes.Ethernet.mask.ether_type = (ushort)(etherType is null ? 0 : 0xFFFF);
        _attributes.Tag.type = ibv_flow_spec_type.IBV_FLOW_SPEC_ACTION_TAG;
        _attributes.Tag.size = (ushort)sizeof(ibv_flow_spec_action_tag);
        _attributes.Tag.tag_id = (uint)filter.Tag;
    }

    /// <summary>Puts the rule into force.</summary>
    public void Add()
    {
        Debug.Assert(_flow == null, "a rule is added once for each time it was removed");
        fixed (RuleAttributes* attributes = &_attributes)
        {
            _flow = VerbsException.NotNull(ibv_create_flow(_target.Handle, &attributes->Head), "ibv_create_flow", _subject);
        }
    }

    /// <summary>Takes the rule out of force.</summary>
    public void Remove()
    {
        VerbsException.Check(ibv_destroy_flow(_flow), "ibv_destroy_flow", _subject);
        _flow = null;
    }

    public void Dispose()
    {
        if (_flow != null)
        {
            _ = ibv_destroy_flow(_flow);
            _flow = null;
        }
    }

    /// <summary>
    /// Adds rules and then removes others, so that there is no moment without a rule; after a failure everything is as before.
    /// </summary>
    public static void Change(ReadOnlySpan<SteeringRule> add, ReadOnlySpan<SteeringRule> remove)
    {
        int added = 0;
        int removed = 0;
        try
        {
            for (; added < add.Length; added++)
            {
                add[added].Add();
            }

            for (; removed < remove.Length; removed++)
            {
                remove[removed].Remove();
            }
        }
        catch (VerbsException)
        {
            while (removed > 0)
            {
                remove[--removed].Add();
            }

            while (added > 0)
            {
                add[--added].Dispose();
            }

            throw;
        }
    }

    // The layout that ibv_create_flow wants: the head, and the specs right behind it.
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct RuleAttributes
    {
        public ibv_flow_attr Head;
        public ibv_flow_spec_eth Ethernet;
        public ibv_flow_spec_action_tag Tag; // the last, as it is not always there
    }
}
