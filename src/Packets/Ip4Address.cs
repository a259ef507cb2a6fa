using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Verbena.Packets;

/// <summary>An IPv4 address that lies in memory in network order, so it can be a field of a header.</summary>
public readonly record struct Ip4Address(Be32 Value)
{
    /// <summary>224.0.0.0/4 (RFC 5771).</summary>
    public bool IsMulticast => Value >> 28 == 0xE;

    public bool IsZero => Value.Raw == 0;

    /// <summary>Reads a dotted quad of exactly four decimal parts.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ip4Address address)
    {
        address = default;
        string[] parts = text?.Split('.') ?? [];
        if (parts.Length != 4)
        {
            return false;
        }

        uint bits = 0;
        foreach (string part in parts)
        {
            if (part.Length > 3 || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out byte octet))
            {
                return false;
            }

            bits = (bits << 8) | octet;
        }

        address = new Ip4Address(bits);
        return true;
    }

    /// <summary>Reads an address that is known to be well formed.</summary>
    /// <exception cref="FormatException">The text is no IPv4 address.</exception>
    public static Ip4Address Parse(string text) =>
        TryParse(text, out Ip4Address address) ? address : throw new FormatException($"'{text}' is no IPv4 address");

    public override string ToString() => new IPAddress((long)Value.Raw).ToString();
}

/// <summary>An IPv4 address with a prefix length: an interface's address, or a route's destination.</summary>
public readonly record struct Ip4Prefix(Ip4Address Address, int Length)
{
    /// <summary>The netmask in host order: <see cref="Length"/> ones from the top.</summary>
    public uint Mask => Length == 0 ? 0 : uint.MaxValue << (32 - Length);

    /// <summary>The address with the host part cleared.</summary>
    public Ip4Address Network => new(Address.Value & Mask);

    /// <summary>The address with the host part set: the directed broadcast of a subnet (RFC 1812, 4.2.3.1).</summary>
    public Ip4Address DirectedBroadcast => new(Address.Value | ~Mask);

    public bool Contains(Ip4Address address) => (address.Value & Mask) == (Address.Value & Mask);

    /// <summary>
    /// True if <paramref name="address"/> can be a host's on this network, thus is not the network's own or its broadcast address, which
    /// /31 and /32 do not have (RFC 3021).
    /// </summary>
    public bool ContainsHost(Ip4Address address) =>
        Contains(address) && (Length > 30 || (address != Network && address != DirectedBroadcast));

    /// <summary>Reads <c>address/length</c>, the length from 0 to 32.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ip4Prefix prefix)
    {
        prefix = default;
        string[] parts = text?.Split('/') ?? [];
        if (parts.Length != 2
            || !Ip4Address.TryParse(parts[0], out Ip4Address address)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            || length > 32)
        {
            return false;
        }

        prefix = new Ip4Prefix(address, length);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{Length}");
}
