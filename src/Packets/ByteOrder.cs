using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Verbena.Packets;

/// <summary>A 16-bit field that lies in memory in network byte order.</summary>
/// <remarks>The byte order is the field's type: a header or a hardware structure can't be read without the swap.</remarks>
public readonly record struct Be16
{
    private readonly ushort _raw;

    /// <summary>Stores <paramref name="value"/>, given in host order, in network order.</summary>
    public Be16(ushort value) => _raw = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    /// <summary>The value in host order.</summary>
    public ushort Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    /// <summary>The two bytes as they lie in memory, for comparisons and checksums that need no swap.</summary>
    public ushort Raw => _raw;

    /// <summary>Wraps two bytes that are already in network order.</summary>
    public static Be16 FromRaw(ushort raw) => Unsafe.BitCast<ushort, Be16>(raw);

    public static implicit operator ushort(Be16 field) => field.Value;

    public static implicit operator Be16(ushort value) =>
        Unsafe.BitCast<ushort, Be16>(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    public override string ToString() => $"0x{Value:x4}";
}

/// <summary>A 32-bit field that lies in memory in network byte order.</summary>
public readonly record struct Be32
{
    private readonly uint _raw;

    /// <summary>Stores <paramref name="value"/>, given in host order, in network order.</summary>
    public Be32(uint value) => _raw = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    /// <summary>The value in host order.</summary>
    public uint Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    /// <summary>The four bytes as they lie in memory.</summary>
    public uint Raw => _raw;

    /// <summary>Wraps four bytes that are already in network order.</summary>
    public static Be32 FromRaw(uint raw) => Unsafe.BitCast<uint, Be32>(raw);

    public static implicit operator uint(Be32 field) => field.Value;

    public static implicit operator Be32(uint value) =>
        Unsafe.BitCast<uint, Be32>(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    public override string ToString() => $"0x{Value:x8}";
}

/// <summary>A 64-bit field that lies in memory in network byte order.</summary>
public readonly record struct Be64
{
    private readonly ulong _raw;

    /// <summary>Stores <paramref name="value"/>, given in host order, in network order.</summary>
    public Be64(ulong value) => _raw = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    /// <summary>The value in host order.</summary>
    public ulong Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    /// <summary>The eight bytes as they lie in memory.</summary>
    public ulong Raw => _raw;

    public static implicit operator ulong(Be64 field) => field.Value;

    public static implicit operator Be64(ulong value) =>
        Unsafe.BitCast<ulong, Be64>(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    public override string ToString() => $"0x{Value:x16}";
}
