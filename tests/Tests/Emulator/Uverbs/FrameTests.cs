using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Tests.Emulator.Uverbs.RawProgram;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>The frame of a command: what is refused before its object is asked, and with which errno.</summary>
public sealed unsafe class FrameTests : IDisposable
{
    private const ushort Device = (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE;
    private const ushort QueryPort = Methods.UVERBS_METHOD_QUERY_PORT;
    private const uint AllocPd = WriteCommands.IB_USER_VERBS_CMD_ALLOC_PD;
    private const ulong Nowhere = 0x10; // below the lowest address that Linux maps

    private readonly RawProgram _program = new();

    public void Dispose() => _program.Dispose();

    private ib_uverbs_attr Port => _program.Input(UVERBS_ATTR_QUERY_PORT_PORT_NUM, 1UL);

    private ib_uverbs_attr PortAnswer => _program.Output(UVERBS_ATTR_QUERY_PORT_RESP, sizeof(ib_uverbs_query_port_resp_ex), out _);

    [Fact]
    public void An_answer_is_marked_and_what_is_beyond_it_is_zero()
    {
        ib_uverbs_attr output = _program.Output(UVERBS_ATTR_QUERY_PORT_RESP, 64, out byte* answer);
        new Span<byte>(answer, 64).Fill(0xEE);
        Assert.Equal(default, _program.Call(Device, QueryPort, Port, output));
        Assert.True(_program.Answered[1].flags.HasFlag(uverbs_attr_flags.UVERBS_ATTR_F_VALID_OUTPUT), "the answer is marked");
        Assert.Equal(2, ((ib_uverbs_query_port_resp_ex*)answer)->legacy_resp.link_layer);
        Assert.False(new Span<byte>(answer + sizeof(ib_uverbs_query_port_resp_ex), 16).ContainsAnyExcept((byte)0), "zeros follow it");
    }

    [Fact]
    public void A_malformed_header_is_EINVAL()
    {
        _program.Header = new ib_uverbs_ioctl_hdr { driver_id = 2 };
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, Port, PortAnswer));
        _program.Header = new ib_uverbs_ioctl_hdr { driver_id = Ioctl.RDMA_DRIVER_MLX5, length = 16 };
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, Port, PortAnswer));
    }

    [Fact]
    public void A_header_with_reserved_fields_set_is_EPROTONOSUPPORT()
    {
        _program.Header = new ib_uverbs_ioctl_hdr { driver_id = Ioctl.RDMA_DRIVER_MLX5, reserved1 = 1 };
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call(Device, QueryPort, Port, PortAnswer));
        _program.Header = new ib_uverbs_ioctl_hdr { driver_id = Ioctl.RDMA_DRIVER_MLX5, reserved2 = 1 };
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call(Device, QueryPort, Port, PortAnswer));
    }

    [Fact]
    public void A_missing_and_a_repeated_attribute_are_EINVAL()
    {
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, Port));
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, Port, Port, PortAnswer));
    }

    [Fact]
    public void An_attribute_of_a_wrong_length_is_EINVAL()
    {
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, _program.Input(UVERBS_ATTR_QUERY_PORT_PORT_NUM, 1UL, 4), PortAnswer));
        Assert.Equal(Errno.EINVAL, _program.Call(Device, QueryPort, Port, _program.Output(UVERBS_ATTR_QUERY_PORT_RESP, 47, out _)));
        ushort pd = (ushort)uverbs_default_objects.UVERBS_OBJECT_PD;
        uint handle = _program.AllocatePd();
        Assert.Equal(Errno.EINVAL, _program.Call(pd, Methods.UVERBS_METHOD_PD_DESTROY, Attribute(UVERBS_ATTR_DESTROY_PD_HANDLE, 4, handle)));
        Assert.Equal(default, _program.Call(pd, Methods.UVERBS_METHOD_PD_DESTROY, Handle(UVERBS_ATTR_DESTROY_PD_HANDLE, handle)));
    }

    [Fact]
    public void What_is_unknown_is_EPROTONOSUPPORT_unless_it_is_not_mandatory()
    {
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call(19, 0));
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call(Device, 0x77));
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call((ushort)mlx5_ib_objects.MLX5_IB_OBJECT_DEVX, 0x1000));
        Assert.Equal(Errno.EPROTONOSUPPORT, _program.Call(Device, QueryPort, Port, PortAnswer, Attribute(0x77, 4, 0)));
        Assert.Equal(default, _program.Call(Device, QueryPort, Port, PortAnswer, Attribute(0x77, 4, 0, mandatory: false)));
    }

    [Fact]
    public void A_longer_structure_is_taken_if_its_rest_is_zero()
    {
        var input = new ib_uverbs_reg_mr { length = 1 };
        ib_uverbs_attr longer = _program.Input(UVERBS_ATTR_CORE_IN, input, sizeof(ib_uverbs_reg_mr) + 8);
        ib_uverbs_attr Answer() => _program.Output(UVERBS_ATTR_CORE_OUT, sizeof(ib_uverbs_reg_mr_resp), out _);
        Assert.Equal(Errno.EFAULT, _program.Write(WriteCommands.IB_USER_VERBS_CMD_REG_MR, longer, Answer())); // address 0
        ((byte*)longer.data)[sizeof(ib_uverbs_reg_mr)] = 1;
        Assert.Equal(Errno.EOPNOTSUPP, _program.Write(WriteCommands.IB_USER_VERBS_CMD_REG_MR, longer, Answer()));
    }

    [Fact]
    public void A_bad_pointer_is_EFAULT_and_nothing_has_changed()
    {
        Assert.Equal(Errno.EFAULT, _program.CallAt((ib_uverbs_ioctl_hdr*)Nowhere));
        ib_uverbs_attr input = _program.Input(UVERBS_ATTR_CORE_IN, default(ib_uverbs_alloc_pd));
        Assert.Equal(Errno.EFAULT, _program.Write(AllocPd, input, Attribute(UVERBS_ATTR_CORE_OUT, 4, Nowhere)));
        Assert.Equal(Errno.EFAULT, _program.Write(AllocPd, input,
            _program.Output(UVERBS_ATTR_CORE_OUT, 4, out _), Attribute(UVERBS_ATTR_UHW_OUT, 4, Nowhere)));
        Assert.Equal(Errno.EFAULT, _program.Write(WriteCommands.IB_USER_VERBS_CMD_REG_MR,
            Attribute(UVERBS_ATTR_CORE_IN, sizeof(ib_uverbs_reg_mr), Nowhere), _program.Output(UVERBS_ATTR_CORE_OUT, 12, out _)));
        Assert.Empty(_program.Context.Objects);
    }

    [Fact]
    public void An_answer_into_memory_that_may_not_be_written_is_EFAULT()
    {
        void* page = Libc.mmap(null, 4096, Libc.PROT_READ, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        ib_uverbs_attr input = _program.Input(UVERBS_ATTR_CORE_IN, default(ib_uverbs_alloc_pd));
        Assert.Equal(Errno.EFAULT, _program.Write(AllocPd, input, Attribute(UVERBS_ATTR_CORE_OUT, 4, (ulong)page)));
        Assert.Equal(0, Libc.munmap(page, 4096));
    }

    [Fact]
    public void Commands_of_the_older_form_want_their_room_and_are_EOPNOTSUPP_if_unknown()
    {
        Assert.Equal(Errno.ENOSPC, _program.Write(AllocPd));
        Assert.Equal(Errno.ENOSPC, _program.Write(AllocPd, _program.Input(UVERBS_ATTR_CORE_IN, default(ib_uverbs_alloc_pd))));
        Assert.Equal(Errno.EOPNOTSUPP, _program.Write(0x66));
    }

    [Fact]
    public void A_context_comes_first_and_once()
    {
        Assert.Equal(Errno.EINVAL, _program.GetContext());
        using RawProgram early = new(opened: false);
        Assert.Equal(Errno.ENOSPC, early.Write(WriteCommands.IB_USER_VERBS_CMD_QUERY_DEVICE)); // libibverbs' first question
        Assert.Equal(Errno.EINVAL, early.Call(Device, QueryPort,
            early.Input(UVERBS_ATTR_QUERY_PORT_PORT_NUM, 1UL), early.Output(UVERBS_ATTR_QUERY_PORT_RESP, 48, out _)));
    }

    [Fact]
    public void A_handle_of_nothing_or_of_something_else_is_ENOENT()
    {
        uint pd = _program.AllocatePd();
        ushort mr = (ushort)uverbs_default_objects.UVERBS_OBJECT_MR;
        Assert.Equal(Errno.ENOENT, _program.Call(mr, Methods.UVERBS_METHOD_MR_DESTROY, Handle(UVERBS_ATTR_DESTROY_MR_HANDLE, pd)));
        Assert.Equal(Errno.ENOENT, _program.Call(mr, Methods.UVERBS_METHOD_MR_DESTROY, Handle(UVERBS_ATTR_DESTROY_MR_HANDLE, pd + 100)));
        Assert.Equal(Errno.EINVAL, _program.Call(mr, Methods.UVERBS_METHOD_MR_DESTROY, Handle(UVERBS_ATTR_DESTROY_MR_HANDLE, ulong.MaxValue)));
    }
}
