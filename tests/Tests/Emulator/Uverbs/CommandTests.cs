using Verbena.Emulator.Nic;
using Verbena.Emulator.Uverbs;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;
using static Verbena.Tests.Emulator.Uverbs.RawProgram;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>Commands that libmlx5 issues seldom or never, and answers that it does not hand on.</summary>
public sealed unsafe class CommandTests : IDisposable
{
    private const ushort Device = (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE;
    private const ushort Mr = (ushort)uverbs_default_objects.UVERBS_OBJECT_MR;

    private readonly RawProgram _program = new();

    public void Dispose() => _program.Dispose();

    [Fact]
    public void QUERY_CONTEXT_repeats_what_GET_CONTEXT_said()
    {
        ib_uverbs_attr output = _program.Output(MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX, sizeof(mlx5_ib_alloc_ucontext_resp), out byte* answer);
        ib_uverbs_attr vectors = _program.Output(UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS, 4, out byte* count);
        Assert.Equal(default, _program.Call(Device, Methods.UVERBS_METHOD_QUERY_CONTEXT, output, vectors));
        Assert.Equal((512u, 1), (((mlx5_ib_alloc_ucontext_resp*)answer)->bf_reg_size, ((mlx5_ib_alloc_ucontext_resp*)answer)->cqe_version));
        Assert.True(*(uint*)count > 0, "there are completion vectors");
    }

    [Fact]
    public void The_GID_table_has_entries_and_gaps()
    {
        Assert.Equal(default, GidEntry(0));
        Assert.Equal(default, GidEntry(1));
        Assert.Equal(Errno.ENODATA, GidEntry(2));
        Assert.Equal(Errno.ENODATA, GidEntry(255));
        Assert.Equal(Errno.EINVAL, GidEntry(256));
        Assert.Equal(Errno.EINVAL, GidEntry(0, port: 2));
    }

    private Errno GidEntry(ulong index, ulong port = 1) => _program.Call(Device, Methods.UVERBS_METHOD_QUERY_GID_ENTRY,
        _program.Input(UVERBS_ATTR_QUERY_GID_ENTRY_PORT, port), _program.Input(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX, index),
        _program.Input(UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS, 0u),
        _program.Output(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, sizeof(ib_uverbs_gid_entry), out _));

    [Theory]
    [InlineData(32, 64, 0)]
    [InlineData(32, 32, Errno.EINVAL)] // one entry too few
    [InlineData(32, 0, Errno.EINVAL)]
    [InlineData(32, 65, Errno.EINVAL)]
    [InlineData(0, 64, Errno.EINVAL)]
    [InlineData(24, 48, 0)] // an older program's shorter entries
    public void The_whole_GID_table_wants_room(int entry, int room, Errno expected)
    {
        ib_uverbs_attr output = _program.Output(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, room, out byte* entries);
        Errno answer = _program.Call(Device, Methods.UVERBS_METHOD_QUERY_GID_TABLE, output,
            _program.Input(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, (ulong)entry),
            _program.Output(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, 8, out byte* count));
        Assert.Equal(expected, answer);
        if (expected == default)
        {
            Assert.Equal(2UL, *(ulong*)count);
            Assert.Equal((0xFE, 1u), (entries[entry], *(uint*)(entries + entry + 16))); // a link-local address, index 1
        }
    }

    [Fact]
    public void A_region_keeps_its_key_when_it_is_registered_anew()
    {
        uint first = _program.AllocatePd();
        uint second = _program.AllocatePd();
        byte* memory = _program.Allocate(8192);
        (uint handle, uint lkey) = Register(first, memory);
        Assert.Equal((default, lkey), Reregister(new ib_uverbs_rereg_mr { mr_handle = handle, flags = 2, pd_handle = second }));
        ushort pd = (ushort)uverbs_default_objects.UVERBS_OBJECT_PD;
        Assert.Equal(Errno.EBUSY, _program.Call(pd, Methods.UVERBS_METHOD_PD_DESTROY, Handle(UVERBS_ATTR_DESTROY_PD_HANDLE, second)));
        Assert.Equal(default, _program.Call(pd, Methods.UVERBS_METHOD_PD_DESTROY, Handle(UVERBS_ATTR_DESTROY_PD_HANDLE, first)));

        ulong start = (ulong)memory + 64;
        Assert.Equal((default, lkey), Reregister(new ib_uverbs_rereg_mr { mr_handle = handle, flags = 1, start = start, length = 100, hca_va = start }));
        Assert.Equal((lkey, 100UL, start), Query(handle));
    }

    [Fact]
    public void A_region_that_has_moved_to_a_younger_protection_domain_goes_with_all_the_rest()
    {
        (uint handle, _) = Register(_program.AllocatePd(), _program.Allocate(8192));
        uint younger = _program.AllocatePd();
        Assert.Equal(default, Reregister(new ib_uverbs_rereg_mr { mr_handle = handle, flags = 2, pd_handle = younger }).Errno);
        _program.Uverbs.Close(_program.Context);
        Assert.Empty(_program.Context.Objects);
    }

    [Fact]
    public void What_can_not_be_registered_anew_stays_as_it_was()
    {
        byte* memory = _program.Allocate(4096);
        (uint handle, uint lkey) = Register(_program.AllocatePd(), memory);
        var asked = new ib_uverbs_rereg_mr { mr_handle = handle };
        Assert.Equal(Errno.EINVAL, Reregister(asked).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, Reregister(asked with { flags = 8 }).Errno);
        Assert.Equal(Errno.ENOENT, Reregister(asked with { flags = 2, pd_handle = 99 }).Errno);
        Assert.Equal(Errno.EINVAL, Reregister(asked with { flags = 4, access_flags = 2 }).Errno); // remote write without local write
        Assert.Equal(Errno.EINVAL, Reregister(asked with { flags = 1, start = 0x10001, length = 8, hca_va = 0x20000 }).Errno);
        Assert.Equal(Errno.EFAULT, Reregister(asked with { flags = 1, start = 0x10, length = 8, hca_va = 0x10 }).Errno);
        Assert.Equal((lkey, 4096UL, (ulong)memory), Query(handle));
    }

    [Theory]
    [InlineData(ulong.MaxValue - 2047, 1u, Errno.EINVAL)] // beyond the end of all addresses, and around
    [InlineData(ulong.MaxValue - 4095, 1u, Errno.EINVAL)]
    [InlineData(1UL << 62, 1u, Errno.EFAULT)]
    [InlineData(4096UL, 2u, Errno.EINVAL)]                  // remote write without local write
    [InlineData(4096UL, 1u << 19, Errno.EINVAL)]          // no access that there is
    [InlineData(4096UL, 1u | (1 << 6), Errno.EOPNOTSUPP)] // on demand
    public void A_region_that_can_not_be_is_refused(ulong lengthBytes, uint access, Errno expected)
    {
        uint pd = _program.AllocatePd();
        byte* memory = _program.Allocate(8192);
        ulong start = ((ulong)memory + 4095) & ~4095UL;
        var asked = new ib_uverbs_reg_mr { start = start, length = lengthBytes, hca_va = start, pd_handle = pd, access_flags = access };
        Assert.Equal(expected, Register(asked, out _));
    }

    private (uint Handle, uint Lkey) Register(uint pd, byte* memory)
    {
        var asked = new ib_uverbs_reg_mr { start = (ulong)memory, length = 4096, hca_va = (ulong)memory, pd_handle = pd, access_flags = 1 };
        Assert.Equal(default, Register(asked, out ib_uverbs_reg_mr_resp region));
        return (region.mr_handle, region.lkey);
    }

    private Errno Register(ib_uverbs_reg_mr asked, out ib_uverbs_reg_mr_resp region)
    {
        ib_uverbs_attr output = _program.Output(UVERBS_ATTR_CORE_OUT, sizeof(ib_uverbs_reg_mr_resp), out byte* answer);
        Errno errno = _program.Write(WriteCommands.IB_USER_VERBS_CMD_REG_MR, _program.Input(UVERBS_ATTR_CORE_IN, asked), output);
        region = *(ib_uverbs_reg_mr_resp*)answer;
        return errno;
    }

    private (Errno Errno, uint Lkey) Reregister(ib_uverbs_rereg_mr asked)
    {
        ib_uverbs_attr output = _program.Output(UVERBS_ATTR_CORE_OUT, sizeof(ib_uverbs_rereg_mr_resp), out byte* answer);
        Errno errno = _program.Write(WriteCommands.IB_USER_VERBS_CMD_REREG_MR, _program.Input(UVERBS_ATTR_CORE_IN, asked), output);
        return (errno, ((ib_uverbs_rereg_mr_resp*)answer)->lkey);
    }

    private (uint Lkey, ulong Length, ulong Iova) Query(uint handle)
    {
        ib_uverbs_attr lkey = _program.Output(UVERBS_ATTR_QUERY_MR_RESP_LKEY, 4, out byte* key);
        ib_uverbs_attr length = _program.Output(UVERBS_ATTR_QUERY_MR_RESP_LENGTH, 8, out byte* bytes);
        ib_uverbs_attr iova = _program.Output(UVERBS_ATTR_QUERY_MR_RESP_IOVA, 8, out byte* address);
        Assert.Equal(default, _program.Call(Mr, Methods.UVERBS_METHOD_QUERY_MR, Handle(UVERBS_ATTR_QUERY_MR_HANDLE, handle),
            lkey, _program.Output(UVERBS_ATTR_QUERY_MR_RESP_RKEY, 4, out _), length, iova));
        return (*(uint*)key, *(ulong*)bytes, *(ulong*)address);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_channel_that_is_made_while_the_device_fails_ends_at_once(bool isAsync)
    {
        ((INicUnit)_program.Uverbs.Nic).Fail(new InvalidOperationException("a test"));
        EventChannel channel = isAsync ? EventChannel.ForAsyncEvents() : EventChannel.ForCompletions();
        Action<EventChannel> add = isAsync ? _program.Context.AddAsyncChannel : _program.Context.AddCompletionChannel;
        add(channel);
        byte unread;
        Assert.Equal(0, Libc.recv(channel.Descriptor, &unread, 1, Sockets.MSG_DONTWAIT));
        channel.Close();
        Assert.Equal(0, Libc.close(channel.Descriptor));
    }

    [Fact]
    public void Advice_on_memory_is_EOPNOTSUPP_since_none_is_paged_on_demand()
    {
        uint pd = _program.AllocatePd();
        Assert.Equal(Errno.EOPNOTSUPP, _program.Call(Mr, Methods.UVERBS_METHOD_ADVISE_MR, Handle(UVERBS_ATTR_ADVISE_MR_PD_HANDLE, pd),
            _program.Input(UVERBS_ATTR_ADVISE_MR_ADVICE, 0UL), _program.Input(UVERBS_ATTR_ADVISE_MR_FLAGS, 0u),
            _program.Input(UVERBS_ATTR_ADVISE_MR_SGE_LIST, default(ib_uverbs_sge))));
    }

    [Fact]
    public void A_completion_queue_without_its_memory_is_EFAULT()
    {
        var driver = new mlx5_ib_create_cq { buf_addr = 0x10000, db_addr = 0x20000, cqe_size = 64, flags = 2 };
        Errno answer = _program.Call((ushort)uverbs_default_objects.UVERBS_OBJECT_CQ, Methods.UVERBS_METHOD_CQ_CREATE,
            Handle(UVERBS_ATTR_CREATE_CQ_HANDLE), _program.Input(UVERBS_ATTR_CREATE_CQ_CQE, 63u),
            _program.Input(UVERBS_ATTR_CREATE_CQ_USER_HANDLE, 1UL), _program.Input(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR, 0u),
            _program.Output(UVERBS_ATTR_CREATE_CQ_RESP_CQE, 4, out _), _program.Input(UVERBS_ATTR_UHW_IN, driver));
        Assert.Equal(Errno.EFAULT, answer);
    }
}
