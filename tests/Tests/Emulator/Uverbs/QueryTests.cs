using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What the real libibverbs and libmlx5 are told about an emulated NIC.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class QueryTests
{
    private readonly string _name = $"vt{RandomNumberGenerator.GetHexString(8, true)}";

    private EmulatedNics Attach(string options)
    {
        Assert.True(NicOptions.TryParse($"{_name},{options}", out NicOptions parsed, out string error), error);
        return EmulatedNics.Attach([parsed], NullLogger.Instance, stepped: true);
    }

    [Theory]
    [InlineData("connectx-4", 4115, "12.28.2006")]
    [InlineData("connectx-5", 4119, "16.35.2000")]
    [InlineData("connectx-5-ex", 4121, "16.35.2000")]
    public void The_model_is_what_the_options_say(string model, int part, string firmware)
    {
        using EmulatedNics nics = Attach($"model={model}");
        ibv_context* context = VerbsProgram.Open(0);
        ibv_device_attr device;
        Assert.Equal(0, ibv_query_device(context, &device));
        Assert.Equal((0x2C9u, (uint)part), (device.vendor_id, device.vendor_part_id));
        Assert.Equal(firmware, Marshal.PtrToStringUTF8((nint)device.fw_ver));
        Assert.Equal(0, ibv_close_device(context));
    }

    [Fact]
    public void The_port_wants_global_routes_as_RoCE_does()
    {
        const byte Required = 1; // IBV_QPF_GRH_REQUIRED
        using EmulatedNics nics = Attach("speed=100");
        ibv_context* context = VerbsProgram.Open(0);
        ibv_port_attr port;
        Assert.Equal(0, ibv_query_port(context, 1, &port, (nuint)sizeof(ibv_port_attr)));
        Assert.Equal((ibv_link_layer.IBV_LINK_LAYER_ETHERNET, Required), (port.link_layer, port.flags));
        Assert.Equal(0, ibv_close_device(context));
    }

    [Fact]
    public void A_queue_pair_says_its_state_and_sizes()
    {
        using EmulatedNics nics = Attach("speed=100");
        using VerbsProgram program = VerbsProgram.Start(0);
        Assert.Equal((ibv_qp_state.IBV_QPS_RESET, ibv_qp_state.IBV_QPS_RESET), (Query(program).qp_state, Query(program).cur_qp_state));
        Assert.Equal(0, program.MoveToReadyToSend());
        ibv_qp_attr attributes = Query(program);
        Assert.Equal((ibv_qp_state.IBV_QPS_RTS, 1), (attributes.qp_state, attributes.port_num));
        Assert.Equal((16u, 1u), (attributes.cap.max_recv_wr, attributes.cap.max_recv_sge));
    }

    private static ibv_qp_attr Query(VerbsProgram program)
    {
        ibv_qp_attr attributes;
        ibv_qp_init_attr creation;
        Assert.Equal(0, ibv_query_qp(program.Qp, &attributes, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_CAP, &creation));
        return attributes;
    }

    [Fact]
    public void A_queue_pair_moves_along_the_states_of_raw_packets_only()
    {
        const ibv_qp_attr_mask State = ibv_qp_attr_mask.IBV_QP_STATE;
        const int Refused = (int)Errno.EINVAL;
        using EmulatedNics nics = Attach("speed=100");
        using VerbsProgram program = VerbsProgram.Start(0);
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_INIT, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_INIT, State | ibv_qp_attr_mask.IBV_QP_PORT | ibv_qp_attr_mask.IBV_QP_QKEY));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_RTR, State));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_INIT, State | ibv_qp_attr_mask.IBV_QP_PORT));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_INIT, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_RTS, State));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_RTR, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_RTR, State));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_RTS, State));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_RTS, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_SQD, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_INIT, State | ibv_qp_attr_mask.IBV_QP_PORT));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_ERR, State));
        Assert.Equal(Refused, program.Modify(ibv_qp_state.IBV_QPS_RTS, State));
        Assert.Equal(0, program.Modify(ibv_qp_state.IBV_QPS_RESET, State));
        Assert.Equal(0, program.MoveToReadyToSend());
    }

    [Fact]
    public void A_rate_limit_up_to_the_port_s_fastest_is_taken()
    {
        using EmulatedNics nics = Attach("speed=100");
        using VerbsProgram program = VerbsProgram.Start(0);
        Assert.Equal(0, program.MoveToReadyToSend());
        var attributes = new ibv_qp_attr { qp_state = ibv_qp_state.IBV_QPS_RTS, rate_limit = 100_000_001 };
        const ibv_qp_attr_mask Mask = ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_RATE_LIMIT;
        Assert.Equal((int)Errno.EINVAL, ibv_modify_qp(program.Qp, &attributes, Mask));
        attributes.rate_limit = 1000;
        Assert.Equal(0, ibv_modify_qp(program.Qp, &attributes, Mask));
        attributes.rate_limit = 0;
        Assert.Equal(0, ibv_modify_qp(program.Qp, &attributes, Mask));
        Assert.Equal(0, ibv_modify_qp(program.Qp, &attributes, ibv_qp_attr_mask.IBV_QP_RATE_LIMIT));
    }
}
