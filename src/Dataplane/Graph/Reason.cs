namespace Verbena.Dataplane.Graph;

/// <summary>How <c>show errors</c> classes a reason: something is wrong, or a packet was handled as it should be.</summary>
public enum Severity
{
    Info,
    Error,
}

/// <summary>Why a packet left the graph, or what a node wants counted. The texts are VPP's where VPP has one.</summary>
/// <remarks>A counter belongs to a node and a reason, so that the same reason tells which node found it.</remarks>
public enum Reason
{
    InterfaceDown,
    InterfaceDeleted,
    NoFreeTxSlots,
    TxQueueStopped,

    InterfaceNotBridged,

    TooShortForEthernet,
    UnknownEthernetType,
    UnknownVlan,
    SubInterfaceDown,
    SubInterfaceNotExact,
    MacMismatch,

    L2InputPackets,
    L2InputTagRewrite,
    L2BadInterface,
    L2BadSource,
    L2LearnPackets,
    L2LearnMisses,
    L2MacMoves,
    L2MacMoveViolation,
    L2LearnLimit,
    L2LearnHitUpdates,
    L2LearnFilter,
    L2LearnReportsFull,
    L2ForwardPackets,
    L2ForwardMisses,
    L2ForwardFilter,
    L2Reflection,
    L2FeatureDisabled,
    L2FloodPackets,
    L2FloodCopies,
    L2FloodNoBuffer,
    L2NoOtherMember,
    L2OutputPackets,
    L2SplitHorizon,
    L2OutputTagRewrite,
    L2OutputFilter,
    L2TooLong,

    ArpTooShort,
    ArpNotEthernet,
    ArpNotIp4,
    ArpOpcodeUnknown,
    ArpRepliesSent,
    ArpRepliesReceived,
    ArpSourceLearned,
    ArpSourceNotLocal,
    ArpDestinationNotLocal,
    ArpDestinationUnset,
    ArpSourceIsOwn,
    ArpMacMismatch,
    ArpProbeOrAnnouncement,
    ArpInterfaceNotIp4,
    ArpReportsFull,

    ArpRequestsSent,
    ArpTooManyWanted,
    ArpRequestsNoBuffer,
    ArpPacketReplaced,
    ArpUnanswered,

    Ip4TooShort,
    Ip4BadLength,
    Ip4BadChecksum,
    Ip4BadVersion,
    Ip4HeaderTooShort,
    Ip4SourceRoute,
    Ip4BadSource,
    Ip4BadDestination,
    Ip4LinkBroadcast,
    Ip4LookupMiss,
    Ip4NextHopUnresolved,
    Ip4NotForwarded,
    Ip4TtlExpired,
    Ip4MtuExceeded,
    Ip4UnknownProtocol,
    Ip4NoListener,
    Ip4SpoofedLocal,

    IcmpTooShort,
    IcmpBadChecksum,
    IcmpUnknownType,
    IcmpErrorReceived,
    EchoRepliesSent,
    EchoRepliesReceived,
    EchoRequestsSent,
    EchoRequestsNoBuffer,
    UnreachableSent,
    TimeExceededSent,
    IcmpErrorsThrottled,

    FragmentsSent,
    PacketsFragmented,
    FragmentTooSmall,
    FragmentNoBuffer,

    PacketsReassembled,
    FragmentsReassembled,
    ReassemblyMalformed,
    ReassemblyDuplicate,
    ReassemblyOverlap,
    ReassemblyTooManyFragments,
    ReassemblyLimit,
    ReassemblyTimeout,
    ReassemblyNoBuffer,
}

/// <summary>The words and the severity of each <see cref="Reason"/>.</summary>
public static class Reasons
{
    private static readonly Dictionary<Reason, (string Text, Severity Severity)> s_descriptions = new()
    {
        [Reason.InterfaceDown] = Error("interface is down"),
        [Reason.InterfaceDeleted] = Error("interface is deleted"),
        [Reason.NoFreeTxSlots] = Error("no free tx slots"),
        [Reason.TxQueueStopped] = Error("tx queue stopped by an error"),

        [Reason.InterfaceNotBridged] = Error("interface is in no bridge domain"),

        [Reason.TooShortForEthernet] = Error("packet shorter than an ethernet header"),
        [Reason.UnknownEthernetType] = Error("unknown ethernet type"),
        [Reason.UnknownVlan] = Error("unknown vlan"),
        [Reason.SubInterfaceDown] = Error("subinterface down"),
        [Reason.SubInterfaceNotExact] = Error("subinterface without exact-match routes nothing"),
        [Reason.MacMismatch] = Error("l3 mac mismatch"),

        [Reason.L2InputPackets] = Info("L2 input packets"),
        [Reason.L2InputTagRewrite] = Error("L2 input tag rewrite drops"),
        [Reason.L2BadInterface] = Error("L2 output to interface not in L2 mode or deleted"),
        [Reason.L2BadSource] = Error("L2 source address is no station's"),
        [Reason.L2LearnPackets] = Info("L2 learn packets"),
        [Reason.L2LearnMisses] = Info("L2 learn misses"),
        [Reason.L2MacMoves] = Info("L2 mac moves"),
        [Reason.L2MacMoveViolation] = Error("L2 mac move violations"),
        [Reason.L2LearnLimit] = Info("L2 not learned due to limit"),
        [Reason.L2LearnHitUpdates] = Info("L2 learn hit updates"),
        [Reason.L2LearnFilter] = Error("L2 filter mac drops"),
        [Reason.L2LearnReportsFull] = Info("L2 addresses learned faster than recorded"),
        [Reason.L2ForwardPackets] = Info("L2 forward packets"),
        [Reason.L2ForwardMisses] = Info("L2 forward misses"),
        [Reason.L2ForwardFilter] = Error("Filter Mac Drop"),
        [Reason.L2Reflection] = Error("Reflection Drop"),
        [Reason.L2FeatureDisabled] = Error("L2 feature forwarding disabled"),
        [Reason.L2FloodPackets] = Info("L2 flood packets"),
        [Reason.L2FloodCopies] = Info("L2 flood copies"),
        [Reason.L2FloodNoBuffer] = Error("L2 replication failures"),
        [Reason.L2NoOtherMember] = Error("L2 flood to no other member"),
        [Reason.L2OutputPackets] = Info("L2 output packets"),
        [Reason.L2SplitHorizon] = Error("L2 split horizon drops"),
        [Reason.L2OutputTagRewrite] = Error("L2 output tag rewrite drops"),
        [Reason.L2OutputFilter] = Error("L2 EFP filter drops"),
        [Reason.L2TooLong] = Error("L2 frame longer than the interface allows"),

        [Reason.ArpTooShort] = Error("ARP packet too short"),
        [Reason.ArpNotEthernet] = Error("L2 type not ethernet"),
        [Reason.ArpNotIp4] = Error("L3 type not IP4"),
        [Reason.ArpOpcodeUnknown] = Error("ARP opcode not request"),
        [Reason.ArpRepliesSent] = Info("ARP replies sent"),
        [Reason.ArpRepliesReceived] = Info("ARP replies received"),
        [Reason.ArpSourceLearned] = Info("ARP request IP4 source address learned"),
        [Reason.ArpSourceNotLocal] = Error("IP4 source address not local to subnet"),
        [Reason.ArpDestinationNotLocal] = Error("IP4 destination address not local to subnet"),
        [Reason.ArpDestinationUnset] = Error("IP4 destination address is unset"),
        [Reason.ArpSourceIsOwn] = Error("IP4 source address matches local interface"),
        [Reason.ArpMacMismatch] = Error("ARP hw addr does not match L2 frame src addr"),
        [Reason.ArpProbeOrAnnouncement] = Error("ARP probe or announcement dropped"),
        [Reason.ArpInterfaceNotIp4] = Error("Interface is not IP enabled"),
        [Reason.ArpReportsFull] = Error("neighbors learned faster than recorded"),

        [Reason.ArpRequestsSent] = Info("ARP requests sent"),
        [Reason.ArpTooManyWanted] = Error("too many neighbors wanted at a time"),
        [Reason.ArpRequestsNoBuffer] = Error("ARP requests out of buffer"),
        [Reason.ArpPacketReplaced] = Error("packet waiting for ARP replaced by a later one"),
        [Reason.ArpUnanswered] = Error("ARP requests unanswered"),

        [Reason.Ip4TooShort] = Error("ip4 length < 20 bytes"),
        [Reason.Ip4BadLength] = Error("ip4 length > l2 length"),
        [Reason.Ip4BadChecksum] = Error("bad ip4 checksum"),
        [Reason.Ip4BadVersion] = Error("ip4 version != 4"),
        [Reason.Ip4HeaderTooShort] = Error("ip4 IHL < 5"),
        [Reason.Ip4SourceRoute] = Error("ip4 source route or malformed options"),
        [Reason.Ip4BadSource] = Error("ip4 source address invalid"),
        [Reason.Ip4BadDestination] = Error("ip4 destination address invalid"),
        [Reason.Ip4LinkBroadcast] = Error("ip4 unicast in a broadcast frame"),
        [Reason.Ip4LookupMiss] = Error("ip4 destination lookup miss"),
        [Reason.Ip4NextHopUnresolved] = Error("ip4 route's next hop unresolved"),
        [Reason.Ip4NotForwarded] = Error("ip4 drop"),
        [Reason.Ip4TtlExpired] = Error("ip4 ttl <= 1"),
        [Reason.Ip4MtuExceeded] = Error("ip4 MTU exceeded and DF set"),
        [Reason.Ip4UnknownProtocol] = Error("unknown ip protocol"),
        [Reason.Ip4NoListener] = Error("no listener for udp port"),
        [Reason.Ip4SpoofedLocal] = Error("ip4 spoofed local-address packet drops"),

        [Reason.IcmpTooShort] = Error("payload length too small for type"),
        [Reason.IcmpBadChecksum] = Error("bad icmp checksum"),
        [Reason.IcmpUnknownType] = Error("unknown type"),
        [Reason.IcmpErrorReceived] = Info("icmp error messages received"),
        [Reason.EchoRepliesSent] = Info("echo replies sent"),
        [Reason.EchoRepliesReceived] = Info("echo replies received"),
        [Reason.EchoRequestsSent] = Info("echo requests sent"),
        [Reason.EchoRequestsNoBuffer] = Error("echo requests out of buffer"),
        [Reason.UnreachableSent] = Info("destination unreachable response sent"),
        [Reason.TimeExceededSent] = Info("hop limit exceeded response sent"),
        [Reason.IcmpErrorsThrottled] = Error("error message dropped"),

        [Reason.FragmentsSent] = Info("number of sent fragments"),
        [Reason.PacketsFragmented] = Info("packet fragmented"),
        [Reason.FragmentTooSmall] = Error("can't fragment header"),
        [Reason.FragmentNoBuffer] = Error("could not allocate buffer"),

        [Reason.PacketsReassembled] = Info("successful reassemblies"),
        [Reason.FragmentsReassembled] = Info("fragments reassembled"),
        [Reason.ReassemblyMalformed] = Error("malformed packets"),
        [Reason.ReassemblyDuplicate] = Error("duplicate fragments"),
        [Reason.ReassemblyOverlap] = Error("overlapping fragments"),
        [Reason.ReassemblyTooManyFragments] = Error("fragment chain too long (drop)"),
        [Reason.ReassemblyLimit] = Error("drops due to concurrent reassemblies limit"),
        [Reason.ReassemblyTimeout] = Error("fragments dropped due to reassembly timeout"),
        [Reason.ReassemblyNoBuffer] = Error("out of buffers (drop)"),
    };

    private static readonly Reason[] s_all = Enum.GetValues<Reason>();
    private static readonly Severity[] s_severities = [.. s_all.Select(reason => s_descriptions[reason].Severity)];

    /// <summary>All reasons, in the order in which they are declared.</summary>
    public static IReadOnlyList<Reason> All => s_all;

    /// <summary>Number of reasons: a node's counters take so many slots.</summary>
    internal static int Count => s_severities.Length;

    public static string Text(this Reason reason) => s_descriptions[reason].Text;

    public static Severity Severity(this Reason reason) => s_severities[(int)reason];

    private static (string, Severity) Info(string text) => (text, Graph.Severity.Info);

    private static (string, Severity) Error(string text) => (text, Graph.Severity.Error);
}
