using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Verbena.Packets;

/// <summary>The Ethernet addresses that begin with the same bits, such as those of one manufacturer.</summary>
/// <param name="First">Its lowest address.</param>
/// <param name="PrefixLength">How many bits they share, from the first on the wire on; 48: it is one address.</param>
public readonly record struct MacAddressRange(MacAddress First, int PrefixLength)
{
    private const int AddressBits = 48;

    private ulong HostMask => (1UL << (AddressBits - PrefixLength)) - 1;

    /// <summary>Reads <c>02:11:22:33:44:55</c> or, for all that begin with its 24 bits, <c>02:11:22:00:00:00/24</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddressRange range)
    {
        range = default;
        string[] parts = (text ?? "").Split('/');
        int length = AddressBits;
        if (parts.Length > 2 || !MacAddress.TryParse(parts[0], out MacAddress first)
            || (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out length))
            || length is < 1 or > AddressBits)
        {
            return false;
        }

        range = new MacAddressRange(first, length);
        range = range with { First = new MacAddress(first.Bits & ~range.HostMask) };
        return true;
    }

    public bool Contains(MacAddress address) => (address.Bits & ~HostMask) == First.Bits;

    /// <summary>A member, each as likely as the other.</summary>
    public MacAddress Random(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new MacAddress(First.Bits | ((ulong)random.NextInt64(1L << AddressBits) & HostMask));
    }

    public override string ToString() => PrefixLength == AddressBits ? First.ToString() : string.Create(CultureInfo.InvariantCulture, $"{First}/{PrefixLength}");
}
