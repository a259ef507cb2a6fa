using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Record;

/// <summary>Writes a send WQE: opcode, flags, the Ethernet segment, and each piece of data.</summary>
internal static class SendWqeRecords
{
    private const int EthernetBytes = SendWqe.UnitBytes;
    private const int InlineStartBytes = 2; // of the inline header, that lie in the Ethernet segment's first 16 bytes
    private const ushort InlineLengthMask = 0x3FF;
    private const byte CompletionMask = 0xC;
    private const byte FenceMask = 0xE0;

    private static readonly string[] s_completions = ["on_error", "on_first_error", "always", "always_with_event"];

    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> wqe)
    {
        mlx5_wqe_ctrl_seg control = MemoryMarshal.Read<mlx5_wqe_ctrl_seg>(wqe);
        uint word = control.opmod_idx_opcode;
        json.WriteString("opcode", OpcodeName((byte)word, (byte)(word >> 24)));
        json.WriteNumber("ds", control.qpn_ds & SendWqe.LengthMask);
        json.WriteString("completion", s_completions[(control.fm_ce_se & CompletionMask) >> 2]);
        if ((control.fm_ce_se & (FenceMask | Mlx5Wqe.MLX5_WQE_CTRL_SOLICITED)) != 0)
        {
            Values.Write(json, "fm_ce_se", control.fm_ce_se);
        }

        if ((byte)word != Mlx5Wqe.MLX5_OPCODE_NOP && wqe.Length >= 2 * SendWqe.UnitBytes)
        {
            WriteSegments(json, wqe, WriteEthernet(json, wqe));
        }
    }

    /// <summary>Returns where the data segments begin.</summary>
    private static int WriteEthernet(Utf8JsonWriter json, ReadOnlySpan<byte> wqe)
    {
        Span<byte> room = stackalloc byte[Unsafe.SizeOf<mlx5_wqe_eth_seg>()];
        room.Clear();
        wqe[SendWqe.UnitBytes..Math.Min(wqe.Length, SendWqe.UnitBytes + room.Length)].CopyTo(room);
        mlx5_wqe_eth_seg ethernet = MemoryMarshal.Read<mlx5_wqe_eth_seg>(room);
        Values.Write(json, "cs_flags", ethernet.cs_flags);
        WriteIfSet(json, "swp_flags", ethernet.swp_flags);
        WriteIfSet(json, "swp_offsets", ethernet.swp_offsets);
        if (ethernet.mss != 0)
        {
            json.WriteNumber("mss", ethernet.mss);
        }

        ushort inline = ethernet.inline_hdr_sz;
        if ((inline & Mlx5Prm.MLX5_ETH_WQE_INSERT_VLAN) != 0)
        {
            json.WriteNumber("insert_vlan_tci", ethernet.insert_vlan_tci);
            return SendWqe.UnitBytes + EthernetBytes;
        }

        int bytes = inline & InlineLengthMask;
        json.WriteNumber("inline_hdr_sz", bytes);
        int beyond = Math.Max(0, bytes - InlineStartBytes);
        return SendWqe.UnitBytes + EthernetBytes + Align(beyond);
    }

    private static void WriteSegments(Utf8JsonWriter json, ReadOnlySpan<byte> wqe, int at)
    {
        json.WriteStartArray("segments");
        while (at + SendWqe.UnitBytes <= wqe.Length)
        {
            mlx5_wqe_data_seg segment = MemoryMarshal.Read<mlx5_wqe_data_seg>(wqe[at..]);
            uint count = segment.byte_count;
            if ((count & Mlx5Wqe.MLX5_INLINE_SEG) == 0)
            {
                WorkRecords.WriteSegment(json, segment);
                at += SendWqe.UnitBytes;
                continue;
            }

            int length = (int)Math.Min(count & ~Mlx5Wqe.MLX5_INLINE_SEG, (uint)wqe.Length);
            json.WriteStartObject();
            json.WriteNumber("inline", length);
            json.WriteEndObject();
            at += Align(sizeof(uint) + length);
        }

        json.WriteEndArray();
    }

    private static void WriteIfSet(Utf8JsonWriter json, string name, uint value)
    {
        if (value != 0)
        {
            Values.Write(json, name, value);
        }
    }

    private static int Align(int bytes) => (bytes + SendWqe.UnitBytes - 1) & -SendWqe.UnitBytes;

    private static string OpcodeName(byte opcode, byte modifier) => (opcode, modifier) switch
    {
        (Mlx5Wqe.MLX5_OPCODE_NOP, _) => "NOP",
        (Mlx5Wqe.MLX5_OPCODE_SEND, _) => "SEND",
        (Mlx5Wqe.MLX5_OPCODE_TSO, Mlx5Prm.MLX5_OPC_MOD_MPW) => "MPW",
        (Mlx5Wqe.MLX5_OPCODE_TSO, _) => "TSO",
        (Mlx5Prm.MLX5_OPCODE_ENHANCED_MPSW, _) => "ENHANCED_MPW",
        _ => string.Create(CultureInfo.InvariantCulture, $"0x{opcode:x}"),
    };
}
