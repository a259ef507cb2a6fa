using System.Globalization;

namespace Verbena.SystemTests.Programs;

/// <summary>A network namespace in which testpmd runs. Frames come from and go to raw sockets at the far ends of its ports' wires.</summary>
public abstract class TestpmdLab : IDisposable
{
    private protected TestpmdLab() =>
        Host.Run("sh", "-c", "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done"); // Linux says nothing by itself

    private protected NetworkNamespace Host { get; } = NetworkNamespace.Create();

    public void Dispose()
    {
        Host.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected FarEnd Plug(string netdev, int mtu = 1500)
    {
        Host.Run("ip", "link", "set", netdev, "mtu", mtu.ToString(CultureInfo.InvariantCulture), "up");
        return new FarEnd(Host, netdev);
    }
}
