using System.Runtime.Intrinsics;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>What a frame has to look like for a flow: (frame and mask) = value. The default matches every frame.</summary>
public readonly record struct FlowMatch
{
    private const ulong MacBits = 0xFFFF_FFFF_FFFF;
    private const byte MulticastBit = 1;

    private static readonly Vector512<ulong> s_kinds = Kinds();

    private FlowMatch(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, MatchCriteria criteria, bool isMulticastOnly)
    {
        Value = new MatchFields(value);
        Mask = new MatchFields(mask);
        Criteria = criteria;
        IsMulticastOnly = isMulticastOnly;
    }

    /// <summary>Flows of one priority are grouped by mask and criteria.</summary>
    internal MatchFields Mask { get; }

    internal MatchFields Value { get; }

    internal MatchCriteria Criteria { get; }

    /// <summary>True if the kernel takes the flow for one that catches multicast only, which then comes behind all priorities.</summary>
    internal bool IsMulticastOnly { get; }

    /// <summary>True if the flow names one unicast destination address, all of it.</summary>
    internal bool NamesUnicastMac => (Mask.Outer[1] & MacBits) == MacBits && (Value.Outer[1] & MulticastBit) == 0;

    /// <summary>True if the flow compares no more than whether a frame is unicast, and the kind of its network header.</summary>
    internal bool TakesAllUnicast => !IsMulticastOnly && !IsDeep && (Mask.Outer & ~s_kinds) == default && (Value.Outer[1] & MulticastBit) == 0;

    internal MacAddress DestinationMac => new(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Value.Outer[1]) >> 16);

    /// <summary>True if the flow looks at more than the outer headers.</summary>
    internal bool IsDeep => Mask.Misc != default || Mask.Inner != default;

    /// <summary>The match that specifications of headers make together.</summary>
    /// <exception cref="NicException">EINVAL: they contradict each other, or a value has bits outside its mask.</exception>
    public static FlowMatch Of(params IReadOnlyList<FlowSpec> specs)
    {
        ArgumentNullException.ThrowIfNull(specs);
        Span<byte> value = stackalloc byte[MatchParameters.ComparedBytes];
        Span<byte> mask = stackalloc byte[MatchParameters.ComparedBytes];
        value.Clear();
        mask.Clear();
        new FlowSpecWriter(value, mask).Write(specs);
        MatchCriteria criteria = (IsZero(mask, MatchParameters.Outer) ? MatchCriteria.None : MatchCriteria.Outer)
            | (IsZero(mask, MatchParameters.Misc) ? MatchCriteria.None : MatchCriteria.Misc)
            | (IsZero(mask, MatchParameters.Inner) ? MatchCriteria.None : MatchCriteria.Inner);
        Check(value, mask);
        return new FlowMatch(value, mask, criteria, specs.Count > 0 && IsMulticast(specs[0]));
    }

    /// <summary>The match that a program wrote as struct fte_match_param, of which it may leave out the end.</summary>
    /// <exception cref="NicException">EINVAL: value has bits outside mask. EOPNOTSUPP: the port can't compare what mask asks for.</exception>
    public static FlowMatch OfParameters(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, MatchCriteria criteria)
    {
        Span<byte> values = stackalloc byte[MatchParameters.MaxBytes];
        Span<byte> masks = stackalloc byte[MatchParameters.MaxBytes];
        values.Clear();
        masks.Clear();
        value.CopyTo(values);
        mask.CopyTo(masks);
        Check(values, masks);
        for (int section = 0; section < MatchParameters.MaxBytes; section += MatchParameters.SectionBytes)
        {
            if (((int)criteria >> (section / MatchParameters.SectionBytes) & 1) == 0)
            {
                values.Slice(section, MatchParameters.SectionBytes).Clear();
                masks.Slice(section, MatchParameters.SectionBytes).Clear();
            }
        }

        CheckCompared(masks);
        return new FlowMatch(values, masks, criteria, IsMulticast(values, masks));
    }

    /// <summary>Linux, drivers/infiniband/hw/mlx5/fs.c, flow_is_multicast_only: the first specification decides.</summary>
    private static bool IsMulticast(FlowSpec first) => first switch
    {
        { IsInner: true } => false,
        EthernetSpec ethernet => ethernet.Destination.IsMulticast && ethernet.DestinationMask.IsMulticast,
        Ip4Spec ip4 => ip4.Destination.Value >> 28 == 0xE,
        _ => false,
    };

    /// <summary>Linux, drivers/infiniband/hw/mlx5/fs.c, raw_fs_is_multicast.</summary>
    private static bool IsMulticast(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask)
    {
        const int Ip4 = MatchParameters.DestinationIp + 12;
        return (value[MatchParameters.DestinationMac] & mask[MatchParameters.DestinationMac] & MulticastBit) != 0
            || (value[Ip4] >> 4 == 0xE && mask[Ip4] >> 4 == 0xE);
    }

    /// <summary>The group bit, the EtherType and the IP version.</summary>
    private static Vector512<ulong> Kinds()
    {
        Span<byte> bits = stackalloc byte[MatchParameters.ComparedBytes];
        bits.Clear();
        bits[MatchParameters.DestinationMac] = MulticastBit;
        bits.Slice(MatchParameters.EtherType, 2).Fill(0xFF);
        bits[MatchParameters.Bits] = MatchParameters.IpVersion;
        return new MatchFields(bits).Outer;
    }

    private static bool IsZero(ReadOnlySpan<byte> parameters, int section) =>
        !parameters.Slice(section, MatchParameters.SectionBytes).ContainsAnyExcept((byte)0);

    /// <summary>Linux, drivers/net/ethernet/mellanox/mlx5/core/fs_core.c, check_valid_spec.</summary>
    private static void Check(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask)
    {
        for (int i = 0; i < value.Length; i++)
        {
            if ((value[i] & ~mask[i]) != 0)
            {
                throw NicException.Invalid($"the flow's value has bits outside its mask, at byte {i} of the match parameters");
            }
        }
    }

    private static void CheckCompared(ReadOnlySpan<byte> mask)
    {
        ReadOnlySpan<byte> compared = MatchParameters.Compared;
        for (int i = 0; i < mask.Length; i++)
        {
            if ((mask[i] & ~(i < compared.Length ? compared[i] : 0)) != 0)
            {
                throw NicException.NotSupported($"the port can't match byte {i} of the match parameters");
            }
        }
    }
}
