using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Interop.Uverbs.mlx5_ib_flow_type;
using static Verbena.Tests.Emulator.Uverbs.RawProgram;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>Flow commands as no library writes them.</summary>
public sealed unsafe class FlowCommandTests : IDisposable
{
    private const ushort FlowObject = (ushort)uverbs_default_objects.UVERBS_OBJECT_FLOW;
    private const ushort MatcherObject = (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_FLOW_MATCHER;
    private const uint Drop = (uint)mlx5_ib_create_flow_flags.MLX5_IB_ATTR_CREATE_FLOW_FLAGS_DROP;
    private readonly RawProgram _program = new();

    public void Dispose() => _program.Dispose();

    [Fact]
    public void A_flow_of_a_matcher_is_made_and_destroyed_by_either_method()
    {
        uint matcher = CreateMatcher(MLX5_IB_FLOW_TYPE_NORMAL);
        foreach (ushort method in new[] { Methods.UVERBS_METHOD_FLOW_DESTROY, Methods.MLX5_IB_METHOD_DESTROY_FLOW })
        {
            Assert.Equal(default, CreateFlow(matcher, _program.Input(MLX5_IB_ATTR_CREATE_FLOW_FLAGS, Drop)));
            ulong flow = _program.Answered[0].data;
            ushort id = method == Methods.UVERBS_METHOD_FLOW_DESTROY ? UVERBS_ATTR_DESTROY_FLOW_HANDLE : MLX5_IB_ATTR_DESTROY_FLOW_HANDLE;
            Assert.Equal(Errno.EBUSY, DestroyMatcher(matcher));
            Assert.Equal(default, _program.Call(FlowObject, method, Handle(id, flow)));
            Assert.Equal(Errno.ENOENT, _program.Call(FlowObject, method, Handle(id, flow)));
        }

        Assert.Equal(default, DestroyMatcher(matcher));
        Assert.Empty(_program.Context.Objects);
    }

    [Theory]
    [InlineData(MLX5_IB_FLOW_TYPE_SNIFFER)]
    [InlineData(MLX5_IB_FLOW_TYPE_ALL_DEFAULT)]
    [InlineData(MLX5_IB_FLOW_TYPE_MC_DEFAULT)]
    public void A_matcher_of_another_type_has_no_flows(mlx5_ib_flow_type type) =>
        Assert.Equal(Errno.EOPNOTSUPP, CreateFlow(CreateMatcher(type), _program.Input(MLX5_IB_ATTR_CREATE_FLOW_FLAGS, Drop)));

    [Fact]
    public void A_malformed_matcher_is_refused_and_leaves_nothing()
    {
        Assert.Equal(Errno.EOPNOTSUPP, TryCreateMatcher(Type((mlx5_ib_flow_type)4, 0)));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 0)));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_SNIFFER, 2)));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 2), maskBytes: 641));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 2), maskBytes: 0));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 2), 64, _program.Input(MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE, 5UL)));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 2), 64, _program.Input(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS, 2u)));
        Assert.Equal(Errno.EINVAL, TryCreateMatcher(Type(MLX5_IB_FLOW_TYPE_NORMAL, 2), 64,
            _program.Input(MLX5_IB_ATTR_FLOW_MATCHER_FT_TYPE, 1UL), _program.Input(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_FLAGS, 4u)));
        Assert.Empty(_program.Context.Objects);
    }

    [Fact]
    public void A_flow_that_drops_and_passes_on_is_refused()
    {
        uint matcher = CreateMatcher(MLX5_IB_FLOW_TYPE_NORMAL);
        Assert.Equal(Errno.EINVAL, CreateFlow(matcher, _program.Input(MLX5_IB_ATTR_CREATE_FLOW_FLAGS, 3u)));
        Assert.Equal(Errno.EINVAL, CreateFlow(matcher, _program.Input(MLX5_IB_ATTR_CREATE_FLOW_FLAGS, 4u)));
    }

    [Fact]
    public void Objects_that_are_not_there_are_ENOENT()
    {
        uint matcher = CreateMatcher(MLX5_IB_FLOW_TYPE_NORMAL);
        Assert.Equal(Errno.ENOENT, CreateFlow(99, _program.Input(MLX5_IB_ATTR_CREATE_FLOW_FLAGS, Drop)));
        Assert.Equal(Errno.ENOENT, CreateFlow(matcher, Handle(MLX5_IB_ATTR_CREATE_FLOW_DEST_QP, 99)));
        Assert.Equal(Errno.ENOENT, CreateFlow(matcher, Handle(MLX5_IB_ATTR_CREATE_FLOW_DEST_DEVX, 99)));
        Assert.Equal(Errno.ENOENT, CreateFlow(matcher, _program.Input(MLX5_IB_ATTR_CREATE_FLOW_ARR_COUNTERS_DEVX, 99u)));
        Assert.Equal(Errno.EINVAL, CreateFlow(matcher)); // no destination at all
    }

    [Fact]
    public void A_flow_of_specifications_names_a_queue_pair_and_brings_what_it_says()
    {
        Assert.Equal(Errno.EINVAL, TryCreate(new ib_uverbs_flow_attr { port = 1 })); // no such queue pair
        Assert.Equal(Errno.ENOSPC, TryCreate(new ib_uverbs_flow_attr { port = 1, num_of_specs = 1, size = 40 }));
        Assert.Equal(Errno.EINVAL, TryCreate(new ib_uverbs_flow_attr { port = 1, num_of_specs = 1, size = 89 }));
        Assert.Equal(Errno.EINVAL, TryCreate(new ib_uverbs_flow_attr { port = 1 }, compMask: 1));
    }

    private static ib_uverbs_attr Type(mlx5_ib_flow_type type, int length) =>
        Attribute(MLX5_IB_ATTR_FLOW_MATCHER_FLOW_TYPE, length, 0) with { enum_data = (ushort)type };

    private uint CreateMatcher(mlx5_ib_flow_type type)
    {
        Assert.Equal(default, TryCreateMatcher(Type(type, type == MLX5_IB_FLOW_TYPE_NORMAL ? 2 : 0)));
        return (uint)_program.Answered[0].data;
    }

    private Errno TryCreateMatcher(ib_uverbs_attr type, int maskBytes = 64, params ReadOnlySpan<ib_uverbs_attr> more) => _program.Call(
        MatcherObject, Methods.MLX5_IB_METHOD_FLOW_MATCHER_CREATE,
        [Handle(MLX5_IB_ATTR_FLOW_MATCHER_CREATE_HANDLE), type, Attribute(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_MASK, maskBytes, (ulong)_program.Allocate(maskBytes)),
        _program.Input(MLX5_IB_ATTR_FLOW_MATCHER_MATCH_CRITERIA, (byte)1), .. more]);

    private Errno DestroyMatcher(uint matcher) =>
        _program.Call(MatcherObject, Methods.MLX5_IB_METHOD_FLOW_MATCHER_DESTROY, Handle(MLX5_IB_ATTR_FLOW_MATCHER_DESTROY_HANDLE, matcher));

    private Errno CreateFlow(uint matcher, params ReadOnlySpan<ib_uverbs_attr> more) => _program.Call(
        FlowObject, Methods.MLX5_IB_METHOD_CREATE_FLOW,
        [Handle(MLX5_IB_ATTR_CREATE_FLOW_HANDLE), Handle(MLX5_IB_ATTR_CREATE_FLOW_MATCHER, matcher),
        Attribute(MLX5_IB_ATTR_CREATE_FLOW_MATCH_VALUE, 64, (ulong)_program.Allocate(64)), .. more]);

    private Errno TryCreate(ib_uverbs_flow_attr attributes, uint compMask = 0) => _program.Write(
        WriteCommands.IB_USER_VERBS_CMD_FLAG_EXTENDED | WriteCommands.IB_USER_VERBS_EX_CMD_CREATE_FLOW,
        _program.Input(UVERBS_ATTR_CORE_IN, new ib_uverbs_create_flow { comp_mask = compMask, qp_handle = 99, flow_attr = attributes }),
        _program.Output(UVERBS_ATTR_CORE_OUT, sizeof(ib_uverbs_create_flow_resp), out _));
}
