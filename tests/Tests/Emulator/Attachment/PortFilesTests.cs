using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Attachment;

/// <summary>What sysfs says of a port.</summary>
public sealed class PortFilesTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("verbena-port-");
    private readonly TestPort _port = new();
    private readonly PortFiles _files;

    public PortFilesTests()
    {
        PortFiles.Make(_directory.FullName, NicIdentity.Of(_port.Nic.Options, 0));
        _files = new PortFiles(_directory.FullName, _port.Nic);
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
    public void State_and_rate_are_the_ports()
    {
        Assert.Equal(("4: ACTIVE", "5: LinkUp", "100 Gb/sec (4X EDR)"), (this["state"], this["phys_state"], this["rate"]));
        _port.Nic.SetCarrier(false);
        _files.Refresh();
        Assert.Equal(("1: DOWN", "3: Disabled", "1"), (this["state"], this["phys_state"], this["counters/link_downed"]));
    }

    [Fact]
    public void How_often_the_link_went_down_is_the_ports_to_count()
    {
        foreach (bool up in (bool[])[false, true, false, true])
        {
            _port.Nic.SetCarrier(up);
        }

        new PortFiles(_directory.FullName, _port.Nic).Refresh(); // as after virtual functions have come or gone
        Assert.Equal(("4: ACTIVE", "2"), (this["state"], this["counters/link_downed"]));
    }

    [Fact]
    public void Counters_move_with_the_traffic()
    {
        using TestProgram program = new(_port.Nic);
        program.Flow(Mac);
        program.PostReceive(2);
        _port.FromWire(Enumerable.Range(0, 3).Select(_ => TestPort.Frame(Mac, length: 100)));
        program.Send(TestPort.Frame("02:00:00:00:00:02", length: 80));
        _port.Run();
        _files.Refresh();
        Assert.Equal(("3", "75"), (this["counters/port_rcv_packets"], this["counters/port_rcv_data"]));
        Assert.Equal(("1", "20"), (this["counters/port_xmit_packets"], this["counters/port_xmit_data"]));
        Assert.Equal("1", this["hw_counters/out_of_buffer"]);
        Assert.Equal("0", this["hw_counters/rnr_nak_retry_err"]);
    }

    [Fact]
    public void Completions_with_errors_are_counted()
    {
        using TestProgram program = new(_port.Nic);
        program.Flow(Mac);
        program.PostReceive(1, lengthBytes: 10);
        _port.FromWire(TestPort.Frame(Mac));
        program.Ring(program.WriteSend([], program.Pointer(0, 64, lkey: 1)));
        _port.Run();
        program.Ring(program.WriteSend([], program.Pointer(0, 64)));
        _port.Run();
        _files.Refresh();
        Assert.Equal(("1", "1", "0"),
            (this["hw_counters/resp_cqe_error"], this["hw_counters/resp_local_length_error"], this["hw_counters/resp_cqe_flush_error"]));
        Assert.Equal(("2", "1"), (this["hw_counters/req_cqe_error"], this["hw_counters/req_cqe_flush_error"]));
    }

    [Fact]
    public void Who_has_a_file_open_reads_on_and_what_has_not_changed_is_not_written()
    {
        string untouched = Path.Combine(_directory.FullName, "counters", "port_xmit_packets");
        File.WriteAllText(untouched, "mark");
        using FileStream open = new(Path.Combine(_directory.FullName, "counters/port_rcv_packets"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        _port.FromWire(TestPort.Frame(Mac));
        _files.Refresh();
        Assert.Equal((byte)'1', open.ReadByte());
        Assert.Equal("mark", this["counters/port_xmit_packets"]);
    }

    [Fact]
    public void The_files_of_an_mlx5_are_there_before_the_port_is()
    {
        DirectoryInfo other = Directory.CreateTempSubdirectory("verbena-port-");
        PortFiles.Make(other.FullName, NicIdentity.Of(new NicOptions("eth9"), 0));
        Assert.Equal("Ethernet\n", File.ReadAllText(Path.Combine(other.FullName, "link_layer")));
        Assert.StartsWith("fe80:0000:0000:0000:", File.ReadAllText(Path.Combine(other.FullName, "gids", "0")), StringComparison.Ordinal);
        Assert.Equal("0\n", File.ReadAllText(Path.Combine(other.FullName, "hw_counters", "out_of_buffer")));
        other.Delete(recursive: true);
    }
}
