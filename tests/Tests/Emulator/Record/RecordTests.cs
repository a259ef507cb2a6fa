using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Record;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using Verbena.Tests.Emulator.Uverbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Record;

/// <summary>What a record says of programs above the real libibverbs and libmlx5.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class RecordTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"verbena-record-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    /// <summary>Runs a program on a NIC that is recorded, and reads the record.</summary>
    private List<JsonElement> Record(Action<EmulatedNics> program)
    {
        var options = new NicOptions($"vt{RandomNumberGenerator.GetHexString(8, true)}");
        using (NicRecorder recorder = NicRecorder.Start(_file))
        using (EmulatedNics nics = EmulatedNics.Attach([options], NullLogger.Instance, stepped: true, recorder: recorder))
        {
            program(nics);
        }

        return [.. File.ReadLines(_file).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static JsonElement Only(List<JsonElement> records, string verb) =>
        Assert.Single(records, record => record.GetProperty("verb").GetString() == verb);

    [Fact]
    public void Each_verb_is_a_line_from_opening_to_closing()
    {
        List<JsonElement> records = Record(_ => VerbsProgram.Start(0).Dispose());
        string[] verbs = [.. records.Select(record => record.GetProperty("verb").GetString()!)];
        Assert.Equal("OPEN", verbs[0]);
        Assert.Equal("CLOSE", verbs[^1]);
        string[] made = ["GET_CONTEXT", "ALLOC_PD", "REG_MR", "CQ_CREATE", "QP_CREATE", "QP_DESTROY", "CQ_DESTROY", "MR_DESTROY", "PD_DESTROY"];
        IEnumerable<string> seen = verbs.Where(verb => made.Contains(verb, StringComparer.Ordinal));
        Assert.Equal(made, seen.SkipWhile(verb => verb == "GET_CONTEXT").Prepend("GET_CONTEXT"), StringComparer.Ordinal);
        Assert.All(records, record =>
        {
            Assert.Equal(("mlx5_0", Environment.ProcessId), (record.GetProperty("device").GetString(), record.GetProperty("pid").GetInt32()));
            Assert.Equal(1, record.GetProperty("context").GetInt32());
            Assert.True(record.GetProperty("duration").GetInt64() > 0, "it took some time");
        });
        long[] times = [.. records.Select(record => record.GetProperty("time").GetInt64())];
        Assert.Equal(times.Order(), times);
        Assert.Equal(0, records[^1].GetProperty("in").GetProperty("objects_left").GetInt32());
    }

    [Fact]
    public void Attributes_stand_by_their_names_and_structures_by_their_fields()
    {
        List<JsonElement> records = Record(_ =>
        {
            using VerbsProgram program = VerbsProgram.Start(0);
            Assert.Equal(0, program.MoveToReadyToSend());
        });
        JsonElement created = Only(records, "CQ_CREATE");
        Assert.Equal(("CQ", "CQ_CREATE"), (created.GetProperty("object").GetString(), created.GetProperty("method").GetString()));
        Assert.Equal((63, 0), (created.GetProperty("in").GetProperty("cqe").GetInt32(), created.GetProperty("in").GetProperty("comp_vector").GetInt32()));
        Assert.Equal(64, created.GetProperty("in").GetProperty("mlx5").GetProperty("cqe_size").GetInt32());
        Assert.StartsWith("0x", created.GetProperty("in").GetProperty("mlx5").GetProperty("buf_addr").GetString(), StringComparison.Ordinal);
        Assert.Equal(63, created.GetProperty("out").GetProperty("resp_cqe").GetInt32());

        JsonElement pair = Only(records, "QP_CREATE");
        Assert.Equal(16, pair.GetProperty("in").GetProperty("cap").GetProperty("max_send_wr").GetInt32());
        Assert.Equal(created.GetProperty("out").GetProperty("handle").GetInt32(), pair.GetProperty("in").GetProperty("send_cq_handle").GetInt32());
        IEnumerable<string?> states = records.Where(record => record.GetProperty("verb").GetString() == "MODIFY_QP")
            .Select(record => record.GetProperty("in").GetProperty("qp_state").GetString());
        Assert.Equal(["INIT", "RTR", "RTS"], states, StringComparer.Ordinal);

        JsonElement region = Only(records, "REG_MR");
        Assert.Equal(VerbsProgram.BufferBytes, region.GetProperty("in").GetProperty("length").GetInt32());
        Assert.True(region.GetProperty("out").TryGetProperty("lkey", out _));
    }

    [Fact]
    public void A_flow_is_told_with_its_specifications()
    {
        List<JsonElement> records = Record(_ =>
        {
            using VerbsProgram program = VerbsProgram.Start(0);
            byte* rule = stackalloc byte[sizeof(ibv_flow_attr) + sizeof(ibv_flow_spec_eth)];
            *(ibv_flow_attr*)rule = new ibv_flow_attr
            {
                size = (ushort)(sizeof(ibv_flow_attr) + sizeof(ibv_flow_spec_eth)),
                num_of_specs = 1,
                port = 1,
            };
            *(ibv_flow_spec_eth*)(rule + sizeof(ibv_flow_attr)) = new ibv_flow_spec_eth
            {
                type = ibv_flow_spec_type.IBV_FLOW_SPEC_ETH,
                size = (ushort)sizeof(ibv_flow_spec_eth),
                val = new ibv_flow_eth_filter { dst_mac = MacAddress.Parse("02:00:00:00:00:07") },
                mask = new ibv_flow_eth_filter { dst_mac = MacAddress.Broadcast },
            };
            Assert.Equal(0, ibv_destroy_flow(VerbsProgram.Must(ibv_create_flow(program.Qp, (ibv_flow_attr*)rule))));
        });
        JsonElement flow = Only(records, "CREATE_FLOW").GetProperty("in");
        JsonElement spec = Assert.Single(flow.GetProperty("specs").EnumerateArray().ToList());
        Assert.Equal("ETH", spec.GetProperty("type").GetString());
        Assert.Equal("02:00:00:00:00:07", spec.GetProperty("val").GetProperty("dst_mac").GetString());
        Assert.Equal("ff:ff:ff:ff:ff:ff", spec.GetProperty("mask").GetProperty("dst_mac").GetString());
        Assert.Equal(1, flow.GetProperty("flow_attr").GetProperty("num_of_specs").GetInt32());
    }

    [Fact]
    public void A_refusal_is_told_with_errno_and_reason()
    {
        List<JsonElement> records = Record(nics =>
        {
            ibv_context* context = VerbsProgram.Open(0);
            nics.Faults.FailCommand("ALLOC_PD", (int)Errno.ENOMEM);
            Assert.True(ibv_alloc_pd(context) == null, "the command is told to fail");
            Assert.Equal(0, ibv_close_device(context));
        });
        JsonElement refused = Only(records, "ALLOC_PD");
        Assert.Equal("ENOMEM", refused.GetProperty("answer").GetString());
        Assert.Contains("ALLOC_PD", refused.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.False(refused.TryGetProperty("out", out _), "nothing was answered");
        JsonElement devx = records.First(record => record.TryGetProperty("object", out JsonElement name) && name.GetString() == "DEVX");
        Assert.Equal("EPROTONOSUPPORT", devx.GetProperty("answer").GetString());
    }

    [Fact]
    public void Commands_that_are_not_known_or_malformed_are_recorded_too()
    {
        using (NicRecorder recorder = NicRecorder.Start(_file))
        using (var program = new RawProgram(recorder: recorder))
        {
            _ = program.Call(99, 7, RawProgram.Attribute(3, 4, 1));
            _ = program.CallAt((ib_uverbs_ioctl_hdr*)0x10);
            _ = program.Write(0x66);
        }

        JsonElement[] records = [.. File.ReadLines(_file).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(("0x63", "0x7"), (records[2].GetProperty("object").GetString(), records[2].GetProperty("method").GetString()));
        Assert.Equal(("IOCTL", "EFAULT"), (records[3].GetProperty("verb").GetString(), records[3].GetProperty("answer").GetString()));
        Assert.Equal(("0x66", "EOPNOTSUPP"),
            (records[4].GetProperty("in").GetProperty("command").GetString(), records[4].GetProperty("answer").GetString()));
    }

    [Fact]
    public void Several_recorders_append_to_one_file_and_a_lost_descriptor_is_opened_anew()
    {
        File.WriteAllText(_file, "before\n");
        using (NicRecorder first = NicRecorder.Start(_file))
        using (NicRecorder second = NicRecorder.Start(_file))
        {
            first.Begin("mlx5_0", "ONE", NicRecorder.Now()).Dispose();
            second.Begin("mlx5_0", "TWO", NicRecorder.Now()).Dispose();
            File.Move(_file, _file + ".moved");
            first.Begin("mlx5_0", "THREE", NicRecorder.Now()).Dispose(); // the file is still that file
        }

        string[] lines = File.ReadAllLines(_file + ".moved");
        File.Delete(_file + ".moved");
        Assert.Equal("before", lines[0]);
        IEnumerable<string?> verbs = lines[1..].Select(line => JsonDocument.Parse(line).RootElement.GetProperty("verb").GetString());
        Assert.Equal(["ONE", "TWO", "THREE"], verbs, StringComparer.Ordinal);
    }
}
