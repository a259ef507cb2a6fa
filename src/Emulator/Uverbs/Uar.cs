using Verbena.Emulator.Nic;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>A page of doorbell registers that a program maps.</summary>
internal sealed class Uar : UverbsObject
{
    public static readonly MethodCommand[] Methods =
    [
        new("UAR_ALLOC", (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_UAR, Interop.Uverbs.Methods.MLX5_IB_METHOD_UAR_OBJ_ALLOC, Alloc,
            [NewHandle(MLX5_IB_ATTR_UAR_OBJ_ALLOC_HANDLE), In(MLX5_IB_ATTR_UAR_OBJ_ALLOC_TYPE, 8),
            Out(MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_OFFSET, 8), Out(MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_LENGTH, 4),
            Out(MLX5_IB_ATTR_UAR_OBJ_ALLOC_PAGE_ID, 4)]),
        new("UAR_DESTROY", (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_UAR, Interop.Uverbs.Methods.MLX5_IB_METHOD_UAR_OBJ_DESTROY,
            static (UverbsContext context, in IoctlFrame frame) =>
                context.Destroy(context.Get<Uar>(frame.Number(MLX5_IB_ATTR_UAR_OBJ_DESTROY_HANDLE))),
            [Handle(MLX5_IB_ATTR_UAR_OBJ_DESTROY_HANDLE)]),
    ];

    private Uar(UverbsContext context, int page)
        : base(context)
    {
        Page = page;
    }

    /// <summary>The page's index in the device's registers.</summary>
    public int Page { get; }

    /// <summary>What the program gives to mmap: a command in the second byte of the page offset, the index around it.</summary>
    /// <remarks>Linux, drivers/infiniband/hw/mlx5/main.c: commands beyond MLX5_IB_MMAP_DEVICE_MEM are the kernel's own.</remarks>
    public ulong MmapOffset =>
        (((ulong)Page & 0xFF) | ((ulong)(Mlx5Abi.MLX5_IB_MMAP_DEVICE_MEM + 1) << 8) | (((ulong)Page >> 8) << 16)) * UarRegion.PageBytes;

    /// <summary>Where the page lies in the NIC's memory file.</summary>
    public long FileOffset => (long)Page * UarRegion.PageBytes;

    public override void Release() => Device.Nic.Uar.FreePage(Page);

    /// <summary>Checks that the page is one of the program's own.</summary>
    public static int CheckPage(UverbsContext context, uint page) =>
        context.Objects.OfType<Uar>().Any(uar => (uint)uar.Page == page)
            ? (int)page
            : throw UverbsException.Invalid($"UAR page {page} is not the program's");

    private static void Alloc(UverbsContext context, in IoctlFrame frame)
    {
        if (frame.Number(MLX5_IB_ATTR_UAR_OBJ_ALLOC_TYPE) > 1)
        {
            throw UverbsException.NotSupported("UAR type is neither BF nor NC");
        }

        var uar = new Uar(context, context.Device.Nic.Uar.AllocatePage());
        frame.Output(MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_OFFSET, uar.MmapOffset);
        frame.Output(MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_LENGTH, UarRegion.PageBytes);
        frame.Output(MLX5_IB_ATTR_UAR_OBJ_ALLOC_PAGE_ID, (uint)uar.Page);
        frame.OutputNew(MLX5_IB_ATTR_UAR_OBJ_ALLOC_HANDLE, uar.Handle);
    }
}
