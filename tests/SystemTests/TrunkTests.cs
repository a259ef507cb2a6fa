using System.Diagnostics;
using System.Globalization;

namespace Verbena.SystemTests;

/// <summary>VLANs on a cable between two ports of Verbena, with a Linux host behind each; the kernel of some machines knows no VLANs itself.</summary>
public sealed class TrunkTests : IDisposable
{
    private readonly SwitchLab _lab = new(trunk: true);

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Two_bridge_domains_are_one_network_by_a_VLAN_whose_tag_each_pushes_on_output_and_pops_on_input()
    {
        _lab.SetAddress(0, "10.0.0.2/24");
        _lab.SetAddress(1, "10.0.0.3/24");
        Bridge("port0", AddPoppingSubInterface(2, 100), domain: 10);
        Bridge("port1", AddPoppingSubInterface(3, 100), domain: 20);
        using Process capture = StartCapture("vlan 100 and icmp");

        _lab.ExpectPing(0, "10.0.0.3");
        _lab.ExpectPing(1, "10.0.0.2", "-s", "1472", "-M", "do"); // with its tag longer than an untagged frame may be
        Assert.Empty(_lab.Drops());
        capture.WaitForExit();
        Assert.Contains("vlan 100", capture.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_of_another_VLAN_is_dropped_under_its_reason()
    {
        _lab.SetAddress(0, "10.0.0.2/24");
        _lab.SetAddress(1, "10.0.0.3/24");
        Bridge("port0", AddPoppingSubInterface(2, 100), domain: 10);
        Bridge("port1", AddPoppingSubInterface(3, 101), domain: 20);
        _lab.ExpectNoPing(0, "10.0.0.3");
        Assert.Contains(_lab.Drops(), line => line.Contains("unknown vlan", StringComparison.Ordinal));
    }

    [Fact]
    public void A_sub_interface_routes_and_answers_on_its_VLAN()
    {
        _lab.SetAddress(0, "10.0.0.2/24");
        _lab.SetAddress(1, "10.0.1.3/24");
        _lab.Hosts[0].Run("ip", "route", "add", "default", "via", "10.0.0.1");
        _lab.Hosts[1].Run("ip", "route", "add", "default", "via", "10.0.1.1");
        Bridge("port0", AddPoppingSubInterface(2, 100), domain: 10);
        string routed = AddSubInterface(3, 100);
        _lab.Ctl($"set interface ip address {routed} 10.0.0.1/24");
        _lab.Ctl("set interface ip address port1 10.0.1.1/24");

        _lab.ExpectPing(0, "10.0.0.1");
        _lab.ExpectPing(0, "10.0.1.3");
        Assert.Contains("3 sent, 3 received", _lab.Ctl("ping 10.0.0.2 repeat 3 interval 0.1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_tags_pushed_where_frames_enter_are_popped_where_they_leave()
    {
        _lab.SetAddress(0, "10.0.0.2/24");
        _lab.SetAddress(1, "10.0.0.3/24");
        Bridge("port0", "port2", domain: 10);
        Bridge("port1", "port3", domain: 20);
        _lab.Ctl("set interface l2 tag-rewrite port0 push dot1ad 300 7");
        _lab.Ctl("set interface l2 tag-rewrite port1 push dot1ad 300 7");
        using Process capture = StartCapture("ether proto 0x88a8");
        _lab.ExpectPing(0, "10.0.0.3");
        capture.WaitForExit();
        Assert.Contains("vlan 300", capture.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
    }

    private string AddSubInterface(int port, int vlan)
    {
        string name = _lab.Ctl(string.Create(CultureInfo.InvariantCulture, $"create sub-interfaces port{port} {vlan}")).Trim();
        _lab.Ctl($"set interface state {name} up");
        return name;
    }

    private string AddPoppingSubInterface(int port, int vlan)
    {
        string name = AddSubInterface(port, vlan);
        _lab.Ctl($"set interface l2 tag-rewrite {name} pop 1");
        return name;
    }

    private void Bridge(string one, string other, int domain)
    {
        foreach (string member in new[] { one, other })
        {
            _lab.Ctl(string.Create(CultureInfo.InvariantCulture, $"set interface l2 bridge {member} {domain}"));
        }
    }

    /// <summary>Looks at the trunk with a program of others, until it has seen a frame.</summary>
    private Process StartCapture(string filter)
    {
        Process capture = _lab.Machine.StartProgram("timeout", "30", "tcpdump", "-n", "-e", "-l", "-c", "1", "-i", "trunk3", filter);
        Assert.Contains("trunk3", ReadUntilListening(capture), StringComparison.Ordinal);
        return capture;
    }

    private static string ReadUntilListening(Process capture)
    {
        while (capture.StandardError.ReadLine() is { } line)
        {
            if (line.Contains("listening", StringComparison.Ordinal))
            {
                return line;
            }
        }

        return "tcpdump did not start";
    }
}
