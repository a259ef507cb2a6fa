using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Verbena.Driver;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Wires;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using Verbena.Tests.Driver;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Eswitch;

/// <summary>Virtual functions come and go, for whoever looks at sysfs and at libibverbs.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed class VirtualFunctionTests : IDisposable
{
    private readonly CabledPorts _cable = new();

    private NicDevice Physical => _cable.Nics.Devices[_cable.NearName];

    public void Dispose() => _cable.Dispose();

    [Theory]
    [InlineData("enp94s0f0", 0, "enp94s0f2")]
    [InlineData("enp94s0f0", 1, "enp94s0f3")]
    [InlineData("enp94s0f0", 7, "enp94s1f1")]
    [InlineData("enp94s0f1", 0, "enp94s1f2")]
    [InlineData("enp94s0f0np0", 0, "enp94s0f2")]
    [InlineData("enp94s0", 0, "enp94s0f1")]
    [InlineData("one", 1, "onev1")]
    public void A_function_is_named_by_its_place(string physical, int number, string name) => Assert.Equal(name, new VirtualFunction(physical, number).Name);

    [Theory]
    [InlineData("enp94s0f0,vfs=9", "vfs=9: give 0 to 8 (virtual functions)")]
    [InlineData("a-name-of-15-bs,vfs=1", "'a-name-of-15-bsv0' is no name for a network device: 1 to 15 characters without '/', ':' and spaces")]
    public void More_functions_than_there_can_be_are_refused(string text, string sentence)
    {
        Assert.False(NicOptions.TryParse(text, out _, out string error));
        Assert.Equal(sentence, error);
    }

    [Fact]
    public void Each_function_has_a_PCI_function_a_netdev_and_an_RDMA_device()
    {
        Assert.Equal("0", Read("sriov_numvfs"));
        _cable.Nics.SetFunctions(Physical, 2);

        Assert.Equal(["mlx5_0", "mlx5_1", "mlx5_2", "mlx5_3"], RdmaDevices());
        Assert.Equal(("2", "8", "0x1019"), (Read("sriov_numvfs"), Read("sriov_totalvfs"), Read("device")));
        Assert.Equal("0x101a", Read("virtfn1/device"));
        Assert.Equal(4, FunctionsOfDriver());
        Assert.Equal("0x1019", Read("virtfn1/physfn/device"));
        Assert.Equal(_cable.Nics.FunctionsOf(Physical).Last().MacAddress.ToString(), Read($"virtfn1/net/{_cable.NearName}v1/address"));
        Assert.Contains($"{_cable.NearName}v1", Netdevs(), StringComparer.Ordinal);
    }

    [Fact]
    public void Functions_are_taken_away_together()
    {
        _cable.Nics.SetFunctions(Physical, 2);
        _cable.Nics.SetFunctions(Physical, 2);
        InvalidOperationException busy = Assert.Throws<InvalidOperationException>(() => _cable.Nics.SetFunctions(Physical, 1));
        Assert.Equal($"EBUSY: {_cable.NearName} has 2 virtual functions: take them away first, 'emulated-nic {_cable.NearName} numvfs 0'", busy.Message);

        _cable.Nics.SetFunctions(Physical, 0);
        Assert.Equal(["mlx5_0", "mlx5_1"], RdmaDevices());
        Assert.DoesNotContain($"{_cable.NearName}v0", Netdevs(), StringComparer.Ordinal);
        Assert.Equal(("0", false, 2), (Read("sriov_numvfs"), Path.Exists(Path.Combine(Function(), "virtfn0")), FunctionsOfDriver()));
        _cable.Nics.SetFunctions(Physical, 1);
        Assert.Equal(["mlx5_0", "mlx5_1", "mlx5_2"], RdmaDevices());
    }

    [Fact]
    public void Functions_that_come_and_go_leave_no_memory_of_theirs_behind()
    {
        int[] files = new int[4];
        for (int i = 0; i < files.Length; i++)
        {
            _cable.Nics.SetFunctions(Physical, 2);
            _cable.Nics.SetFunctions(Physical, 0);
            files[i] = Directory.GetFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget?.Contains("/memfd:verbena-", StringComparison.Ordinal) == true);
        }

        Assert.Equal(files[0], files[^1]);
    }

    [Fact]
    public void An_address_that_Linux_has_given_a_function_is_shown_and_stays()
    {
        _cable.Nics.SetFunctions(Physical, 1);
        NicDevice function = _cable.Nics.FunctionsOf(Physical).Single();
        MacAddress given = MacAddress.Parse("02:00:00:00:77:01");
        using var linux = new InterfaceRequests(function.Options.Name);
        linux.SetMac(given);
        string shown = $"virtfn0/net/{function.Options.Name}/address";
        Assert.True(SpinWait.SpinUntil(() => !_cable.Nics.Step() && Read(shown) == given.ToString(), TimeSpan.FromSeconds(30)));

        _cable.Nics.SetFunction(function, function.Function! with { SpoofCheck = true });
        Assert.Equal((given.ToString(), given), (Read(shown), function.MacAddress));
    }

    [Fact]
    public void A_virtual_function_has_none_itself()
    {
        _cable.Nics.SetFunctions(Physical, 1);
        NicDevice function = _cable.Nics.FunctionsOf(Physical).Single();
        Assert.Equal($"{_cable.NearName}v0 is a virtual function itself", Assert.Throws<InvalidOperationException>(() => _cable.Nics.SetFunctions(function, 1)).Message);
    }

    [Fact]
    public void A_program_hears_that_its_function_is_gone_and_the_next_one_is_another_device()
    {
        _cable.Nics.SetFunctions(Physical, 1);
        RdmaPort port = _cable.Open($"{_cable.NearName}v0");
        _cable.Nics.SetFunctions(Physical, 0);
        port.ReadEvents();
        Assert.Contains("error the NIC has failed: delete the interface and create it again", port.Describe(), StringComparer.Ordinal);

        _cable.Nics.SetFunctions(Physical, 1);
        Assert.Equal(["mlx5_0", "mlx5_1", "mlx5_3"], RdmaDevices());
        RdmaPort again = _cable.Open($"{_cable.NearName}v0");
        again.SetMacAddress(_cable.Nics.FunctionsOf(Physical).Single().MacAddress);
        RdmaPort far = _cable.Open(_cable.FarName);
        _cable.Send(far, CabledPorts.Frame(again.MacAddress));
        Assert.Single(_cable.Receive(again));
    }

    [Fact]
    public void What_the_port_was_doing_goes_on_while_functions_come_and_go()
    {
        RdmaPort near = _cable.Open(_cable.NearName);
        RdmaPort far = _cable.Open(_cable.FarName);
        foreach (int count in (int[])[2, 0, 1])
        {
            _cable.Nics.SetFunctions(Physical, count);
            _cable.Send(far, CabledPorts.Frame(near.MacAddress, count));
            _cable.Send(near, CabledPorts.Frame(far.MacAddress, count));
            Assert.Equal((1, 1), (_cable.Receive(near).Count, _cable.Receive(far).Count));
        }
    }

    [Fact]
    public void A_name_that_is_taken_leaves_no_function_behind()
    {
        _cable.Nics.SetFunctions(_cable.Nics.Devices[_cable.FarName], 1);
        using var tap = new TapDevice($"{_cable.NearName}v1");
        Assert.Throws<InvalidOperationException>(() => _cable.Nics.SetFunctions(Physical, 2));
        Assert.Empty(_cable.Nics.FunctionsOf(Physical));
        Assert.Equal(["mlx5_0", "mlx5_1", "mlx5_2"], RdmaDevices());
    }

    private static string Read(string path, string directory) => File.ReadAllText(Path.Combine(directory, path)).Trim();

    private string Read(string path) => Read(path, Function());

    /// <summary>The physical function's directory in sysfs.</summary>
    private string Function() => Path.Combine(SysfsTree.Path, "class/net", _cable.NearName, "device");

    /// <summary>How many PCI functions the kernel's driver has, by its directory.</summary>
    private int FunctionsOfDriver() => Directory.GetDirectories(Path.Combine(Function(), "driver")).Count(function => File.Exists(Path.Combine(function, "device")));

    private static IEnumerable<string> Netdevs() => NetworkInterface.GetAllNetworkInterfaces().Select(netdev => netdev.Name);

    private static unsafe string[] RdmaDevices()
    {
        int count;
        ibv_device** devices = ibv_get_device_list(&count);
        string[] names = [.. Enumerable.Range(0, count).Select(i => Marshal.PtrToStringUTF8((nint)devices[i]->name)!).Order(StringComparer.Ordinal)];
        ibv_free_device_list(devices);
        return names;
    }
}
