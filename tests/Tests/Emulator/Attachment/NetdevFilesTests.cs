using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Packets;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Attachment;

/// <summary>What sysfs says of a netdev.</summary>
public sealed class NetdevFilesTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("verbena-netdev-");
    private readonly TestPort _port = new();
    private readonly NetdevFiles _files;

    public NetdevFilesTests()
    {
        NetdevFiles.Make(_directory.FullName, NicIdentity.Of(_port.Nic.Options, 0));
        _files = new NetdevFiles(_directory.FullName, _port.Nic);
        _port.Run();
        _files.Refresh();
    }

    public void Dispose()
    {
        _port.Dispose();
        _directory.Delete(recursive: true);
    }

    private string this[string file] => File.ReadAllText(Path.Combine(_directory.FullName, file)).TrimEnd();

    [Fact]
    public void Speed_and_duplex_are_those_of_the_link()
    {
        Assert.Equal(("100000", "full"), (this["speed"], this["duplex"]));
        _port.Nic.SetCarrier(false);
        _files.Refresh();
        Assert.Equal(("-1", "unknown"), (this["speed"], this["duplex"]));
    }

    [Fact]
    public void Address_and_MTU_follow_Linux()
    {
        _port.Netdev.SetMacAddress(MacAddress.Parse("02:00:00:00:00:bb"));
        _port.Netdev.MtuBytes = 9000;
        _files.Refresh();
        Assert.Equal(("02:00:00:00:00:bb", "9000"), (this["address"], this["mtu"]));
    }

    [Theory]
    [InlineData("tx_queue_len")]
    [InlineData("queues")]
    [InlineData("uevent")]
    [InlineData("carrier")]
    [InlineData("operstate")]
    [InlineData("statistics")]
    public void The_rest_is_what_Linux_has_of_the_interface(string name) =>
        Assert.Equal($"/sys/devices/virtual/net/near/{name}", new FileInfo(Path.Combine(_directory.FullName, name)).LinkTarget);
}
