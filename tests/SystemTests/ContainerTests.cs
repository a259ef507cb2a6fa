using System.Diagnostics;

namespace Verbena.SystemTests;

/// <summary>The container image's root file system, laid out once.</summary>
public sealed class ContainerRoot : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("verbena-image-").FullName;

    public ContainerRoot()
    {
        using NetworkNamespace offline = NetworkNamespace.Create(); // it is made without a network
        offline.Run("packaging/container-root", Path);
    }

    public string Path => System.IO.Path.Combine(_folder, "root");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>Containers in namespaces of their own, on two emulated ports with a cable between them.</summary>
public sealed class ContainerTests : IClassFixture<ContainerRoot>, IDisposable
{
    private const ulong NetRaw = 1 << 13; // linux/capability.h

    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly Process _nic;
    private readonly string _ports;

    public ContainerTests(ContainerRoot root)
    {
        Root = root.Path;
        _nic = _host.StartInteractive("./verbena", "nic", "run", "--nic", "one,wire=cable:two", "--nic", "two", "--", "sh", "-c", "echo $VERBENA_NIC_SOCKET; exec cat");
        _ports = Path.GetDirectoryName(_nic.StandardOutput.ReadLine()) ?? throw new InvalidOperationException(_nic.StandardError.ReadToEnd());
    }

    private string Root { get; }

    [Fact]
    public void Two_containers_with_only_CAP_NET_RAW_ping_each_other_and_Linux()
    {
        _host.Run("sh", "-c", "ip link set one up; ip link set two up; ip addr add 10.0.0.101/24 dev one; ip addr add 10.0.0.102/24 dev two");
        using Container first = new(_host, Root, _ports, "NET_RAW");
        using Container second = new(_host, Root, _ports, "NET_RAW");
        GiveInterface(first, "one", "10.0.0.1/24");
        GiveInterface(second, "two", "10.0.0.2/24");
        Assert.Equal((NetRaw, NetRaw), (first.Capabilities, second.Capabilities));
        foreach (string kind in new[] { "user", "mnt", "pid", "net", "ipc" })
        {
            Assert.NotEqual(first.Namespace(kind), second.Namespace(kind), StringComparer.Ordinal);
        }


        foreach ((Container from, string to) in new[] { (first, "10.0.0.2"), (first, "10.0.0.102"), (second, "10.0.0.1"), (second, "10.0.0.101") })
        {
            Assert.Contains("5 sent, 5 received", from.Ctl($"ping {to} repeat 5 interval 0.1"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_CAP_NET_RAW_an_interface_is_refused_in_one_sentence_that_names_it()
    {
        using Container container = new(_host, Root, _ports);
        Assert.Equal(0UL, container.Capabilities);
        CommandResult refused = container.TryCtl("create int rdma host-if one name rdma-0");
        Assert.NotEqual(0, refused.Status);
        string sentence = Assert.Single(refused.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("EPERM", sentence, StringComparison.Ordinal);
        Assert.Contains("CAP_NET_RAW", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("rdma-0", container.Ctl("show int"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_image_has_the_licences_of_all_that_it_carries()
    {
        string[] licences = [.. Directory.EnumerateFileSystemEntries(Path.Combine(Root, "licences")).Select(path => Path.GetFileName(path))];
        Assert.Superset(new HashSet<string>(["verbena", "dotnet", "libibverbs1", "ibverbs-providers", "libc6"], StringComparer.Ordinal), licences.ToHashSet(StringComparer.Ordinal));
    }

    public void Dispose()
    {
        _nic.StandardInput.Close();
        _nic.WaitForExit();
        _nic.Dispose();
        _host.Dispose();
    }

    private static void GiveInterface(Container container, string port, string address)
    {
        container.Ctl($"create int rdma host-if {port} name rdma-0");
        container.Ctl($"set int ip addr rdma-0 {address}");
        container.Ctl("set int st rdma-0 up");
    }
}
