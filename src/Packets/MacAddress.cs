using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>A 48-bit Ethernet address: six bytes in transmission order, so it can be a field of a header.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 6)]
public readonly struct MacAddress : IEquatable<MacAddress>
{
    private readonly Be32 _high;
    private readonly Be16 _low;

    /// <summary>Makes an address from its 48 bits; the first byte on the wire is the most significant one.</summary>
    public MacAddress(ulong bits)
    {
        _high = (uint)(bits >> 16);
        _low = (ushort)bits;
    }

    /// <summary>Reads an address from its six bytes in transmission order.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not six bytes long.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 6)
        {
            throw new ArgumentException("an Ethernet address has 6 bytes", nameof(bytes));
        }

        this = Unsafe.ReadUnaligned<MacAddress>(in bytes[0]);
    }

    public static MacAddress Broadcast { get; } = new(0xFFFF_FFFF_FFFF);

    /// <summary>The 48 bits, first byte on the wire most significant.</summary>
    public ulong Bits => ((ulong)_high.Value << 16) | _low.Value;

    /// <summary>True for group addresses (IEEE 802, 8.2), the broadcast address included.</summary>
    public bool IsMulticast => (Bits & 0x0100_0000_0000) != 0;

    public bool IsZero => Bits == 0;

    /// <summary>A unicast address from the locally administered space, its other 46 bits from <paramref name="random"/>.</summary>
    public static MacAddress RandomLocal(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        ulong bits = (ulong)random.NextInt64(1L << 48);
        return new MacAddress((bits & ~0x0100_0000_0000UL) | 0x0200_0000_0000UL);
    }

    /// <summary>Copies the six bytes to <paramref name="destination"/>, in transmission order.</summary>
    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Reads <c>aa:bb:cc:dd:ee:ff</c> or <c>aabb.ccdd.eeff</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        if (text is null)
        {
            return false;
        }

        string[] parts = text.Split(text.Contains(':', StringComparison.Ordinal) ? ':' : '.');
        int digits = parts.Length switch { 6 => 2, 3 => 4, _ => 0 };
        if (digits == 0 || text.Contains(':', StringComparison.Ordinal) != (digits == 2))
        {
            return false;
        }

        ulong bits = 0;
        foreach (string part in parts)
        {
            bool hex = ushort.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value);
            if (!hex || part.Length > digits || (digits == 4 && part.Length != 4))
            {
                return false;
            }

            bits = (bits << (digits * 4)) | value;
        }

        address = new MacAddress(bits);
        return true;
    }

    /// <summary>Reads an address that is known to be well formed.</summary>
    /// <exception cref="FormatException">The text is no Ethernet address.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress address) ? address : throw new FormatException($"'{text}' is no Ethernet address");

    public bool Equals(MacAddress other) => _high.Raw == other._high.Raw && _low.Raw == other._low.Raw;

    public override bool Equals(object? obj) => obj is MacAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_high.Raw, _low.Raw);

    public static bool operator ==(MacAddress left, MacAddress right) => left.Equals(right);

    public static bool operator !=(MacAddress left, MacAddress right) => !left.Equals(right);

    public override string ToString()
    {
        ulong bits = Bits;
        return string.Create(CultureInfo.InvariantCulture,
            $"{(byte)(bits >> 40):x2}:{(byte)(bits >> 32):x2}:{(byte)(bits >> 24):x2}:{(byte)(bits >> 16):x2}:{(byte)(bits >> 8):x2}:{(byte)bits:x2}");
    }
}
