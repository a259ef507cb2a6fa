using System.Globalization;
using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Attachment;

/// <summary>A directory that looks like /sys to whoever heeds SYSFS_PATH, with the emulated devices in it, until disposed.</summary>
/// <remarks>
/// libibverbs reads SYSFS_PATH once in a process's life; so the path stays the same for all trees of a process. It
/// goes with the process, and what killed processes have left behind goes with the next start. Whether
/// a process lives is told by its lock on a file in the tree: its id may be another's in another container.
/// </remarks>
public sealed class SysfsTree : IDisposable
{
    private const string Variable = "SYSFS_PATH";
    private const string Prefix = "verbena-sysfs.";
    private const string LockFile = "lock";
    private const ushort PciVendor = 0x15B3;
    private const int ConfigurationBytes = 256;

    private const string Driver = "bus/pci/drivers/mlx5_core";

    private static readonly string s_path = System.IO.Path.Combine(
        Base(), string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}.{Guid.NewGuid():N}"));

    private readonly string? _previous = Environment.GetEnvironmentVariable(Variable);
    private readonly FileStream _lock;
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal); // PCI addresses
    private readonly Dictionary<string, NicIdentity> _nics = new(StringComparer.Ordinal); // by netdev
    private readonly Dictionary<string, string> _addresses = new(StringComparer.Ordinal); // PCI addresses by netdev

    /// <summary>Writes the tree and sets SYSFS_PATH, for C code and for the runtime.</summary>
    /// <param name="nics">The devices in it.</param>
    /// <param name="access">Who may look into it, whatever the umask; what is inside has the umask's rights. Default: the user.</param>
    public SysfsTree(IReadOnlyList<NicIdentity> nics, UnixFileMode access = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
    {
        RemoveStale();
        _lock = CreateLocked(access);
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        Write("class/infiniband_verbs/abi_version", "6");
        foreach (NicIdentity nic in nics)
        {
            Add(nic);
        }

        Publish(s_path);
    }

    /// <summary>The root of the tree; the same in the whole life of the process.</summary>
    public static string Path => s_path;

    /// <summary>Shows one more device; a virtual function after its physical one.</summary>
    public void Add(NicIdentity nic)
    {
        string address = PciAddress.Choose(nic.Name, _taken);
        _nics[nic.Name] = nic;
        _addresses[nic.Name] = address;
        WriteDevice(nic, address);
        if (nic.Function is { } function)
        {
            string physical = FunctionPath(_addresses[function.Physical]);
            Link($"{FunctionPath(address)}/physfn", physical);
            Link($"{physical}/{LinkTo(function)}", FunctionPath(address));
            WriteFunctionCount(function.Physical);
        }
        else
        {
            Write($"{FunctionPath(address)}/sriov_totalvfs", VirtualFunction.Max.ToString(CultureInfo.InvariantCulture));
            WriteFunctionCount(nic.Name);
        }
    }

    /// <summary>Shows a device no more.</summary>
    public void Remove(string netdev)
    {
        _nics.Remove(netdev, out NicIdentity? nic);
        _addresses.Remove(netdev, out string? address);
        _taken.Remove(address!);
        string[] links =
        [
            $"class/infiniband_verbs/uverbs{nic!.Index}", $"class/infiniband/mlx5_{nic.Index}", $"class/net/{netdev}", $"bus/pci/devices/{address}",
            $"{Driver}/{address}",
        ];
        Array.ForEach(links, link => File.Delete(Full(link)));
        if (nic.Function is { } function)
        {
            File.Delete(Full($"{FunctionPath(_addresses[function.Physical])}/{LinkTo(function)}"));
            WriteFunctionCount(function.Physical);
        }

        Directory.Delete(Full(FunctionPath(address!)), recursive: true);
    }

    /// <summary>The device's netdev has another address.</summary>
    public void WriteAddress(string netdev, MacAddress mac) => Write($"{FunctionPath(_addresses[netdev])}/net/{netdev}/address", mac.ToString());

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        Publish(_previous);
        Remove();
        _lock.Dispose();
    }

    private static void Publish(string? path)
    {
        Environment.SetEnvironmentVariable(Variable, path);
        _ = path is null ? Libc.unsetenv(Variable) : Libc.setenv(Variable, path, 1);
    }

    private static void OnProcessExit(object? sender, EventArgs e) => Remove();

    private static void Remove()
    {
        try
        {
            Directory.Delete(s_path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // something that cleans temporary directories was here before
        }
    }

    /// <summary>Where the user's run-time files live: their own directory, root's, or the temporary one.</summary>
    private static string Base()
    {
        string?[] places = [UserDirectory(), Environment.IsPrivilegedProcess ? "/run/verbena" : null];
        return Array.Find(places, CanHoldDirectories) ?? System.IO.Path.GetTempPath();
    }

    /// <summary>The user's own directory. Root's must let others in: programs that it starts may become another user.</summary>
    private static string? UserDirectory()
    {
        string? path = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return Environment.IsPrivilegedProcess && Directory.Exists(path) && !File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherExecute) ? null : path;
    }

    /// <summary>Found by trying: the root of a user namespace owns less than it seems to.</summary>
    private static bool CanHoldDirectories(string? place)
    {
        if (string.IsNullOrEmpty(place))
        {
            return false;
        }

        try
        {
            Directory.Delete(Directory.CreateDirectory(System.IO.Path.Combine(place, $"{Guid.NewGuid():N}")).FullName);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Makes the directory; under its name it is seen by others only when it is locked.</summary>
    private static FileStream CreateLocked(UnixFileMode access)
    {
        string unlocked = System.IO.Path.Combine(Base(), $"new-{System.IO.Path.GetFileName(s_path)}");
        Directory.CreateDirectory(unlocked);
        File.SetUnixFileMode(unlocked, access);
        FileStream held = Lock(unlocked, FileMode.CreateNew);
        Directory.Move(unlocked, s_path);
        return held;
    }

    /// <exception cref="IOException">Another process holds it.</exception>
    private static FileStream Lock(string tree, FileMode mode) =>
        new(System.IO.Path.Combine(tree, LockFile), mode, FileAccess.ReadWrite, FileShare.None); // flock(2)

    private static void RemoveStale()
    {
        foreach (string left in Directory.EnumerateDirectories(Base(), Prefix + "*"))
        {
            try
            {
                using FileStream free = Lock(left, FileMode.Open);
                Directory.Delete(left, recursive: true);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // its process lives, it is another user's, or another start is removing it
            }
        }
    }

    /// <summary>One PCI function with its RDMA device and its netdev, and the links by which /sys/class and /sys/bus lead there.</summary>
    private static void WriteDevice(NicIdentity nic, string pciAddress)
    {
        string function = FunctionPath(pciAddress);
        WritePciFunction(nic.Model, function, pciAddress);
        WriteUverbs(nic, $"{function}/infiniband_verbs/uverbs{nic.Index}");
        WriteInfiniband(nic, $"{function}/infiniband/mlx5_{nic.Index}");
        WriteNetdev(nic, $"{function}/net/{nic.Name}");
        Link($"class/infiniband_verbs/uverbs{nic.Index}", $"{function}/infiniband_verbs/uverbs{nic.Index}");
        Link($"class/infiniband/mlx5_{nic.Index}", $"{function}/infiniband/mlx5_{nic.Index}");
        Link($"class/net/{nic.Name}", $"{function}/net/{nic.Name}");
        Link($"bus/pci/devices/{pciAddress}", function);
    }

    private static string FunctionPath(string pciAddress) => $"devices/pci0000:00/{pciAddress}";

    private static string LinkTo(VirtualFunction function) => string.Create(CultureInfo.InvariantCulture, $"virtfn{function.Number}");

    private void WriteFunctionCount(string physical)
    {
        int count = _nics.Values.Count(nic => nic.Function?.Physical == physical);
        Write($"{FunctionPath(_addresses[physical])}/sriov_numvfs", count.ToString(CultureInfo.InvariantCulture));
    }

    private static void WritePciFunction(NicModel model, string function, string address)
    {
        Write($"{function}/vendor", "0x15b3");
        Write($"{function}/device", string.Create(CultureInfo.InvariantCulture, $"0x{model.PciDevice:x4}"));
        Write($"{function}/subsystem_vendor", "0x15b3");
        Write($"{function}/subsystem_device", string.Create(CultureInfo.InvariantCulture, $"0x{model.PciSubsystem:x4}"));
        Write($"{function}/class", "0x020000");
        Write($"{function}/revision", "0x00");
        Write($"{function}/numa_node", "-1");
        Write($"{function}/irq", "0");
        Write($"{function}/resource", Resources());
        File.WriteAllBytes(Full($"{function}/config"), Configuration(model));
        Write($"{function}/modalias", string.Create(CultureInfo.InvariantCulture,
            $"pci:v000015B3d{model.PciDevice:X8}sv000015B3sd{model.PciSubsystem:X8}bc02sc00i00"));
        Write($"{function}/uevent", $"DRIVER=mlx5_core\nPCI_CLASS=20000\nPCI_ID=15B3:{model.PciDevice:X4}\nPCI_SLOT_NAME={address}");
        Link($"{function}/subsystem", "bus/pci");
        Link($"{function}/driver", Driver);
        Link($"{Driver}/{address}", function);
    }

    /// <summary>The one BAR of a ConnectX, and the twelve other lines of a function that can have virtual ones: begin, end, flags.</summary>
    private static string Resources()
    {
        const string None = "0x0000000000000000 0x0000000000000000 0x0000000000000000";
        return string.Join('\n', Enumerable.Repeat(None, 12).Prepend("0x0000000092000000 0x0000000093ffffff 0x000000000014220c"));
    }

    /// <summary>The function's configuration space: a type 0 header without BARs or capabilities (PCI 3.0, section 6.1).</summary>
    private static byte[] Configuration(NicModel model)
    {
        byte[] space = new byte[ConfigurationBytes];
        Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(space.AsSpan());
        words[0x00 / 2] = PciVendor;
        words[0x02 / 2] = (ushort)model.PciDevice;
        words[0x04 / 2] = 0x0006; // command: memory space, bus master
        words[0x0A / 2] = 0x0200; // class: Ethernet controller
        words[0x2C / 2] = PciVendor;
        words[0x2E / 2] = (ushort)model.PciSubsystem;
        return space;
    }

    private static void WriteUverbs(NicIdentity nic, string directory)
    {
        Write($"{directory}/ibdev", $"mlx5_{nic.Index}");
        Write($"{directory}/dev", nic.DeviceNumberText);
        Write($"{directory}/abi_version", "1");
        Link($"{directory}/device", Function(directory));
    }

    private static void WriteInfiniband(NicIdentity nic, string directory)
    {
        string guid = string.Join(':', nic.NodeGuid.ToString("x16", CultureInfo.InvariantCulture).Chunk(4).Select(four => new string(four)));
        Write($"{directory}/node_type", "1: CA");
        Write($"{directory}/node_guid", guid);
        Write($"{directory}/sys_image_guid", guid);
        Write($"{directory}/fw_ver", nic.Model.FirmwareText);
        Write($"{directory}/board_id", nic.Model.BoardId);
        Write($"{directory}/hca_type", string.Create(CultureInfo.InvariantCulture, $"MT{nic.Model.PciDevice}"));
        Write($"{directory}/hw_rev", "0");
        Write($"{directory}/node_desc", $"{Environment.MachineName} mlx5_{nic.Index}");
        PortFiles.Make(Full($"{directory}/ports/1"), nic);
        Link($"{directory}/device", Function(directory));
    }

    private static void WriteNetdev(NicIdentity nic, string directory)
    {
        NetdevFiles.Make(Full(directory), nic);
        Link($"{directory}/device", Function(directory));
        Link($"{directory}/subsystem", "class/net");
    }

    private static string Function(string directory) => directory[..directory.IndexOf('/', "devices/pci0000:00/".Length)];

    private static string Full(string path) => System.IO.Path.Combine(s_path, path);

    private static void Write(string path, string line)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Full(path))!);
        File.WriteAllText(Full(path), line + "\n");
    }

    private static void Link(string path, string target)
    {
        string directory = System.IO.Path.GetDirectoryName(Full(path))!;
        Directory.CreateDirectory(directory);
        string parent = System.IO.Path.GetRelativePath(directory, System.IO.Path.GetDirectoryName(Full(target))!);
        Directory.CreateSymbolicLink(Full(path), System.IO.Path.Combine(parent, System.IO.Path.GetFileName(target))); // ends in a name, as the kernel's do
    }
}
