using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Record;
using Verbena.Emulator.Uverbs;
using Verbena.Emulator.Wires;
using Verbena.Interop;
using Verbena.Interop.Shim;
using Verbena.Interop.Uverbs;
using Verbena.Tests.Emulator.Nic;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A program that writes its commands byte by byte, and has one opening of an emulated device.</summary>
internal sealed unsafe class RawProgram : IDisposable
{
    private const ushort Device = (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE;
    private const int MemoryBytes = 1 << 16;

    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(MemoryBytes, 4096);
    private readonly NicDevice _nic;
    private int _used;

    public RawProgram(string options = "raw0", bool opened = true, NicRecorder? recorder = null)
    {
        NativeMemory.Clear(_memory, MemoryBytes);
        Assert.True(NicOptions.TryParse(options, out NicOptions parsed, out string error), error);
        _nic = new NicDevice(new LocalPort(parsed, new PatchPanel(), new ManualTime(), new MemoryNetdev()), NullLogger.Instance, new ManualTime());
        Uverbs = new UverbsDevice(_nic, 0, new FileTable(NicShim.Loaded), new UverbsFaults(), NullLogger.Instance, recorder);
        Context = Uverbs.Open();
        if (opened)
        {
            Assert.Equal(default, GetContext());
        }
    }

    public UverbsDevice Uverbs { get; }

    public UverbsContext Context { get; }

    /// <summary>The header of the command that comes next, for tests that spoil it.</summary>
    public ib_uverbs_ioctl_hdr Header { get; set; } = new() { driver_id = Ioctl.RDMA_DRIVER_MLX5 };

    /// <summary>The attributes of the last command, as the kernel left them.</summary>
    public ib_uverbs_attr[] Answered { get; private set; } = [];

    public Errno GetContext() => Call(Device, Methods.UVERBS_METHOD_GET_CONTEXT,
        Input(UVERBS_ATTR_UHW_IN, new mlx5_ib_alloc_ucontext_req_v2 { lib_caps = Mlx5Abi.MLX5_LIB_CAP_DYN_UAR }));

    /// <summary>Bytes of the program, cleared.</summary>
    public byte* Allocate(int bytes)
    {
        byte* place = _memory + _used;
        _used += (bytes + 15) & -16;
        Assert.True(_used <= MemoryBytes, "the program's memory is large enough");
        return place;
    }

    /// <summary>An input, in the attribute itself where it fits.</summary>
    public ib_uverbs_attr Input<T>(ushort id, T value, int? length = null)
        where T : unmanaged
    {
        int bytes = length ?? sizeof(T);
        byte* place = Allocate(Math.Max(bytes, sizeof(T)));
        *(T*)place = value;
        return Attribute(id, bytes, bytes <= 8 ? *(ulong*)place : (ulong)place);
    }

    /// <summary>Room for an answer.</summary>
    public ib_uverbs_attr Output(ushort id, int bytes, out byte* place)
    {
        place = Allocate(bytes);
        return Attribute(id, bytes, (ulong)place);
    }

    public static ib_uverbs_attr Handle(ushort id, ulong handle = 0) => Attribute(id, 0, handle);

    public static ib_uverbs_attr Attribute(ushort id, int length, ulong data, bool mandatory = true) => new()
    {
        attr_id = id,
        len = (ushort)length,
        flags = mandatory ? uverbs_attr_flags.UVERBS_ATTR_F_MANDATORY : default,
        data = data,
    };

    /// <summary>Issues a command; 0 is success.</summary>
    public Errno Call(ushort objectId, ushort methodId, params ReadOnlySpan<ib_uverbs_attr> attributes)
    {
        int length = sizeof(ib_uverbs_ioctl_hdr) + (attributes.Length * sizeof(ib_uverbs_attr));
        var header = (ib_uverbs_ioctl_hdr*)Allocate(length);
        *header = Header with
        {
            object_id = objectId,
            method_id = methodId,
            num_attrs = (ushort)attributes.Length,
            length = (ushort)(Header.length + length),
        };
        var place = new Span<ib_uverbs_attr>(header + 1, attributes.Length);
        attributes.CopyTo(place);
        Errno answer = CallAt(header);
        Answered = place.ToArray();
        return answer;
    }

    public Errno CallAt(ib_uverbs_ioctl_hdr* header) => (Errno)(-Uverbs.Ioctl(Context, header, Environment.ProcessId));

    /// <summary>Issues a command of the older form.</summary>
    public Errno Write(uint command, params ReadOnlySpan<ib_uverbs_attr> attributes) =>
        Call(Device, Methods.UVERBS_METHOD_INVOKE_WRITE, [Input(UVERBS_ATTR_WRITE_CMD, (ulong)command), .. attributes]);

    public uint AllocatePd()
    {
        ib_uverbs_attr output = Output(UVERBS_ATTR_CORE_OUT, sizeof(ib_uverbs_alloc_pd_resp), out byte* answer);
        Assert.Equal(default, Write(WriteCommands.IB_USER_VERBS_CMD_ALLOC_PD, Input(UVERBS_ATTR_CORE_IN, default(ib_uverbs_alloc_pd)), output));
        return ((ib_uverbs_alloc_pd_resp*)answer)->pd_handle;
    }

    public void Dispose()
    {
        Uverbs.Close(Context);
        _nic.Dispose();
        NativeMemory.AlignedFree(_memory);
    }
}
