[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]

namespace Verbena.Interop;

/// <summary>Says which C structure a structure mirrors. A test asks gcc for its size and every field's offset.</summary>
/// <remarks>Fields carry their C names; where a C field lies in an unnamed union or has a keyword's name, <see cref="CFieldAttribute"/> tells.</remarks>
/// <param name="name">The C type, such as <c>struct ibv_wc</c>.</param>
/// <param name="header">The installed header that declares it, such as <c>infiniband/verbs.h</c>.</param>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class CStructAttribute(string name, string header) : Attribute
{
    public string Name { get; } = name;

    public string Header { get; } = header;

    /// <summary>True if the mirror ends before the C structure does, because nothing reads the rest; then only offsets are compared.</summary>
    public bool Prefix { get; init; }
}

/// <summary>The C expression of a field whose name differs, such as <c>ops.poll_cq</c>.</summary>
[AttributeUsage(AttributeTargets.Field)]
public sealed class CFieldAttribute(string path) : Attribute
{
    public string Path { get; } = path;
}

/// <summary>Says that an enumeration's members, or a class's constants, are C constants of the same names.</summary>
[AttributeUsage(AttributeTargets.Enum | AttributeTargets.Class)]
public sealed class CConstantsAttribute(params string[] headers) : Attribute
{
    public IReadOnlyList<string> Headers { get; } = headers;
}
