using System.Globalization;
using Verbena.Packets;

namespace Verbena.Dataplane.L2;

/// <summary>A change of the VLAN tags of frames: how many are taken away, and what comes in their place.</summary>
internal sealed class TagOperation(int pop, VlanTag[] push)
{
    /// <summary>Changes a frame; false, and nothing done, if it has too few tags.</summary>
    public bool TryApply(BufferPool buffers, BufferIndex frame)
    {
        if (pop > 0 && VlanTags.Read(buffers.Packet(frame)).Count < pop)
        {
            return false;
        }

        buffers.ReplaceTags(frame, pop, push);
        return true;
    }
}

/// <summary>What an interface in L2 mode does with the tags of frames that it receives, and how it undoes that when it sends (vnet/l2/l2_vtr.c).</summary>
public sealed class TagRewrite
{
    private TagRewrite(string name, int pop, VlanTag[] push, VlanTag[] own)
    {
        Name = name;
        Input = new TagOperation(pop, push);
        Output = new TagOperation(push.Length, own[..pop]);
    }

    /// <summary>As VPP shows it: <c>pop-1</c>, <c>push-1 dot1q 100</c>, <c>trans-1-1 dot1q 100</c>.</summary>
    public string Name { get; }

    internal TagOperation Input { get; }

    internal TagOperation Output { get; }

    /// <summary>Takes <paramref name="count"/> tags away, which the interface must know: they are put back on output.</summary>
    public static TagRewrite Pop(Interface target, int count) => Make(target, "pop-" + Text(count), count, []);

    /// <summary>Puts tags in front.</summary>
    public static TagRewrite Push(Interface target, params VlanTag[] tags) => Make(target, "push-" + Text(tags), 0, tags);

    /// <summary>Replaces the first <paramref name="count"/> tags.</summary>
    public static TagRewrite Translate(Interface target, int count, params VlanTag[] tags) =>
        Make(target, $"trans-{Text(count)}-{Text(tags)}", count, tags);

    /// <exception cref="RouterException">The interface does not know so many tags.</exception>
    private static TagRewrite Make(Interface target, string name, int pop, VlanTag[] push)
    {
        ArgumentNullException.ThrowIfNull(target);
        VlanTag[] own = target.Match?.Tags ?? [];
        return own.Length >= pop
            ? new TagRewrite(name, pop, push, own)
            : throw new RouterException($"vlan tag rewrite is not compatible with interface {target}: it is not told apart by {Text(pop)} tags that could be put back");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(VlanTag[] tags) =>
        $"{Text(tags.Length)} {(tags[0].Type == EtherType.ServiceVlan ? "dot1ad" : "dot1q")} {string.Join(' ', tags.Select(tag => Text(tag.Id)))}";
}
