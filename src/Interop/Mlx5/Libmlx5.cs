using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;

namespace Verbena.Interop.Mlx5;

/// <summary>libmlx5, which libibverbs loads as its provider for ConnectX, under C's names.</summary>
public static unsafe partial class Libmlx5
{
    public const string Name = "libmlx5.so.1";

    /// <summary>Returns 0 or errno; EOPNOTSUPP for a device of another provider.</summary>
    [LibraryImport(Name)]
    public static partial int mlx5dv_query_device(ibv_context* ctx_in, mlx5dv_context* attrs_out);

    /// <summary>What it returns is an <see cref="ibv_cq"/> too (<c>ibv_cq_ex_to_cq</c>). Null and errno on failure.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_cq* mlx5dv_create_cq(ibv_context* context, ibv_cq_init_attr_ex* cq_attr, mlx5dv_cq_init_attr* mlx5_cq_attr);

    /// <summary>Null and errno on failure.</summary>
    [LibraryImport(Name, SetLastError = true)]
    public static partial ibv_wq* mlx5dv_create_wq(ibv_context* context, ibv_wq_init_attr* wq_init_attr, mlx5dv_wq_init_attr* mlx5_wq_attr);

    /// <summary>
    /// Tells where the memory of objects is, which belongs to the library as long as they exist. From then on libmlx5 leaves a
    /// completion queue's consumer index to the caller. Returns 0 or errno.
    /// </summary>
    [LibraryImport(Name)]
    public static partial int mlx5dv_init_obj(mlx5dv_obj* obj, mlx5dv_obj_type obj_type);
}
