using System.Text.Json;
using Verbena.Emulator.Record;
using Verbena.Tests.Emulator.Nic;

namespace Verbena.Tests.Emulator.Record;

/// <summary>Work requests and completions in a record.</summary>
public sealed class WorkRecordTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"verbena-work-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    private List<JsonElement> Record(Action<TestPort, TestProgram> work)
    {
        using (NicRecorder recorder = NicRecorder.Start(_file, work: true))
        using (TestPort port = new())
        {
            port.Nic.Records = new WorkRecords(recorder, "mlx5_0");
            using TestProgram program = new(port.Nic);
            program.Flow(Mac);
            work(port, program);
        }

        return [.. File.ReadLines(_file).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static JsonElement Only(List<JsonElement> records, string verb) =>
        Assert.Single(records, record => record.GetProperty("verb").GetString() == verb).GetProperty("in");

    [Fact]
    public void A_send_is_told_piece_by_piece_with_its_completion()
    {
        byte[] frame = TestPort.Frame("02:00:00:00:00:02", length: 100);
        List<JsonElement> records = Record((port, program) =>
        {
            frame.CopyTo(program.Buffer(3));
            byte[] pieces = [.. program.Pointer(3, 40, offset: 18), .. TestProgram.Inline(frame.AsSpan(58, 20)), .. program.Pointer(3, 22, offset: 78)];
            program.Ring(program.WriteSend(frame.AsSpan(0, 18), pieces, checksums: 0xC0));
            port.Run();
        });
        JsonElement wqe = Only(records, "SEND_WQE");
        Assert.Equal(("SEND", "always", "0xc0", 18), (wqe.GetProperty("opcode").GetString(), wqe.GetProperty("completion").GetString(),
            wqe.GetProperty("cs_flags").GetString(), wqe.GetProperty("inline_hdr_sz").GetInt32()));
        JsonElement[] segments = [.. wqe.GetProperty("segments").EnumerateArray()];
        Assert.Equal((3, 40, 20, 22), (segments.Length, segments[0].GetProperty("length").GetInt32(),
            segments[1].GetProperty("inline").GetInt32(), segments[2].GetProperty("length").GetInt32()));
        JsonElement completion = Only(records, "CQE");
        Assert.Equal(("REQ", 0), (completion.GetProperty("opcode").GetString(), completion.GetProperty("wqe_counter").GetInt32()));
        Assert.Equal(wqe.GetProperty("qp_num").GetInt32(), completion.GetProperty("qp_num").GetInt32());
    }

    [Fact]
    public void A_received_frame_is_told_by_its_buffers_and_its_completion()
    {
        List<JsonElement> records = Record((port, program) =>
        {
            program.PostReceive(1);
            port.FromWire(TestPort.Frame(Mac, length: 90));
        });
        JsonElement wqe = Only(records, "RECV_WQE");
        Assert.Equal(TestProgram.BufferBytes, Assert.Single(wqe.GetProperty("segments").EnumerateArray().ToList()).GetProperty("length").GetInt32());
        JsonElement completion = Only(records, "CQE");
        Assert.Equal(("RESP_SEND", 90), (completion.GetProperty("opcode").GetString(), completion.GetProperty("byte_cnt").GetInt32()));
        Assert.Equal((0, 0), (wqe.GetProperty("index").GetInt32(), completion.GetProperty("wqe_counter").GetInt32()));
    }

    [Fact]
    public void An_error_is_told_by_its_syndrome()
    {
        List<JsonElement> records = Record((port, program) =>
        {
            program.Ring(program.WriteSend([], program.Pointer(0, 64, lkey: 1)));
            port.Run();
        });
        Assert.Equal(("REQ_ERR", "LOCAL_PROT_ERR"),
            (Only(records, "CQE").GetProperty("opcode").GetString(), Only(records, "CQE").GetProperty("syndrome").GetString()));
        Assert.Equal("0x1", Only(records, "SEND_WQE").GetProperty("segments")[0].GetProperty("lkey").GetString());
    }
}
