using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A ready work queue, to which the frames for a MAC address go. Buffer i lies at i KiB of the program's memory.</summary>
internal sealed unsafe class SteeredWorkQueue : IDisposable
{
    /// <summary>Whose frames it gets unless another is named.</summary>
    public const string Mac = "02:00:00:00:00:0b";

    private readonly VerbsProgram _program;
    private readonly ibv_flow* _flow;
    private readonly ibv_rwq_ind_table* _table;
    private readonly ibv_qp* _qp;
    private bool _isDisposed;

    public SteeredWorkQueue(VerbsProgram program, ibv_wq* wq, uint tag = 1, string mac = Mac)
    {
        _program = program;
        Wq = VerbsProgram.Must(wq);
        byte* address = stackalloc byte[6];
        MacAddress.Parse(mac).CopyTo(new Span<byte>(address, 6));
        ibv_rwq_ind_table* table;
        ibv_qp* qp;
        _flow = VerbsProgram.Must(CVerbs.Steer(program.Pd, wq, address, tag, &table, &qp));
        _table = table;
        _qp = qp;
        Assert.Equal(0, CVerbs.MakeReady(wq));
    }

    public ibv_wq* Wq { get; }

    public byte* Buffer(int index) => _program.Buffer + (index * 1024);

    public void Post(params int[] buffers)
    {
        foreach (int buffer in buffers)
        {
            Assert.Equal(0, CVerbs.PostWq(Wq, Buffer(buffer), 1024, _program.Mr->lkey));
        }
    }

    public static byte[] Frame(ulong address, int length) => new ReadOnlySpan<byte>((byte*)address, length).ToArray();

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Assert.Equal(0, CVerbs.Unsteer(_flow, _table, _qp));
            Assert.Equal(0, ibv_destroy_wq(Wq));
        }
    }
}
