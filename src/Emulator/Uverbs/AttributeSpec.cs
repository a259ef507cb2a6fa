using System.Runtime.CompilerServices;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Uverbs;

/// <summary>What an attribute carries.</summary>
internal enum AttributeKind
{
    /// <summary>Bytes that the program gives: up to 8 in the attribute itself, more where it points.</summary>
    Input,

    /// <summary>Room for bytes that the kernel gives.</summary>
    Output,

    /// <summary>The handle of an object, or the descriptor of a file, that is there.</summary>
    Handle,

    /// <summary>The handle of an object, or the descriptor of a file, that the command makes.</summary>
    NewHandle,
}

/// <summary>An attribute that a command knows, as the kernel's own tables describe it.</summary>
/// <remarks>Linux, include/rdma/uverbs_ioctl.h, struct uverbs_attr_spec; what is checked is in uverbs_process_attr.</remarks>
/// <param name="Id">Its number in the command.</param>
/// <param name="Name">The C name of the number.</param>
/// <param name="Kind">What it carries.</param>
/// <param name="MinBytes">Less is refused (EINVAL).</param>
/// <param name="MaxBytes">More is refused (EINVAL).</param>
/// <param name="Structures">The C structures that it may hold, the shortest first; none for numbers.</param>
internal sealed record AttributeSpec(
    ushort Id, string Name, AttributeKind Kind, int MinBytes, int MaxBytes, params IReadOnlyList<string> Structures)
{
    private const int NoLimit = ushort.MaxValue;

    /// <summary>How many variants it has, of which the attribute names one; 0: it has none.</summary>
    public int Variants { get; private init; }

    /// <summary>The driver's input and output, of commands for which this driver has none.</summary>
    private static readonly AttributeSpec[] s_driver =
    [
        new(Attributes.UVERBS_ATTR_UHW_IN, nameof(Attributes.UVERBS_ATTR_UHW_IN), AttributeKind.Input, 0, NoLimit),
        new(Attributes.UVERBS_ATTR_UHW_OUT, nameof(Attributes.UVERBS_ATTR_UHW_OUT), AttributeKind.Output, 0, NoLimit),
    ];

    /// <summary>A number of exactly so many bytes.</summary>
    public static AttributeSpec In(ushort id, int bytes, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Input, bytes, bytes);

    /// <summary>So many bytes, within bounds.</summary>
    public static AttributeSpec In(ushort id, int minBytes, int maxBytes, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Input, minBytes, maxBytes);

    /// <summary>One of several variants, of which the first holds a number of so many bytes and the others nothing.</summary>
    public static AttributeSpec Choice(ushort id, int variants, int bytes, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Input, 0, bytes) { Variants = variants };

    /// <summary>Flags: 4 or 8 bytes.</summary>
    public static AttributeSpec Flags(ushort id, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Input, 4, 8);

    /// <summary>As many bytes as the command wants.</summary>
    public static AttributeSpec Any(AttributeKind kind, ushort id, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, kind, 0, NoLimit);

    /// <summary>A structure; newer programs may append fields, which must then be zero.</summary>
    public static unsafe AttributeSpec In<T>(ushort id, [CallerArgumentExpression(nameof(id))] string name = "")
        where T : unmanaged =>
        new(id, name, AttributeKind.Input, sizeof(T), NoLimit, typeof(T).Name);

    /// <summary>The driver's input; older libraries know only its beginning.</summary>
    public static AttributeSpec DriverIn<T>()
        where T : unmanaged =>
        s_driver[0] with { Structures = [typeof(T).Name] };

    /// <summary>The driver's input where it has one of two forms, the shorter one first.</summary>
    public static AttributeSpec DriverIn<TShort, TLong>()
        where TShort : unmanaged
        where TLong : unmanaged =>
        s_driver[0] with { Structures = [typeof(TShort).Name, typeof(TLong).Name] };

    /// <summary>Room for a number of exactly so many bytes.</summary>
    public static AttributeSpec Out(ushort id, int bytes, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Output, bytes, bytes);

    /// <summary>Room for a structure; zeros are written where there is more.</summary>
    public static unsafe AttributeSpec Out<T>(ushort id, [CallerArgumentExpression(nameof(id))] string name = "")
        where T : unmanaged =>
        new(id, name, AttributeKind.Output, sizeof(T), NoLimit, typeof(T).Name);

    /// <summary>Room for as much of the driver's answer as the library knows.</summary>
    public static AttributeSpec DriverOut<T>()
        where T : unmanaged =>
        s_driver[1] with { Structures = [typeof(T).Name] };

    /// <summary>An object or a file of the program's.</summary>
    public static AttributeSpec Handle(ushort id, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.Handle, 0, 0);

    /// <summary>The object or file that the command makes.</summary>
    public static AttributeSpec NewHandle(ushort id, [CallerArgumentExpression(nameof(id))] string name = "") =>
        new(id, name, AttributeKind.NewHandle, 0, 0);

    /// <summary>The description of an attribute among those that a command knows; null: it knows no such attribute.</summary>
    public static AttributeSpec? Find(ushort id, IReadOnlyList<AttributeSpec> required, IReadOnlyList<AttributeSpec> optional) =>
        Find(id, required) ?? Find(id, optional) ?? Find(id, s_driver);

    /// <summary>Checks what the program gave.</summary>
    /// <exception cref="UverbsException">
    /// EINVAL: the length is wrong, or reserved bits are set. EOPNOTSUPP: no such variant. EFAULT: the answer has nowhere to go.
    /// </exception>
    public void Check(in ib_uverbs_attr attribute)
    {
        if (attribute.enum_data is > 0 and <= byte.MaxValue && Variants > 0 && attribute.enum_data >= Variants)
        {
            throw UverbsException.NotSupported($"{Name} has {Variants} variants, not number {attribute.enum_data}");
        }

        int minBytes = Variants > 0 && attribute.enum_data == 0 ? MaxBytes : MinBytes;
        int maxBytes = Variants > 0 && attribute.enum_data != 0 ? 0 : MaxBytes;
        if (attribute.len < minBytes || attribute.len > maxBytes || attribute.enum_data >= Math.Max(Variants, 1))
        {
            throw UverbsException.Invalid($"{Name} has {attribute.len} bytes, not {minBytes}");
        }

        if (Kind == AttributeKind.Handle && attribute.data > int.MaxValue)
        {
            throw UverbsException.Invalid($"{Name} is no handle");
        }

        if (Kind == AttributeKind.Output)
        {
            UserMemory.Demand(attribute.data, attribute.len, writable: true);
        }
    }

    private static AttributeSpec? Find(ushort id, IReadOnlyList<AttributeSpec> specs)
    {
        foreach (AttributeSpec spec in specs)
        {
            if (spec.Id == id)
            {
                return spec;
            }
        }

        return null;
    }
}
