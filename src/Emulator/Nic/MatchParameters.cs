namespace Verbena.Emulator.Nic;

/// <summary>Sections of a match, by the bit that puts each into force.</summary>
/// <remarks>match_criteria_enable of the ConnectX documents (Create Flow Group), the same in struct mlx5dv_flow_matcher_attr.</remarks>
[Flags]
public enum MatchCriteria
{
    None = 0,

    /// <summary>Headers up to the first transport header.</summary>
    Outer = 1,

    /// <summary>Tunnel headers, second VLAN tags, flow labels.</summary>
    Misc = 2,

    /// <summary>Headers inside a tunnel.</summary>
    Inner = 4,

    Misc2 = 8,

    Misc3 = 16,
}

/// <summary>The byte offsets of fields in struct fte_match_param, in which programs and the kernel give flows to a ConnectX.</summary>
/// <remarks>Sections of 64 bytes, all fields big-endian, the bits of a byte from the most significant one on.</remarks>
internal static class MatchParameters
{
    public const int SectionBytes = 64;
    public const int Outer = 0;
    public const int Misc = 64;
    public const int Inner = 128;

    /// <summary>The three sections that a ConnectX-5's Ethernet port compares. Behind them are those that it doesn't.</summary>
    public const int ComparedBytes = 192;

    /// <summary>What a program may give at most.</summary>
    public const int MaxBytes = 640;

    // Headers, outer and inner: struct fte_match_set_lyr_2_4.
    public const int SourceMac = 0;
    public const int EtherType = 6;
    public const int DestinationMac = 8;
    public const int Vlan = 14;
    public const int Protocol = 16;
    public const int TrafficClass = 17;
    public const int Bits = 18; // the following five
    public const byte CvlanTag = 0x80;
    public const byte SvlanTag = 0x40;
    public const byte Fragment = 0x20;
    public const byte IpVersion = 0x1E;
    public const int IpVersionShift = 1;
    public const byte TcpFlagNonce = 0x01;
    public const int TcpFlags = 19;
    public const int TcpSource = 20;
    public const int TcpDestination = 22;
    public const int TimeToLive = 27;
    public const int UdpSource = 28;
    public const int UdpDestination = 30;
    public const int SourceIp = 32; // of IPv4 the last four bytes
    public const int DestinationIp = 48;

    // struct fte_match_set_misc
    public const int GreBits = 0;
    public const byte GreChecksumPresent = 0x80;
    public const byte GreKeyPresent = 0x20;
    public const byte GreSequencePresent = 0x10;
    public const int OuterSecondVlan = 8;
    public const int InnerSecondVlan = 10;
    public const int SecondVlanBits = 12;
    public const byte OuterSecondCvlanTag = 0x80;
    public const byte InnerSecondCvlanTag = 0x40;
    public const byte OuterSecondSvlanTag = 0x20;
    public const byte InnerSecondSvlanTag = 0x10;
    public const int GreProtocol = 14;
    public const int GreKey = 16;
    public const int VxlanVni = 20;
    public const int GeneveVni = 24;
    public const int GeneveBits = 27;
    public const byte GeneveOam = 0x01;
    public const int OuterFlowLabel = 28;
    public const int InnerFlowLabel = 32;
    public const int GeneveOptionsLength = 37;
    public const byte GeneveOptionsLengthBits = 0x3F;
    public const int GeneveProtocol = 38;

    /// <summary>A one for each bit that the port can compare.</summary>
    public static ReadOnlySpan<byte> Compared => s_compared;

    private static readonly byte[] s_compared = MakeCompared();

    private static byte[] MakeCompared()
    {
        byte[] bits = new byte[ComparedBytes];
        foreach (int section in (ReadOnlySpan<int>)[Outer, Inner])
        {
            bits.AsSpan(section, SectionBytes).Fill(0xFF);
            bits.AsSpan(section + TcpDestination + 2, 3).Clear(); // reserved, or of later ConnectX
        }

        Span<byte> misc = bits.AsSpan(Misc);
        misc[GreBits] = GreChecksumPresent | GreKeyPresent | GreSequencePresent;
        misc.Slice(OuterSecondVlan, 4).Fill(0xFF);
        misc[SecondVlanBits] = OuterSecondCvlanTag | InnerSecondCvlanTag | OuterSecondSvlanTag | InnerSecondSvlanTag;
        misc.Slice(GreProtocol, 6).Fill(0xFF);
        misc.Slice(VxlanVni, 3).Fill(0xFF);
        misc.Slice(GeneveVni, 3).Fill(0xFF);
        misc[GeneveBits] = GeneveOam;
        foreach (int label in (ReadOnlySpan<int>)[OuterFlowLabel, InnerFlowLabel])
        {
            misc[label + 1] = 0x0F;
            misc.Slice(label + 2, 2).Fill(0xFF);
        }

        misc[GeneveOptionsLength] = GeneveOptionsLengthBits;
        misc.Slice(GeneveProtocol, 2).Fill(0xFF);
        return bits;
    }
}
