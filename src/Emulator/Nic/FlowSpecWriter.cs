using System.Buffers.Binary;
using Verbena.Packets;
using static Verbena.Emulator.Nic.MatchParameters;

namespace Verbena.Emulator.Nic;

/// <summary>Writes specifications of headers as match parameters, as Linux does (drivers/infiniband/hw/mlx5/fs.c, parse_flow_attr).</summary>
internal readonly ref struct FlowSpecWriter(Span<byte> value, Span<byte> mask)
{
    private const byte Gre = 47; // IANA protocol numbers
    private readonly Span<byte> _value = value;
    private readonly Span<byte> _mask = mask;

    /// <exception cref="NicException">EINVAL: the specifications contradict each other.</exception>
    public void Write(IReadOnlyList<FlowSpec> specs)
    {
        CheckEtherType(specs, inner: false);
        CheckEtherType(specs, inner: true);
        foreach (FlowSpec spec in specs)
        {
            int headers = spec.IsInner ? Inner : Outer;
            switch (spec)
            {
                case EthernetSpec ethernet:
                    Write(headers, ethernet);
                    break;
                case Ip4Spec ip4:
                    Write(headers, ip4);
                    break;
                case Ip6Spec ip6:
                    Write(headers, ip6);
                    break;
                case PortSpec ports:
                    Write(headers, ports);
                    break;
                case VxlanSpec vxlan:
                    Set32(Misc + VxlanVni, vxlan.Vni << 8, vxlan.VniMask << 8);
                    break;
                case GreSpec gre:
                    SetProtocol(headers, Gre, 0xFF);
                    Set16(Misc + GreProtocol, gre.Protocol, gre.ProtocolMask);
                    Set32(Misc + GreKey, gre.Key, gre.KeyMask);
                    break;
                default:
                    break; // an action
            }
        }
    }

    /// <summary>is_valid_ethertype: beside an IP header, an EtherType is given whole and as the one of that header, or not at all.</summary>
    private static void CheckEtherType(IReadOnlyList<FlowSpec> specs, bool inner)
    {
        EthernetSpec? ethernet = specs.OfType<EthernetSpec>().LastOrDefault(e => e.IsInner == inner && e.EtherTypeMask != 0);
        FlowSpec? ip = specs.LastOrDefault(s => s.IsInner == inner && s is Ip4Spec or Ip6Spec);
        if (ethernet is null || ip is null)
        {
            return;
        }

        const ushort MplsUnicast = 0x8847;
        const ushort MplsMulticast = 0x8848;
        ushort right = ip is Ip4Spec ? Packets.EtherType.Ip4 : Packets.EtherType.Ip6;
        if (ethernet.EtherTypeMask != 0xFFFF || !(ethernet.EtherType == right || ethernet.EtherType is MplsUnicast or MplsMulticast))
        {
            throw NicException.Invalid($"the flow's EtherType 0x{ethernet.EtherType:x4} is not that of its IP header");
        }
    }

    private void Write(int headers, EthernetSpec spec)
    {
        spec.Destination.CopyTo(_value[(headers + DestinationMac)..]);
        spec.DestinationMask.CopyTo(_mask[(headers + DestinationMac)..]);
        spec.Source.CopyTo(_value[(headers + SourceMac)..]);
        spec.SourceMask.CopyTo(_mask[(headers + SourceMac)..]);
        Set16(headers + MatchParameters.EtherType, spec.EtherType, spec.EtherTypeMask);
        if (spec.VlanTagMask != 0)
        {
            Set16(headers + Vlan, spec.VlanTag, spec.VlanTagMask);
            SetBits(headers, CvlanTag, CvlanTag);
        }
    }

    private void Write(int headers, Ip4Spec spec)
    {
        SetBits(headers, 4 << IpVersionShift, IpVersion);
        Set32(headers + SourceIp + 12, spec.Source.Value, spec.SourceMask.Value);
        Set32(headers + DestinationIp + 12, spec.Destination.Value, spec.DestinationMask.Value);
        Set8(headers + TrafficClass, spec.TypeOfService, spec.TypeOfServiceMask);
        SetProtocol(headers, spec.Protocol, spec.ProtocolMask);
    }

    private void Write(int headers, Ip6Spec spec)
    {
        SetBits(headers, 6 << IpVersionShift, IpVersion);
        BinaryPrimitives.WriteUInt128BigEndian(_value[(headers + SourceIp)..], spec.Source);
        BinaryPrimitives.WriteUInt128BigEndian(_mask[(headers + SourceIp)..], spec.SourceMask);
        BinaryPrimitives.WriteUInt128BigEndian(_value[(headers + DestinationIp)..], spec.Destination);
        BinaryPrimitives.WriteUInt128BigEndian(_mask[(headers + DestinationIp)..], spec.DestinationMask);
        Set8(headers + TrafficClass, spec.TrafficClass, spec.TrafficClassMask);
        SetProtocol(headers, spec.NextHeader, spec.NextHeaderMask);
        Set32(Misc + (spec.IsInner ? InnerFlowLabel : OuterFlowLabel), spec.FlowLabel, spec.FlowLabelMask);
    }

    private void Write(int headers, PortSpec spec)
    {
        SetProtocol(headers, spec.Protocol, 0xFF);
        bool isTcp = spec.Protocol == IpProtocol.Tcp;
        Set16(headers + (isTcp ? TcpSource : UdpSource), spec.Source, spec.SourceMask);
        Set16(headers + (isTcp ? TcpDestination : UdpDestination), spec.Destination, spec.DestinationMask);
    }

    /// <summary>The first header that names a protocol decides; a later one must name the same.</summary>
    private void SetProtocol(int headers, byte protocol, byte under)
    {
        int at = headers + Protocol;
        if (under == 0)
        {
            return;
        }

        if (_mask[at] != 0 && (_mask[at] != under || _value[at] != protocol))
        {
            throw NicException.Invalid("the flow's headers name different IP protocols");
        }

        Set8(at, protocol, under);
    }

    private void SetBits(int headers, byte bits, byte under)
    {
        int at = headers + Bits;
        _value[at] = (byte)((_value[at] & ~under) | bits);
        _mask[at] |= under;
    }

    private void Set8(int at, byte bits, byte under) => (_value[at], _mask[at]) = (bits, under);

    private void Set16(int at, ushort bits, ushort under)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_value[at..], bits);
        BinaryPrimitives.WriteUInt16BigEndian(_mask[at..], under);
    }

    private void Set32(int at, uint bits, uint under)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_value[at..], bits);
        BinaryPrimitives.WriteUInt32BigEndian(_mask[at..], under);
    }
}
