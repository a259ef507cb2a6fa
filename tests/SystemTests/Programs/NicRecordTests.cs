using System.Text.Json;

namespace Verbena.SystemTests.Programs;

/// <summary>What <c>verbena nic run --record</c> writes of perftest, and <c>nic show</c> prints.</summary>
public sealed class NicRecordTests : IDisposable
{
    private const int Frames = 10;
    private static readonly string[] s_client = ["--client", "-B", "02:00:00:00:00:01", "-E", "02:00:00:00:00:02"];
    private static readonly string[] s_server = ["--server", "-B", "02:00:00:00:00:02", "-E", "02:00:00:00:00:01"];

    private readonly NetworkNamespace _host = NetworkNamespace.Create();
    private readonly string _record = Path.GetTempFileName();

    public void Dispose()
    {
        _host.Dispose();
        File.Delete(_record);
    }

    [Fact]
    public void Work_of_a_sender_is_each_frame_and_its_completion()
    {
        List<JsonElement> records = Record("sink", ["--record-work"], [.. s_client, "-I", "0"]);
        Assert.Equal(Frames, Count(records, "SEND_WQE", "opcode", "SEND"));
        JsonElement first = records.First(record => Verb(record) == "SEND_WQE").GetProperty("in");
        int inline = first.GetProperty("inline_hdr_sz").GetInt32();
        Assert.Equal(60 - inline, first.GetProperty("segments")[0].GetProperty("length").GetInt32());
        Assert.Equal(records.Count(record => Verb(record) == "CQE"), Count(records, "CQE", "opcode", "REQ"));
        Assert.Equal(Frames - 1, records.Last(record => Verb(record) == "CQE").GetProperty("in").GetProperty("wqe_counter").GetInt32());

        string[] shown = _host.Run("./verbena", "nic", "show", _record, "--verb", "send_wqe").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1 + Frames, shown.Length);
        Assert.Matches(@" SEND_WQE +mlx5_0 qp_num=\d+ index=0 opcode=SEND ", shown[1]);
    }

    [Fact]
    public void Work_of_a_receiver_is_each_buffer_that_was_filled_and_its_completion()
    {
        List<JsonElement> records = Record($"generator:size=60:count={Frames}", ["--record-work"], s_server);
        Assert.Equal(Frames, records.Count(record => Verb(record) == "RECV_WQE"));
        Assert.Equal(Frames, Count(records, "CQE", "opcode", "RESP_SEND"));
        Assert.All(records.Where(record => Verb(record) == "CQE"), record => Assert.Equal(60, record.GetProperty("in").GetProperty("byte_cnt").GetInt32()));
    }

    [Fact]
    public void Work_is_recorded_only_where_it_is_asked_for()
    {
        List<JsonElement> records = Record("sink", [], s_client);
        Assert.Contains(records, record => Verb(record) == "CQ_CREATE");
        Assert.DoesNotContain(records, record => Verb(record) is "SEND_WQE" or "RECV_WQE" or "CQE");
    }

    [Fact]
    public void Work_without_a_file_to_record_it_in_is_refused()
    {
        CommandResult refused = _host.Try("./verbena", "nic", "run", "--record-work", "--", "echo", "started");
        Assert.Equal(new CommandResult(1, "verbena: --record-work says what to record, and --record FILE where: give both\n"), refused);
    }

    private static string? Verb(JsonElement record) => record.GetProperty("verb").GetString();

    private static int Count(List<JsonElement> records, string verb, string property, string value) =>
        records.Count(record => Verb(record) == verb && record.GetProperty("in").GetProperty(property).GetString() == value);

    private List<JsonElement> Record(string wire, string[] options, string[] perftest)
    {
        _host.Run(["./verbena", "nic", "run", "--nic", $"cx0,wire={wire}", "--record", _record, .. options, "--",
            "timeout", "60", "raw_ethernet_bw", "-d", "mlx5_0", "-s", "64", "-n", $"{Frames}", "-r", "64", .. perftest]);
        return [.. File.ReadLines(_record).Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
