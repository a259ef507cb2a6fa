using Verbena.Driver;

namespace Verbena.Tests.Driver;

/// <summary>Discovery on trees that look like /sys: the links are relative and class/net holds links, as in the real one.</summary>
public sealed class HostInterfaceTests : IDisposable
{
    private readonly string _sysfs = Directory.CreateTempSubdirectory("verbena-sysfs-").FullName;

    public void Dispose() => Directory.Delete(_sysfs, recursive: true);

    [Fact]
    public void A_ConnectX_is_found_under_all_its_names()
    {
        AddNic();
        Assert.Equal(new HostInterface("enp94s0f0", "0000:5e:00.0", "15b3:1019", "mlx5_3", "uverbs7", 1500), HostInterface.Find("enp94s0f0", _sysfs));
    }

    [Fact]
    public void A_name_that_no_interface_has_is_said_to_be_unknown() => Assert.Equal(
        "there is no network interface 'nosuch0': 'ip link' lists those of this host",
        Assert.Throws<HostInterfaceException>(() => HostInterface.Find("nosuch0", "/sys")).Message);

    [Fact]
    public void In_another_tree_than_the_kernel_s_the_interfaces_there_are_named() // the host may well have one of that name
    {
        AddNic();
        Directory.CreateDirectory(Path.Combine(_sysfs, "class/net/veth0"));
        AssertFails("lo", "'lo' is none of the network interfaces that libibverbs is led to: those are enp94s0f0, veth0");
    }

    [Fact]
    public void An_interface_without_a_device_is_no_NIC()
    {
        Directory.CreateDirectory(Path.Combine(_sysfs, "class/net/veth0"));
        AssertFails("veth0", "veth0 is not a port of an RDMA NIC, for it is not a PCI device: give a ConnectX port's interface ('rdma link' lists them)");
    }

    [Fact]
    public void An_interface_of_another_bus_is_no_NIC()
    {
        string device = Path.Combine(_sysfs, "devices/virtio0/net/eth0");
        Directory.CreateDirectory(device);
        Link("class/net/eth0", "../../devices/virtio0/net/eth0");
        Link("devices/virtio0/net/eth0/device", "../../../virtio0");
        AssertFails("eth0", "eth0 is not a port of an RDMA NIC, for it is not a PCI device: give a ConnectX port's interface ('rdma link' lists them)");
    }

    [Fact]
    public void A_NIC_of_another_vendor_is_not_supported()
    {
        AddNic(vendor: "0x8086", driver: "ice");
        AssertFails("enp94s0f0", "enp94s0f0 is a NIC of PCI vendor 0x8086 with kernel driver ice, which is not supported: "
            + "NVIDIA ConnectX-4 and later with mlx5_core are");
    }

    [Fact]
    public void A_ConnectX_3_is_not_supported()
    {
        AddNic(driver: "mlx4_core");
        AssertFails("enp94s0f0", "enp94s0f0 is a NIC of PCI vendor 0x15b3 with kernel driver mlx4_core, which is not supported: "
            + "NVIDIA ConnectX-4 and later with mlx5_core are");
    }

    [Fact]
    public void A_ConnectX_without_mlx5_ib_needs_it_loaded()
    {
        AddNic(rdma: null);
        AssertFails("enp94s0f0", "enp94s0f0 is a ConnectX without an RDMA device: load the kernel's modules: modprobe --all mlx5_ib ib_uverbs");
    }

    [Fact]
    public void A_ConnectX_without_ib_uverbs_needs_it_loaded()
    {
        AddNic(uverbs: null);
        AssertFails("enp94s0f0", "mlx5_3 can't be used by programs yet: load the kernel's modules: modprobe --all mlx5_ib ib_uverbs");
    }

    private void AddNic(string vendor = "0x15b3", string driver = "mlx5_core", string? rdma = "mlx5_3", string? uverbs = "uverbs7")
    {
        const string Function = "devices/pci0000:5d/0000:5d:00.0/0000:5e:00.0";
        Write($"{Function}/vendor", vendor);
        Write($"{Function}/device", "0x1019");
        Write($"{Function}/net/enp94s0f0/mtu", "1500");
        Write($"bus/pci/drivers/{driver}/bind", "");
        Link($"{Function}/driver", $"../../../../bus/pci/drivers/{driver}");
        Link($"{Function}/net/enp94s0f0/device", "../../../0000:5e:00.0");
        Link("class/net/enp94s0f0", $"../../{Function}/net/enp94s0f0");
        if (rdma is not null)
        {
            Write($"{Function}/infiniband/{rdma}/node_type", "1: CA");
        }

        if (uverbs is not null)
        {
            Write("class/infiniband_verbs/abi_version", "6");
            Write("class/infiniband_verbs/uverbs6/ibdev", "mlx5_2");
            Write($"class/infiniband_verbs/{uverbs}/ibdev", "mlx5_3");
        }
    }

    private void Write(string path, string line)
    {
        string full = Path.Combine(_sysfs, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, line + "\n");
    }

    private void Link(string path, string target)
    {
        string full = Path.Combine(_sysfs, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.CreateSymbolicLink(full, target);
    }

    private void AssertFails(string name, string message) =>
        Assert.Equal(message, Assert.Throws<HostInterfaceException>(() => HostInterface.Find(name, _sysfs)).Message);
}
