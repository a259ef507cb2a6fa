using System.Globalization;
using Verbena.Interop.Uverbs;

namespace Verbena.Emulator.Nic;

/// <summary>Which ConnectX the emulated NIC is: its identity, and what one model can do and another can't.</summary>
/// <remarks>
/// Identities of real cards: pci.ids and the vendor's firmware images for MCX416A-CCAT, MCX516A-CCAT and MCX516A-CDAT.
/// A capability here says what the model has; the device reports it once the emulator does it.
/// </remarks>
public sealed record NicModel
{
    public static NicModel ConnectX4 { get; } = new()
    {
        Name = "connectx-4",
        PciDevice = 0x1013,
        PciSubsystem = 0x0008,
        Firmware = new Version(12, 28, 2006),
        BoardId = "MT_2150110033",
        MinimumInline = Mlx5Abi.MLX5_USER_INLINE_MODE_L2,
        CompressionFormats = Mlx5Abi.MLX5_IB_CQE_RES_FORMAT_HASH | Mlx5Abi.MLX5_IB_CQE_RES_FORMAT_CSUM,
    };

    public static NicModel ConnectX5 { get; } = new()
    {
        Name = "connectx-5",
        PciDevice = 0x1017,
        PciSubsystem = 0x0007,
        Firmware = new Version(16, 35, 2000),
        BoardId = "MT_0000000012",
        MinimumInline = Mlx5Abi.MLX5_USER_INLINE_MODE_NONE,
        MultiPacketSend = Mlx5Abi.MLX5_IB_ALLOW_MPW | Mlx5Abi.MLX5_IB_SUPPORT_EMPW,
        CompressionFormats = Mlx5Abi.MLX5_IB_CQE_RES_FORMAT_HASH | Mlx5Abi.MLX5_IB_CQE_RES_FORMAT_CSUM
            | Mlx5Abi.MLX5_IB_CQE_RES_FORMAT_CSUM_STRIDX,
    };

    public static NicModel ConnectX5Ex { get; } = ConnectX5 with
    {
        Name = "connectx-5-ex",
        PciDevice = 0x1019,
        PciSubsystem = 0x0008,
        BoardId = "MT_0000000013",
    };

    public static IReadOnlyList<NicModel> All { get; } = [ConnectX4, ConnectX5, ConnectX5Ex];

    /// <summary>The word in the options.</summary>
    public required string Name { get; init; }

    /// <summary>The same card's virtual functions.</summary>
    public NicModel OfFunction() => this with { PciDevice = (ushort)(PciDevice + 1) };

    /// <summary>PCI device id, which is vendor_part_id too.</summary>
    public required ushort PciDevice { get; init; }

    /// <summary>PCI subsystem id; the subsystem's vendor is the vendor.</summary>
    public required ushort PciSubsystem { get; init; }

    public required Version Firmware { get; init; }

    /// <summary>The vendor's parameter-set id of the card.</summary>
    public required string BoardId { get; init; }

    /// <summary>MLX5_USER_INLINE_MODE_*: how much of a frame a send WQE must hold itself.</summary>
    public required byte MinimumInline { get; init; }

    /// <summary>MLX5_IB_ALLOW_MPW, MLX5_IB_SUPPORT_EMPW: which multi-packet send WQEs it takes.</summary>
    public uint MultiPacketSend { get; init; }

    /// <summary>The longest send WQE, in bytes; its length field allows 1008.</summary>
    public int MaxSendWqeBytes { get; init; } = 1024;

    /// <summary>The most payload of one TSO, in bytes.</summary>
    public int MaxTsoBytes { get; init; } = 256 * 1024;

    /// <summary><see cref="MinimumInline"/> in bytes: an Ethernet header with a VLAN tag. A frame without them is dropped.</summary>
    public int MinimumInlineBytes => MinimumInline == Mlx5Abi.MLX5_USER_INLINE_MODE_NONE ? 0 : 18;

    /// <summary>MLX5_IB_CQE_RES_FORMAT_*: what compressed completions can carry.</summary>
    public required uint CompressionFormats { get; init; }

    /// <summary>The firmware's version as sysfs and ethtool show it: <c>16.35.2000</c>.</summary>
    public string FirmwareText => string.Create(CultureInfo.InvariantCulture, $"{Firmware.Major}.{Firmware.Minor}.{Firmware.Build:d4}");
}
