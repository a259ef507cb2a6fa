using System.Globalization;
using System.Text.Json;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Record;

/// <summary>Records the work requests that a device's queues take, and the completions that it writes.</summary>
/// <remarks>ConnectX manual (PRM) and mlx5dv.h for what the bits mean. A request is recorded when the NIC is done with it.</remarks>
internal sealed unsafe class WorkRecords(NicRecorder recorder, string device)
{
    /// <summary>A send WQE, as it lies in the ring from its control segment on, without wrapping.</summary>
    public void Sent(uint queuePair, ushort index, ReadOnlySpan<byte> wqe)
    {
        using RecordLine line = recorder.Begin(device, "SEND_WQE", NicRecorder.Now());
        line.Json.WriteStartObject("in");
        line.Json.WriteNumber("qp_num", queuePair);
        line.Json.WriteNumber("index", index);
        SendWqeRecords.Write(line.Json, wqe);
        line.Json.WriteEndObject();
    }

    /// <summary>A receive WQE: its list of buffers.</summary>
    public void Received(string queue, ushort index, ReadOnlySpan<mlx5_wqe_data_seg> segments)
    {
        using RecordLine line = recorder.Begin(device, "RECV_WQE", NicRecorder.Now());
        line.Json.WriteStartObject("in");
        line.Json.WriteString("queue", queue);
        line.Json.WriteNumber("index", index);
        line.Json.WriteStartArray("segments");
        foreach (ref readonly mlx5_wqe_data_seg segment in segments)
        {
            if (segment.lkey == Mlx5Wqe.MLX5_INVALID_LKEY || segment.byte_count == 0)
            {
                break;
            }

            WriteSegment(line.Json, segment);
        }

        line.Json.WriteEndArray();
        line.Json.WriteEndObject();
    }

    /// <summary>A completion, of which all is written but the last byte.</summary>
    /// <param name="completionQueue">Number of the queue.</param>
    /// <param name="index">Which of its entries, running.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="opcode">What goes into its last byte.</param>
    /// <param name="isSolicited">Likewise.</param>
    public void Completed(uint completionQueue, uint index, mlx5_cqe64* entry, byte opcode, bool isSolicited)
    {
        using RecordLine line = recorder.Begin(device, "CQE", NicRecorder.Now());
        line.Json.WriteStartObject("in");
        line.Json.WriteNumber("cqn", completionQueue);
        line.Json.WriteNumber("index", index);
        line.Json.WriteString("opcode", OpcodeName(opcode));
        if (isSolicited)
        {
            line.Json.WriteBoolean("solicited", value: true);
        }

        switch (opcode)
        {
            case Mlx5Cqe.MLX5_CQE_REQ_ERR or Mlx5Cqe.MLX5_CQE_RESP_ERR:
                WriteError(line.Json, (mlx5_err_cqe*)entry);
                break;
            case Mlx5Cqe.MLX5_CQE_REQ:
                line.Json.WriteNumber("qp_num", entry->sop_drop_qpn & 0xFF_FFFF);
                line.Json.WriteNumber("wqe_counter", entry->wqe_counter);
                line.Json.WriteNumber("timestamp", entry->timestamp);
                break;
            default:
                WriteReceived(line.Json, entry);
                break;
        }

        line.Json.WriteEndObject();
    }

    /// <summary>A pointer to memory, as it stands in a WQE.</summary>
    public static void WriteSegment(Utf8JsonWriter json, in mlx5_wqe_data_seg segment)
    {
        json.WriteStartObject();
        json.WriteNumber("length", segment.byte_count & ~Mlx5Wqe.MLX5_INLINE_SEG);
        Values.Write(json, "lkey", segment.lkey);
        Values.Write(json, "addr", segment.addr);
        json.WriteEndObject();
    }

    private static void WriteReceived(Utf8JsonWriter json, mlx5_cqe64* entry)
    {
        json.WriteNumber("uidx", entry->srqn_uidx & 0xFF_FFFF);
        json.WriteNumber("wqe_counter", entry->wqe_counter);
        json.WriteNumber("byte_cnt", entry->byte_cnt);
        Values.Write(json, "hds_ip_ext", entry->hds_ip_ext);
        Values.Write(json, "l4_hdr_type_etc", entry->l4_hdr_type_etc);
        Values.Write(json, "vlan_info", entry->vlan_info);
        Values.Write(json, "rx_hash_result", entry->rx_hash_result);
        json.WriteNumber("flow_tag", entry->sop_drop_qpn & 0xFF_FFFF);
        json.WriteNumber("timestamp", entry->timestamp);
    }

    private static void WriteError(Utf8JsonWriter json, mlx5_err_cqe* error)
    {
        json.WriteString("syndrome", SyndromeName(error->syndrome));
        json.WriteNumber("uidx", error->srqn & 0xFF_FFFF);
        json.WriteNumber("qp_num", error->s_wqe_opcode_qpn & 0xFF_FFFF);
        json.WriteNumber("wqe_counter", error->wqe_counter);
    }

    private static string OpcodeName(byte opcode) => opcode switch
    {
        Mlx5Cqe.MLX5_CQE_REQ => "REQ",
        Mlx5Cqe.MLX5_CQE_RESP_SEND => "RESP_SEND",
        Mlx5Cqe.MLX5_CQE_REQ_ERR => "REQ_ERR",
        Mlx5Cqe.MLX5_CQE_RESP_ERR => "RESP_ERR",
        _ => string.Create(CultureInfo.InvariantCulture, $"0x{opcode:x}"),
    };

    private static string SyndromeName(byte syndrome) => syndrome switch
    {
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR => "LOCAL_LENGTH_ERR",
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR => "LOCAL_QP_OP_ERR",
        Mlx5Cqe.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR => "LOCAL_PROT_ERR",
        Mlx5Cqe.MLX5_CQE_SYNDROME_WR_FLUSH_ERR => "WR_FLUSH_ERR",
        _ => string.Create(CultureInfo.InvariantCulture, $"0x{syndrome:x}"),
    };
}
