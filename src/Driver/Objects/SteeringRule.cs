using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>A rule by which the NIC steers frames to a queue pair. It acts between <see cref="Add"/> and <see cref="Remove"/>, which may be repeated.</summary>
internal sealed unsafe class SteeringRule : IDisposable
{
    private static readonly MacAddress s_groupBit = new(0x0100_0000_0000);

    private readonly RssQueuePair _target;
    private readonly string _subject;
    private readonly RuleAttributes _attributes;
    private ibv_flow* _flow;

    private SteeringRule(RssQueuePair target, MacAddress value, MacAddress mask, ushort? etherType, ibv_flow_flags flags, string subject)
    {
        _target = target;
        _subject = subject;
        _attributes.Head.size = (ushort)sizeof(RuleAttributes);
        _attributes.Head.num_of_specs = 1;
        _attributes.Head.port = 1;
        _attributes.Head.flags = flags;
        _attributes.Ethernet.type = ibv_flow_spec_type.IBV_FLOW_SPEC_ETH;
        _attributes.Ethernet.size = (ushort)sizeof(ibv_flow_spec_eth);
        _attributes.Ethernet.val.dst_mac = value;
        _attributes.Ethernet.mask.dst_mac = mask;
        _attributes.Ethernet.val.ether_type = etherType ?? 0;
        _attributes.Ethernet.mask.ether_type = (ushort)(etherType is null ? 0 : 0xFFFF);
    }

    /// <summary>Steers frames to <paramref name="address"/>; with an EtherType, only those of that type.</summary>
    public static SteeringRule Unicast(RssQueuePair target, MacAddress address, ushort? etherType, string subject) =>
        new(target, address, MacAddress.Broadcast, etherType, flags: default, subject);

    /// <summary>Steers a copy of each frame to a group address; others, Linux among them, receive it too.</summary>
    public static SteeringRule Multicast(RssQueuePair target, ushort? etherType, string subject) =>
        new(target, s_groupBit, s_groupBit, etherType, ibv_flow_flags.IBV_FLOW_ATTR_FLAGS_DONT_TRAP, subject);

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
    }
}
