using System.Runtime.Intrinsics;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>A flow's specs as value and mask over <see cref="FrameInfo.Key"/>.</summary>
internal readonly record struct FlowMatch(Vector512<ulong> Value, Vector512<ulong> Mask)
{
    private const ulong MacBits = 0xFFFF_FFFF_FFFF_0000;
    private const ulong MulticastBit = 0x0100_0000_0000_0000;

    /// <summary>True if the flow names one unicast destination address, all of it.</summary>
    public bool NamesUnicastMac => (Mask[0] & MacBits) == MacBits && (Value[0] & MulticastBit) == 0;

    /// <summary>True if the flow asks for multicast destinations only.</summary>
    public bool IsMulticastOnly => (Mask[0] & Value[0] & MulticastBit) != 0 || IsIp4MulticastOnly;

    private bool IsIp4MulticastOnly => Mask[6] >> 28 == 0xF && Value[6] >> 28 == 0xE && Value[2] >> 56 == 4;

    /// <exception cref="NicException">EINVAL: the specs contradict each other.</exception>
    public static FlowMatch Of(IReadOnlyList<FlowSpec> specs)
    {
        Span<ulong> value = stackalloc ulong[8];
        Span<ulong> mask = stackalloc ulong[8];
        foreach (FlowSpec spec in specs)
        {
            switch (spec)
            {
                case EthernetSpec ethernet:
                    Add(value, mask, ethernet);
                    break;
                case Ip4Spec ip4:
                    Add(value, mask, ip4);
                    break;
                case Ip6Spec ip6:
                    Add(value, mask, ip6);
                    break;
                case PortSpec ports:
                    Set(value, mask, 2, (ulong)ports.Protocol << 40, 0xFFUL << 40);
                    Set(value, mask, 7, ((ulong)ports.Source << 16) | ports.Destination, ((ulong)ports.SourceMask << 16) | ports.DestinationMask);
                    break;
                default:
                    throw NicException.Invalid($"{spec.GetType().Name} is no flow spec that the NIC knows");
            }
        }

        Vector512<ulong> masks = Vector512.Create<ulong>(mask);
        return new FlowMatch(Vector512.Create<ulong>(value) & masks, masks);
    }

    private static void Add(Span<ulong> value, Span<ulong> mask, EthernetSpec spec)
    {
        Set(value, mask, 0, (spec.Destination.Bits << 16) | spec.EtherType, (spec.DestinationMask.Bits << 16) | spec.EtherTypeMask);
        Set(value, mask, 1, (spec.Source.Bits << 16) | spec.VlanTag, (spec.SourceMask.Bits << 16) | spec.VlanTagMask);
        if (spec.VlanTagMask != 0)
        {
            Set(value, mask, 2, 1UL << 48, 1UL << 48);
        }
    }

    private static void Add(Span<ulong> value, Span<ulong> mask, Ip4Spec spec)
    {
        Imply(value, mask, EtherType.Ip4, 4);
        Set(value, mask, 2, ((ulong)spec.Protocol << 40) | ((ulong)spec.TypeOfService << 32),
            ((ulong)spec.ProtocolMask << 40) | ((ulong)spec.TypeOfServiceMask << 32));
        Set(value, mask, 4, spec.Source.Value, spec.SourceMask.Value);
        Set(value, mask, 6, spec.Destination.Value, spec.DestinationMask.Value);
    }

    private static void Add(Span<ulong> value, Span<ulong> mask, Ip6Spec spec)
    {
        Imply(value, mask, EtherType.Ip6, 6);
        Set(value, mask, 2, ((ulong)spec.NextHeader << 40) | ((ulong)spec.TrafficClass << 32) | spec.FlowLabel,
            ((ulong)spec.NextHeaderMask << 40) | ((ulong)spec.TrafficClassMask << 32) | spec.FlowLabelMask);
        Set(value, mask, 3, (ulong)(spec.Source >> 64), (ulong)(spec.SourceMask >> 64));
        Set(value, mask, 4, (ulong)spec.Source, (ulong)spec.SourceMask);
        Set(value, mask, 5, (ulong)(spec.Destination >> 64), (ulong)(spec.DestinationMask >> 64));
        Set(value, mask, 6, (ulong)spec.Destination, (ulong)spec.DestinationMask);
    }

    private static void Imply(Span<ulong> value, Span<ulong> mask, ushort etherType, ulong version)
    {
        Set(value, mask, 0, etherType, 0xFFFF);
        Set(value, mask, 2, version << 56, 0xFFUL << 56);
    }

    private static void Set(Span<ulong> value, Span<ulong> mask, int word, ulong bits, ulong under)
    {
        if (((value[word] ^ bits) & mask[word] & under) != 0)
        {
            throw NicException.Invalid("the flow's specs contradict each other");
        }

        value[word] |= bits & under;
        mask[word] |= under;
    }
}
