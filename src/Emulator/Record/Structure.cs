namespace Verbena.Emulator.Record;

/// <summary>How a field's bytes are to be read.</summary>
internal enum FieldKind
{
    /// <summary>A number in host byte order.</summary>
    Number,

    /// <summary>A number in network byte order.</summary>
    Network,

    /// <summary>A MAC address.</summary>
    Mac,

    /// <summary>Bytes without a meaning of their own, such as a key.</summary>
    Bytes,

    /// <summary>A structure within the structure.</summary>
    Nested,
}

/// <summary>A field of a C structure.</summary>
/// <param name="Name">Its C name.</param>
/// <param name="Offset">Where it begins, in bytes.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Kind">How to read it.</param>
/// <param name="Type">The C structure that it is, if it is one.</param>
internal sealed record StructureField(string Name, int Offset, int Bytes, FieldKind Kind, string? Type = null);

/// <summary>A C structure of the kernel's interface, for a record.</summary>
/// <param name="Name">Its C name, without <c>struct</c>.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Fields">Its fields, less the reserved ones.</param>
internal sealed record Structure(string Name, int Bytes, IReadOnlyList<StructureField> Fields);
