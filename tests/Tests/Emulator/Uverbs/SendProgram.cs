using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A program that sends with all that libibverbs offers: pieces, inline data, checksums, TSO, by either interface.</summary>
internal sealed unsafe class SendProgram : IDisposable
{
    public const int BufferBytes = 64 * 1024;
    public const int MaxPieces = 6;
    public const int MaxInlineBytes = 300;

    private readonly ibv_context* _context;
    private readonly ibv_pd* _pd;
    private readonly ibv_mr* _mr;
    private readonly ibv_cq* _cq;
    private readonly byte* _buffer;

    public SendProgram(int device)
    {
        _context = VerbsProgram.Open(device);
        _pd = VerbsProgram.Must(ibv_alloc_pd(_context));
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, 4096);
        _mr = VerbsProgram.Must(ibv_reg_mr(_pd, _buffer, BufferBytes, ibv_access_flags.IBV_ACCESS_LOCAL_WRITE));
        _cq = VerbsProgram.Must(ibv_create_cq(_context, 63, null, null, 0));
        var attributes = new ibv_qp_init_attr_ex
        {
            send_cq = _cq,
            recv_cq = _cq,
            cap = new ibv_qp_cap { max_send_wr = 16, max_send_sge = MaxPieces, max_inline_data = MaxInlineBytes },
            qp_type = ibv_qp_type.IBV_QPT_RAW_PACKET,
            comp_mask = ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_PD | ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_MAX_TSO_HEADER
                | ibv_qp_init_attr_mask.IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
            pd = _pd,
            max_tso_header = 128,
            send_ops_flags = ibv_qp_create_send_ops_flags.IBV_QP_EX_WITH_SEND | ibv_qp_create_send_ops_flags.IBV_QP_EX_WITH_TSO,
        };
        Qp = VerbsProgram.Must(ibv_create_qp_ex(_context, &attributes));
        Extended = VerbsProgram.Must(ibv_qp_to_qp_ex(Qp));
        ReadyToSend();
    }

    public ibv_qp* Qp { get; }

    public ibv_qp_ex* Extended { get; }

    public uint Lkey => _mr->lkey;

    public byte* At(int offset) => _buffer + offset;

    /// <summary>Lays data in pieces apart from each other, and returns a scatter/gather list of them.</summary>
    public ibv_sge[] Pieces(byte[] data, int count)
    {
        var list = new ibv_sge[count];
        int piece = (data.Length + count - 1) / count;
        for (int i = 0; i < count; i++)
        {
            int from = Math.Min(i * piece, data.Length);
            int length = Math.Min(piece, data.Length - from);
            byte* target = At(from + (i * 3));
            data.AsSpan(from, length).CopyTo(new Span<byte>(target, length));
            list[i] = new ibv_sge { addr = (ulong)target, length = (uint)length, lkey = Lkey };
        }

        return list;
    }

    public int Post(ibv_sge[] list, ibv_send_flags flags = default, byte[]? tsoHeader = null, ushort segmentBytes = 0, bool isSignaled = true)
    {
        fixed (ibv_sge* pieces = list)
        fixed (byte* header = tsoHeader)
        {
            var request = new ibv_send_wr
            {
                wr_id = 7,
                sg_list = pieces,
                num_sge = list.Length,
                opcode = tsoHeader is null ? ibv_wr_opcode.IBV_WR_SEND : ibv_wr_opcode.IBV_WR_TSO,
                send_flags = flags | (isSignaled ? ibv_send_flags.IBV_SEND_SIGNALED : default),
                tso_hdr = header,
                tso_hdr_sz = (ushort)(tsoHeader?.Length ?? 0),
                tso_mss = segmentBytes,
            };
            ibv_send_wr* bad;
            return ibv_post_send(Qp, &request, &bad);
        }
    }

    public bool TryPoll(out ibv_wc completion)
    {
        fixed (ibv_wc* wc = &completion)
        {
            return ibv_poll_cq(_cq, 1, wc) == 1;
        }
    }

    public void ReadyToSend()
    {
        Modify(ibv_qp_state.IBV_QPS_INIT, ibv_qp_attr_mask.IBV_QP_STATE | ibv_qp_attr_mask.IBV_QP_PORT);
        Modify(ibv_qp_state.IBV_QPS_RTR, ibv_qp_attr_mask.IBV_QP_STATE);
        Modify(ibv_qp_state.IBV_QPS_RTS, ibv_qp_attr_mask.IBV_QP_STATE);
    }

    public void Reset() => Modify(ibv_qp_state.IBV_QPS_RESET, ibv_qp_attr_mask.IBV_QP_STATE);

    public void Dispose()
    {
        _ = ibv_destroy_qp(Qp);
        _ = ibv_destroy_cq(_cq);
        _ = ibv_dereg_mr(_mr);
        _ = ibv_dealloc_pd(_pd);
        _ = ibv_close_device(_context);
        NativeMemory.AlignedFree(_buffer);
    }

    private void Modify(ibv_qp_state state, ibv_qp_attr_mask mask)
    {
        var attributes = new ibv_qp_attr { qp_state = state, port_num = 1 };
        Assert.Equal(0, ibv_modify_qp(Qp, &attributes, mask));
    }
}
