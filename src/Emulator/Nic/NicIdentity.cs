using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>How a program that looks for NICs tells them apart.</summary>
/// <param name="Index">The n of uverbs<i>n</i> and mlx5_<i>n</i>.</param>
/// <param name="Name">Name of the netdev.</param>
/// <param name="Mac">Address of the netdev.</param>
/// <param name="Model">Which ConnectX it is.</param>
/// <param name="SpeedGbps">The speed that its port reports, in Gb/s.</param>
public sealed record NicIdentity(int Index, string Name, MacAddress Mac, NicModel Model, int SpeedGbps)
{
    /// <summary>Which virtual function it is; null: it is a physical one.</summary>
    public VirtualFunction? Function { get; init; }

    /// <summary>MTU with which the netdev begins, in bytes of network packet.</summary>
    public int Mtu { get; init; } = 1500;

    private const int Major = 231; // Linux, drivers/infiniband/core/uverbs_main.c: IB_UVERBS_MAJOR, IB_UVERBS_BASE_MINOR
    private const int BaseMinor = 192;

    /// <summary>The identity of the NIC that is made from <paramref name="options"/> as the one numbered <paramref name="index"/>.</summary>
    public static NicIdentity Of(NicOptions options, int index)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new NicIdentity(index, options.Name, options.Address, options.Model, options.SpeedGbps) { Function = options.VirtualFunction, Mtu = options.Mtu };
    }

    /// <summary>Device number as sysfs shows it; stat gives the same (src/Shim).</summary>
    public string DeviceNumberText => $"{Major}:{BaseMinor + Index}";

    /// <summary>The first half of the port's IPv6 link-local address, which is its first GID.</summary>
    public static ulong LinkLocalPrefix => 0xFE80_0000_0000_0000;

    /// <summary>The second half, made from the MAC address (RFC 4291, appendix A).</summary>
    public ulong LinkLocalInterface => (((Mac.Bits >> 24) ^ 0x02_0000) << 40) | 0xFF_FE00_0000 | (Mac.Bits & 0xFF_FFFF);

    /// <summary>The node's EUI-64, made from the MAC address as the vendor's firmware does.</summary>
    public ulong NodeGuid => ((Mac.Bits >> 24) << 40) | (0x0300UL << 24) | (Mac.Bits & 0xFF_FFFF);
}
