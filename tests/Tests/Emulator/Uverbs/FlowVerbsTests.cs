using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.ibv_flow_attr_type;
using static Verbena.Interop.Verbs.ibv_flow_flags;
using static Verbena.Interop.Verbs.ibv_flow_spec_type;
using static Verbena.Interop.Verbs.Libibverbs;
using static Verbena.Tests.Emulator.Uverbs.Mlx5dv;
using static Verbena.Tests.Emulator.Uverbs.mlx5dv_flow_action_type;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>Flows that programs make through the real libibverbs and libmlx5.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class FlowVerbsTests : IDisposable
{
    private const string None16 = "00000000000000000000000000000000";
    private const string Group = "01005e000005";
    private const string Unicast = "020000000044";
    private readonly EmulatedNics _nics;
    private readonly NicDevice _nic;
    private readonly VerbsProgram _program;

    public FlowVerbsTests()
    {
        string name = $"vt{RandomNumberGenerator.GetHexString(8, true)}";
        Assert.True(NicOptions.TryParse($"{name},wire=sink,mac=02:00:00:00:00:0a", out NicOptions options, out string error), error);
        _nics = EmulatedNics.Attach([options], NullLogger.Instance, stepped: true);
        _nic = _nics.Devices[name];
        _nics.Step();
        _program = VerbsProgram.Start(0);
        Assert.Equal(0, _program.MoveToReadyToSend());
    }

    public void Dispose()
    {
        _program.Dispose();
        _nics.Dispose();
    }

    private static VerbsFlow Ethernet(string destination, string mask = "ffffffffffff") =>
        new VerbsFlow().Spec(IBV_FLOW_SPEC_ETH, $"{destination} 000000000000 0000 0000", $"{mask} 000000000000 0000 0000");

    public static TheoryData<string> Accepted => [.. s_accepted.Keys];

    public static TheoryData<string> Refused => [.. s_refused.Keys];

    private static readonly Dictionary<string, Func<VerbsFlow>> s_accepted = new(StringComparer.Ordinal)
    {
        ["no specification"] = () => new VerbsFlow(),
        ["Ethernet, all of it"] = () => new VerbsFlow(priority: 15).Spec(IBV_FLOW_SPEC_ETH, "020000000001 020000000002 0800 6005", "ffffffffffff ffffffffffff ffff 6fff"),
        ["IPv4"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_IPV4, "0a000001 0a000002", "ffffffff ffffffff"),
        ["IPv4, protocol and TOS"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_IPV4_EXT, "0a000001 0a000002 11 b8 00 00", "ffffffff ffffffff ff fc 00 00"),
        ["IPv6, label, next header, class"] = () => new VerbsFlow().Spec(
            IBV_FLOW_SPEC_IPV6, $"{None16} {None16} 000abcde 06 5b 00 00", $"{None16} {None16} 000fffff ff ff 00 00"),
        ["TCP"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_TCP, "0050 0000", "ffff 0000"),
        ["VXLAN and what is in it"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_UDP, "12b5 0000", "ffff 0000")
            .Spec(IBV_FLOW_SPEC_VXLAN_TUNNEL, "0000004d", "00ffffff")
            .Spec(IBV_FLOW_SPEC_INNER | IBV_FLOW_SPEC_ETH, $"{Unicast} 000000000000 0800 0000", "ffffffffffff 000000000000 ffff 0000")
            .Spec(IBV_FLOW_SPEC_INNER | IBV_FLOW_SPEC_IPV4_EXT, "0a000001 0a000002 06 00 00 00", "ffffffff ffffffff ff 00 00 00")
            .Spec(IBV_FLOW_SPEC_INNER | IBV_FLOW_SPEC_TCP, "0050 0000", "ffff 0000"),
        ["GRE"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_GRE, "0000 6558 00000001", "0000 ffff ffffffff"),
        ["MPLS without a mask"] = () => new VerbsFlow().Spec(IBV_FLOW_SPEC_MPLS, "00000000", "00000000"),
        ["a tag before the header"] = () => new VerbsFlow().Action(IBV_FLOW_SPEC_ACTION_TAG, 0xFFFFFF)
            .Spec(IBV_FLOW_SPEC_ETH, $"{Unicast} 000000000000 0000 0000", "ffffffffffff 000000000000 0000 0000"),
        ["drop"] = () => new VerbsFlow().Action(IBV_FLOW_SPEC_ACTION_DROP),
        ["DONT_TRAP"] = () => new VerbsFlow(flags: IBV_FLOW_ATTR_FLAGS_DONT_TRAP),
        ["egress"] = () => new VerbsFlow(flags: IBV_FLOW_ATTR_FLAGS_EGRESS).Action(IBV_FLOW_SPEC_ACTION_DROP),
        ["all default"] = () => new VerbsFlow(IBV_FLOW_ATTR_ALL_DEFAULT),
        ["multicast default, whose tag nobody reads"] = () => new VerbsFlow(IBV_FLOW_ATTR_MC_DEFAULT).Action(IBV_FLOW_SPEC_ACTION_TAG, 5),
        ["sniffer"] = () => new VerbsFlow(IBV_FLOW_ATTR_SNIFFER),
    };

    private static readonly Dictionary<string, (Errno Errno, Func<VerbsFlow> Flow)> s_refused = new(StringComparer.Ordinal)
    {
        ["priority 16"] = (Errno.ENOMEM, () => new VerbsFlow(priority: 16)),
        ["port 2"] = (Errno.EINVAL, () => new VerbsFlow(port: 2)),
        ["flag 1"] = (Errno.EINVAL, () => new VerbsFlow(flags: (ibv_flow_flags)1)),
        ["flag 8"] = (Errno.EINVAL, () => new VerbsFlow(flags: (ibv_flow_flags)8)),
        ["default and DONT_TRAP"] = (Errno.EINVAL, () => new VerbsFlow(IBV_FLOW_ATTR_ALL_DEFAULT, flags: IBV_FLOW_ATTR_FLAGS_DONT_TRAP)),
        ["default and egress"] = (Errno.EINVAL, () => new VerbsFlow(IBV_FLOW_ATTR_MC_DEFAULT, flags: IBV_FLOW_ATTR_FLAGS_EGRESS)),
        ["egress that lets go on"] = (Errno.EOPNOTSUPP, () => new VerbsFlow(flags: IBV_FLOW_ATTR_FLAGS_EGRESS | IBV_FLOW_ATTR_FLAGS_DONT_TRAP)),
        ["type 4"] = (Errno.EOPNOTSUPP, () => new VerbsFlow((ibv_flow_attr_type)4)),
        ["a value outside its mask"] = (Errno.EINVAL, () => Ethernet(Unicast, "ffffffffff00")),
        ["TTL"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_IPV4_EXT, "00000000 00000000 00 00 40 00", "00000000 00000000 00 00 ff 00")),
        ["IPv4 flags"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_IPV4_EXT, "00000000 00000000 00 00 00 01", "00000000 00000000 00 00 00 01")),
        ["hop limit"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(
            IBV_FLOW_SPEC_IPV6, $"{None16} {None16} 00000000 00 00 40 00", $"{None16} {None16} 00000000 00 00 ff 00")),
        ["flow label of 21 bits"] = (Errno.EINVAL, () => new VerbsFlow().Spec(
            IBV_FLOW_SPEC_IPV6, $"{None16} {None16} 00100000 00 00 00 00", $"{None16} {None16} 00100000 00 00 00 00")),
        ["VNI of 25 bits"] = (Errno.EINVAL, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_VXLAN_TUNNEL, "01000000", "01000000")),
        ["VXLAN inside"] = (Errno.EINVAL, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_INNER | IBV_FLOW_SPEC_VXLAN_TUNNEL, "00000001", "00ffffff")),
        ["GRE flags"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_GRE, "2000 0000 00000000", "2000 0000 00000000")),
        ["MPLS label"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_MPLS, "00001000", "fffff000")),
        ["ESP"] = (Errno.EOPNOTSUPP, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_ESP, "00000001 00000000", "ffffffff 00000000")),
        ["tag of 25 bits"] = (Errno.EINVAL, () => new VerbsFlow().Action(IBV_FLOW_SPEC_ACTION_TAG, 1 << 24)),
        ["EtherType and IP header"] = (Errno.EINVAL, () => new VerbsFlow()
            .Spec(IBV_FLOW_SPEC_ETH, "000000000000 000000000000 86dd 0000", "000000000000 000000000000 ffff 0000")
            .Spec(IBV_FLOW_SPEC_IPV4, "00000000 00000000", "00000000 00000000")),
        ["TCP and UDP"] = (Errno.EINVAL, () => new VerbsFlow().Spec(IBV_FLOW_SPEC_TCP, "0000 0000", "0000 0000").Spec(IBV_FLOW_SPEC_UDP, "0000 0000", "0000 0000")),
        ["11 specifications"] = (Errno.EINVAL, () => Enumerable.Range(0, 11).Aggregate(
            new VerbsFlow(), (flow, _) => flow.Spec(IBV_FLOW_SPEC_TCP, "0000 0000", "0000 0000"))),
    };

    [Theory]
    [MemberData(nameof(Accepted))]
    public void A_flow_that_a_ConnectX_5_can_do_is_made(string flow)
    {
        Assert.Equal(default, s_accepted[flow]().Try(_program.Qp));
        Assert.DoesNotContain("Flow", _nics.LiveObjects.Keys, StringComparer.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_a_kernel_refuses_is_refused_with_its_errno(string flow) => Assert.Equal(s_refused[flow].Errno, s_refused[flow].Flow().Try(_program.Qp));

    [Fact]
    public void A_flow_with_another_tag_for_the_same_frames_is_EEXIST()
    {
        ibv_flow* first = VerbsProgram.Must(Ethernet(Unicast).Action(IBV_FLOW_SPEC_ACTION_TAG, 5).Create(_program.Qp));
        Assert.Equal(Errno.EEXIST, Ethernet(Unicast).Action(IBV_FLOW_SPEC_ACTION_TAG, 6).Try(_program.Qp));
        Assert.Equal(Errno.EEXIST, Ethernet(Unicast).Action(IBV_FLOW_SPEC_ACTION_DROP).Try(_program.Qp));
        Assert.Equal(default, Ethernet(Unicast).Action(IBV_FLOW_SPEC_ACTION_TAG, 5).Try(_program.Qp));
        Assert.Equal(0, ibv_destroy_flow(first));
    }

    [Fact]
    public void A_raw_packet_queue_pair_joins_no_multicast_group()
    {
        byte* gid = stackalloc byte[16];
        new Span<byte>(gid, 16).Clear();
        gid[0] = 0xFF;
        Assert.Equal((int)Errno.EINVAL, ibv_attach_mcast(_program.Qp, gid, 0));
        Assert.Equal((int)Errno.EINVAL, ibv_detach_mcast(_program.Qp, gid, 0));
    }

    [Fact]
    public void Frames_of_another_context_come_in_by_a_matchers_flow()
    {
        using VerbsProgram sender = VerbsProgram.Start(0);
        Assert.Equal(0, sender.MoveToReadyToSend());
        nint matcher = Matcher(DestinationMac(MacAddress.Broadcast));
        ibv_flow* flow = VerbsProgram.Must(Flow(matcher, DestinationMac(MacAddress.Parse("01:00:5e:00:00:05")), Tag(7), To(_program.Qp)));
        _program.PostReceive(0, 2048);
        Send(sender, Group);
        Assert.Equal(1, Received());

        Assert.Equal((int)Errno.EBUSY, mlx5dv_destroy_flow_matcher(matcher));
        Assert.Equal((int)Errno.EBUSY, ibv_destroy_qp(_program.Qp));
        Assert.Equal(0, ibv_destroy_flow(flow));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(matcher));
        _program.PostReceive(0, 2048);
        Send(sender, Group);
        Assert.Equal(0, Received());
    }

    [Fact]
    public void Flows_of_matchers_and_of_specifications_share_their_priorities()
    {
        ibv_flow* verbs = VerbsProgram.Must(Ethernet(Unicast).Action(IBV_FLOW_SPEC_ACTION_TAG, 5).Create(_program.Qp));
        nint same = Matcher(DestinationMac(MacAddress.Broadcast));
        byte[] address = DestinationMac(MacAddress.Parse("02:00:00:00:00:44"));
        Assert.Equal(Errno.EEXIST, Try(same, address, Tag(6), To(_program.Qp)));
        Assert.Equal(Errno.EEXIST, Try(same, address, Only(MLX5DV_FLOW_ACTION_DROP)));
        Assert.Equal(default, Try(same, address, Tag(5), To(_program.Qp)));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(same));

        nint before = Matcher([], priority: 0);
        nint behind = Matcher([], priority: 1);
        ibv_flow* drop = VerbsProgram.Must(Flow(behind, [], Only(MLX5DV_FLOW_ACTION_DROP)));
        using VerbsProgram sender = VerbsProgram.Start(0);
        Assert.Equal(0, sender.MoveToReadyToSend());
        _program.PostReceive(0, 2048);
        Send(sender, Unicast);
        Assert.Equal(1, Received());
        Assert.Equal(0, ibv_destroy_flow(verbs));
        Assert.Equal(0, ibv_destroy_flow(drop));
        Assert.Equal(default, Try(before, [], Only(MLX5DV_FLOW_ACTION_DEFAULT_MISS)));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(before));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(behind));
    }

    [Fact]
    public void What_a_matcher_can_not_do_shows_with_its_first_flow()
    {
        AssertRefused(Errno.ENOMEM, Matcher([], priority: 16), [], To(_program.Qp));
        AssertRefused(Errno.EINVAL, Matcher([]), [], Tag(1 << 24), To(_program.Qp));
        AssertRefused(Errno.EINVAL, Matcher([]), []);
        AssertRefused(Errno.EINVAL, Matcher([]), DestinationMac(MacAddress.Broadcast), To(_program.Qp));
        AssertRefused(Errno.EINVAL, Matcher([], table: 1), [], To(_program.Qp));
        AssertRefused(Errno.EOPNOTSUPP, Matcher([], table: 1), [], Only(MLX5DV_FLOW_ACTION_DEFAULT_MISS));
        AssertRefused(Errno.EOPNOTSUPP, Matcher([], table: 3), [], To(_program.Qp));
        byte[] sequenceNumber = new byte[320];
        sequenceNumber[256] = 0xFF;
        AssertRefused(Errno.EOPNOTSUPP, Matcher(sequenceNumber, criteria: 16), [], To(_program.Qp));
    }

    [Fact]
    public void What_is_sent_is_dropped_by_a_matchers_flow()
    {
        nint matcher = Matcher(DestinationMac(MacAddress.Broadcast), table: 1);
        ibv_flow* flow = VerbsProgram.Must(Flow(matcher, DestinationMac(MacAddress.Parse("02:00:00:00:00:44")), Only(MLX5DV_FLOW_ACTION_DROP)));
        Send(_program, Unicast);
        Assert.Equal(1UL, _nic.Counters[PortCounter.FlowDrop]);
        Assert.Equal(0, ibv_destroy_flow(flow));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(matcher));
    }

    [Theory]
    [InlineData(Unicast, Group)]
    [InlineData(Group, Unicast)]
    public void A_queue_pair_receives_its_contexts_own_frames_of_the_kind_it_asked_for(string comes, string staysAway)
    {
        mlx5dv_qp_create_flags flags = string.Equals(comes, Unicast, StringComparison.Ordinal)
            ? mlx5dv_qp_create_flags.MLX5DV_QP_CREATE_TIR_ALLOW_SELF_LOOPBACK_UC
            : mlx5dv_qp_create_flags.MLX5DV_QP_CREATE_TIR_ALLOW_SELF_LOOPBACK_MC;
        var attributes = new ibv_qp_init_attr_ex
        {
            send_cq = _program.Cq,
            recv_cq = _program.Cq,
            cap = new ibv_qp_cap { max_recv_wr = 4, max_recv_sge = 1 },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
            comp_mask = ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_PD,
            pd = _program.Pd,
        };
        var own = new mlx5dv_qp_init_attr { comp_mask = 1, create_flags = flags };
        ibv_qp* qp = VerbsProgram.Must(mlx5dv_create_qp(_program.Context, &attributes, &own));
        var init = new ibv_qp_attr { qp_state = ibv_qp_state.IBV_QPS_INIT, port_num = 1 };
        Assert.Equal(0, ibv_modify_qp(qp, &init, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_PORT));
        var ready = new ibv_qp_attr { qp_state = ibv_qp_state.IBV_QPS_RTR };
        Assert.Equal(0, ibv_modify_qp(qp, &ready, ibv_qp_attr_mask.IBV_QP_STATE));
        ibv_flow* first = VerbsProgram.Must(Ethernet(comes).Create(qp));
        ibv_flow* second = VerbsProgram.Must(Ethernet(staysAway).Create(qp));
        PostReceive(qp);
        Send(_program, staysAway);
        Assert.Equal(0, Received());
        Send(_program, comes);
        Assert.Equal(1, Received());
        Assert.Equal((0, 0, 0), (ibv_destroy_flow(first), ibv_destroy_flow(second), ibv_destroy_qp(qp)));
    }

    private static byte[] DestinationMac(MacAddress address)
    {
        byte[] parameters = new byte[64];
        address.CopyTo(parameters.AsSpan(8));
        return parameters;
    }

    private nint Matcher(byte[] mask, int priority = 0, byte criteria = 1, uint table = 0)
    {
        fixed (byte* parameters = Parameters(mask))
        {
            var attributes = new mlx5dv_flow_matcher_attr
            {
                priority = (ushort)priority,
                match_criteria_enable = criteria,
                match_mask = (mlx5dv_flow_match_parameters*)parameters,
                comp_mask = 1, // MLX5DV_FLOW_MATCHER_MASK_FT_TYPE
                ft_type = table,
            };
            nint matcher = mlx5dv_create_flow_matcher(_program.Context, &attributes);
            Assert.True(matcher != 0, $"matcher: {(Errno)Marshal.GetLastPInvokeError()}");
            return matcher;
        }
    }

    private static ibv_flow* Flow(nint matcher, byte[] value, params mlx5dv_flow_action_attr[] actions)
    {
        fixed (byte* parameters = Parameters(value))
        fixed (mlx5dv_flow_action_attr* first = actions)
        {
            return mlx5dv_create_flow(matcher, (mlx5dv_flow_match_parameters*)parameters, (nuint)actions.Length, first);
        }
    }

    private static Errno Try(nint matcher, byte[] value, params mlx5dv_flow_action_attr[] actions)
    {
        ibv_flow* flow = Flow(matcher, value, actions);
        if (flow == null)
        {
            return (Errno)Marshal.GetLastPInvokeError();
        }

        Assert.Equal(0, ibv_destroy_flow(flow));
        return default;
    }

    private static void AssertRefused(Errno errno, nint matcher, byte[] value, params mlx5dv_flow_action_attr[] actions)
    {
        Assert.Equal(errno, Try(matcher, value, actions));
        Assert.Equal(0, mlx5dv_destroy_flow_matcher(matcher));
    }

    private static byte[] Parameters(byte[] bytes)
    {
        byte[] parameters = new byte[sizeof(mlx5dv_flow_match_parameters) + 320];
        parameters[0] = 320 & 0xFF;
        parameters[1] = 320 >> 8;
        bytes.CopyTo(parameters, sizeof(mlx5dv_flow_match_parameters));
        return parameters;
    }

    private static mlx5dv_flow_action_attr To(ibv_qp* qp) => new() { type = MLX5DV_FLOW_ACTION_DEST_IBV_QP, qp = qp };

    private static mlx5dv_flow_action_attr Tag(uint tag) => new() { type = MLX5DV_FLOW_ACTION_TAG, tag_value = tag };

    private static mlx5dv_flow_action_attr Only(mlx5dv_flow_action_type type) => new() { type = type };

    private void PostReceive(ibv_qp* qp)
    {
        var sge = new ibv_sge { addr = (ulong)_program.Buffer, length = 2048, lkey = _program.Mr->lkey };
        var request = new ibv_recv_wr { sg_list = &sge, num_sge = 1 };
        ibv_recv_wr* bad;
        Assert.Equal(0, ibv_post_recv(qp, &request, &bad));
    }

    private void Send(VerbsProgram sender, string destination)
    {
        const int Offset = 4096;
        var frame = new Span<byte>(sender.Buffer + Offset, 64);
        Convert.FromHexString(destination + "02000000000a88b5").CopyTo(frame);
        sender.PostSend(Offset, frame.Length);
        for (int i = 0; i < 20; i++)
        {
            _nics.Step();
        }
    }

    /// <summary>How many frames the program has received since it was asked last.</summary>
    private int Received()
    {
        int received = 0;
        while (_program.TryPoll(out ibv_wc completion))
        {
            Assert.Equal(ibv_wc_status.IBV_WC_SUCCESS, completion.status);
            received += completion.opcode == ibv_wc_opcode.IBV_WC_RECV ? 1 : 0;
        }

        return received;
    }
}
