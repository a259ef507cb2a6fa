using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>A Linux network interface that is a port of a ConnectX, and the names under which it is known elsewhere.</summary>
/// <remarks>Found in sysfs: network interface, PCI function, RDMA device. Reads below the root that libibverbs uses, which SYSFS_PATH may move.</remarks>
/// <param name="Name">The network interface, such as <c>enp94s0f0</c>.</param>
/// <param name="PciAddress">The PCI function, such as <c>0000:5e:00.0</c>.</param>
/// <param name="PciId">Vendor and device, such as <c>15b3:1019</c>.</param>
/// <param name="RdmaDevice">The RDMA device, such as <c>mlx5_0</c>.</param>
/// <param name="UverbsDevice">The device below /dev/infiniband, such as <c>uverbs0</c>.</param>
/// <param name="Mtu">The network interface's MTU in bytes, which is the port's; null if nobody tells.</param>
internal sealed partial record HostInterface(
    string Name, string PciAddress, string PciId, string RdmaDevice, string UverbsDevice, int? Mtu)
{
    /// <summary>The virtual function that it is; null: a physical one, or nobody tells.</summary>
    public HostVirtualFunction? VirtualFunction { get; private init; }

    private const string KernelSysfs = "/sys";
    private const string MellanoxVendor = "0x15b3";
    private const string LoadModules = "load the kernel's modules: modprobe --all mlx5_ib ib_uverbs";

    /// <summary>Looks an interface up below <paramref name="sysfs"/>.</summary>
    /// <exception cref="HostInterfaceException">It is no port of a ConnectX, or the kernel's RDMA modules are not loaded.</exception>
    public static HostInterface Find(string name, string sysfs)
    {
        string netdev = Resolve(Path.Combine(sysfs, "class/net", name));
        if (!Directory.Exists(netdev))
        {
            throw new HostInterfaceException(sysfs == KernelSysfs
                ? $"there is no network interface '{name}': 'ip link' lists those of this host"
                : $"'{name}' is none of the network interfaces that libibverbs is led to: those are {string.Join(", ", NamesBelow(sysfs))}");
        }

        string function = Resolve(Path.Combine(netdev, "device"));
        string pciAddress = PciAddressOf(name, function);
        string pciId = CheckedPciId(name, function);
        string rdma = RdmaDeviceOf(name, function);
        return new HostInterface(name, pciAddress, pciId, rdma, UverbsDeviceOf(rdma, sysfs), MtuOf(name, netdev))
        {
            VirtualFunction = HostVirtualFunction.Find(function, Resolve),
        };
    }

    private static IEnumerable<string> NamesBelow(string sysfs)
    {
        DirectoryInfo directory = new(Path.Combine(sysfs, "class/net"));
        return directory.Exists ? directory.EnumerateFileSystemInfos().Select(entry => entry.Name).Order(StringComparer.Ordinal) : ["none"];
    }

    private static string PciAddressOf(string name, string function)
    {
        string address = Path.GetFileName(function);
        return PciAddressPattern().IsMatch(address)
            ? address
            : throw new HostInterfaceException($"{name} is not a port of an RDMA NIC, for it is not a PCI device: give a ConnectX port's interface ('rdma link' lists them)");
    }

    private static string CheckedPciId(string name, string function)
    {
        string vendor = ReadLine(function, "vendor");
        string driver = Path.GetFileName(Resolve(Path.Combine(function, "driver")));
        if (vendor != MellanoxVendor || driver != "mlx5_core")
        {
            throw new HostInterfaceException(
                $"{name} is a NIC of PCI vendor {vendor} with kernel driver {driver}, which is not supported: NVIDIA ConnectX-4 and later with mlx5_core are");
        }

        return $"{vendor[2..]}:{ReadLine(function, "device").Replace("0x", "", StringComparison.Ordinal)}";
    }

    private static string RdmaDeviceOf(string name, string function)
    {
        string directory = Path.Combine(function, "infiniband");
        string? device = Directory.Exists(directory) ? Directory.EnumerateDirectories(directory).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        return Path.GetFileName(device) ?? throw new HostInterfaceException($"{name} is a ConnectX without an RDMA device: {LoadModules}");
    }

    private static string UverbsDeviceOf(string rdmaDevice, string sysfs)
    {
        string directory = Path.Combine(sysfs, "class/infiniband_verbs");
        IEnumerable<string> devices = Directory.Exists(directory) ? Directory.EnumerateDirectories(directory) : [];
        string? device = devices.FirstOrDefault(uverbs => ReadLine(uverbs, "ibdev") == rdmaDevice);
        return Path.GetFileName(device) ?? throw new HostInterfaceException($"{rdmaDevice} can't be used by programs yet: {LoadModules}");
    }

    // sysfs links are relative to the real directory that they stand in, so one is followed after the other.
    private static string Resolve(string link) => new DirectoryInfo(link).LinkTarget is { } target
        ? Path.GetFullPath(target, Path.GetDirectoryName(link)!)
        : link;

    /// <summary>The Ethernet address that Linux has on the port, which it may change at any time; null if nobody tells.</summary>
    public MacAddress? ReadMacAddress(string sysfs)
    {
        string netdev = Path.Combine(sysfs, "class/net", Name);
        return MacAddress.TryParse(ReadLine(netdev, "address"), out MacAddress address) ? address : null;
    }

    // The tree that the device was found in may be another one than the kernel's and lack the file; then the kernel is asked.
    private static unsafe int? MtuOf(string name, string netdev)
    {
        if (int.TryParse(ReadLine(netdev, "mtu"), NumberStyles.None, CultureInfo.InvariantCulture, out int mtu))
        {
            return mtu;
        }

        ifreq request = default;
        Encoding.UTF8.GetBytes(name, new Span<byte>(request.ifr_name, 15));
        int socket = Libc.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM | Sockets.SOCK_CLOEXEC, 0);
        bool known = Libc.ioctl(socket, Sockios.SIOCGIFMTU, &request) == 0;
        _ = Libc.close(socket);
        return known ? request.ifr_mtu : null;
    }

    private static string ReadLine(string directory, string file)
    {
        string path = Path.Combine(directory, file);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }

    [GeneratedRegex("^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PciAddressPattern();
}
