using Verbena.Driver;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Driver;

/// <summary>A mode, a receive layout, and an adapter: the combinations in which ports must behave alike.</summary>
/// <param name="Change">What a port is to be like.</param>
/// <param name="Description">What it says of itself.</param>
/// <param name="Behaviour">What the NICs are like.</param>
/// <param name="Model">Which adapters.</param>
public sealed record PortForm(
    Func<RdmaInterfaceOptions, RdmaInterfaceOptions> Change, string Description, NicBehaviour? Behaviour = null, NicModel? Model = null)
{
    private static readonly NicBehaviour s_random = new() { CqeCompression = CqeCompressionPolicy.Random, CqeCompressionSeed = 7, CqeSessionsWrap = true };

    public string CreateCq { get; init; } = "mlx5dv_create_cq";

    public string CreateWq { get; init; } = "ibv_create_wq";

    /// <summary>The longest frame that the buffers can take.</summary>
    public int LongestFrame { get; init; } = BufferPool.DataBytes;

    public static PortForm Ibv { get; } = new(options => options with { Mode = RdmaMode.Ibv }, "mode: ibv")
    {
        CreateCq = "ibv_create_cq",
    };

    public static PortForm OneBuffer { get; } = new(
        options => options with { Mode = RdmaMode.Dv, NoMultiSeg = true, CqeCompression = CqeCompression.None }, "mode: mlx5dv empw");

    public static PortForm OneBufferHash { get; } = new(
        options => options with { NoMultiSeg = true }, "mode: mlx5dv cqe-compression empw", s_random);

    public static PortForm OneBufferChecksum { get; } = new(
        options => options with { NoMultiSeg = true, CqeCompression = CqeCompression.Checksum }, "mode: mlx5dv cqe-compression empw", s_random);

    public static PortForm Scattered { get; } = new(
        options => options with { NoStriding = true, MaxPacketLength = 4092, CqeCompression = CqeCompression.None }, "mode: mlx5dv multi-seg (2 buffers a WQE) empw")
    {
        LongestFrame = 4096,
    };

    public static PortForm ScatteredHash { get; } = new(
        options => options with { NoStriding = true, MaxPacketLength = 4092 }, "mode: mlx5dv multi-seg (2 buffers a WQE) cqe-compression empw", s_random)
    {
        LongestFrame = 4096,
    };

    public static PortForm Striding { get; } = new(
        options => options with { CqeCompression = CqeCompression.None }, "mode: mlx5dv striding-rq (8 buffers a WQE) empw")
    {
        CreateWq = "mlx5dv_create_wq",
        LongestFrame = 9216,
    };

    public static PortForm StridingStrideIndex { get; } = new(
        options => options, "mode: mlx5dv striding-rq (8 buffers a WQE) cqe-compression empw", s_random)
    {
        CreateWq = "mlx5dv_create_wq",
        LongestFrame = 9216,
    };

    /// <summary>A ConnectX-4 wants headers inline, has neither multi-packet WQEs nor short striding WQEs.</summary>
    public static PortForm ConnectX4 { get; } = new(
        options => options with { NoMultiSeg = true }, "mode: mlx5dv cqe-compression", s_random, NicModel.ConnectX4);

    /// <summary>The one that is called so here, for theories.</summary>
    public static PortForm Named(string name) => (PortForm)typeof(PortForm).GetProperty(name)!.GetValue(null)!;
}
