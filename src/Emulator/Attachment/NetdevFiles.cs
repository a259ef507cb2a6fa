using System.Globalization;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Emulator.Attachment;

/// <summary>The files of a netdev's directory in sysfs (Linux, Documentation/ABI/testing/sysfs-class-net).</summary>
/// <remarks>
/// What the port knows is in files of the tree, in any network namespace. The rest are links to those of the interface itself, a
/// TAP; they lead nowhere where there is none, or /sys is another network namespace's. What only a TAP has is not shown.
/// </remarks>
/// <param name="directory">The netdev's directory, with its files.</param>
/// <param name="port">The port that the netdev is of.</param>
internal sealed class NetdevFiles(string directory, IPortStatus port)
{
    private const string Address = "address";
    private const string Mtu = "mtu";
    private const string Speed = "speed";
    private const string Duplex = "duplex";

    private static readonly string[] s_linuxs =
    [
        "addr_assign_type", "addr_len", "broadcast", "carrier", "carrier_changes", "carrier_down_count", "carrier_up_count", "dormant",
        "flags", "gro_flush_timeout", "ifalias", "ifindex", "iflink", "link_mode", "name_assign_type", "napi_defer_hard_irqs",
        "netdev_group", "operstate", "proto_down", "queues", "statistics", "testing", "threaded", "tx_queue_len", "type", "uevent",
    ];

    private MacAddress? _address;
    private int? _mtu;
    private LinkState? _link;

    /// <summary>Makes the files, as they are while nobody has seen the port.</summary>
    public static void Make(string directory, NicIdentity nic)
    {
        Directory.CreateDirectory(directory);
        Write(Address, nic.Mac.ToString());
        Write(Mtu, nic.Mtu.ToString(CultureInfo.InvariantCulture));
        Write(Speed, SpeedText(default));
        Write(Duplex, DuplexText(default));
        Write("dev_port", "0");
        Write("dev_id", "0x0");
        foreach (string name in s_linuxs)
        {
            Directory.CreateSymbolicLink(Path.Combine(directory, name), $"/sys/devices/virtual/net/{nic.Name}/{name}");
        }

        void Write(string name, string text) => File.WriteAllText(Path.Combine(directory, name), text + "\n");
    }

    /// <summary>Writes what has changed since the last time. Cheap where nothing has.</summary>
    /// <exception cref="IOException">The files are gone.</exception>
    public void Refresh()
    {
        (MacAddress address, int mtu, LinkState link) = (port.MacAddress, port.Mtu, port.Link);
        if (address != _address)
        {
            Overwrite(Address, address.ToString());
        }

        if (mtu != _mtu)
        {
            Overwrite(Mtu, mtu.ToString(CultureInfo.InvariantCulture));
        }

        if (link != _link)
        {
            Overwrite(Speed, SpeedText(link));
            Overwrite(Duplex, DuplexText(link));
        }

        (_address, _mtu, _link) = (address, mtu, link);
    }

    /// <summary>In Mb/s; a port without link has none (SPEED_UNKNOWN of linux/ethtool.h).</summary>
    private static string SpeedText(LinkState link) => (link.IsUp ? (long)(link.SpeedBitsPerSecond / 1_000_000) : -1).ToString(CultureInfo.InvariantCulture);

    private static string DuplexText(LinkState link) => link.IsUp ? "full" : "unknown";

    private void Overwrite(string name, string text) => SysfsFile.Overwrite(Path.Combine(directory, name), text);
}
