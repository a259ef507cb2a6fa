using System.Globalization;
using System.Text.Json;

namespace Verbena.Emulator.Record;

/// <summary>Writes numbers as a reader wants them: addresses, keys and flags in hexadecimal, states by name.</summary>
internal static class Values
{
    private static readonly string[] s_hexadecimal =
    [
        "addr", "flags", "flags_ex", "mask", "user_handle", "start", "offset", "iova", "key", "caps", "qpts", "guid", "hca_va", "tag_id", "prefix", "interface", "size_cap",
        "offsets", "fm_ce_se", "hds_ip_ext", "l4_hdr_type_etc", "vlan_info", "rx_hash_result",
    ];

    private static readonly string[] s_queuePairStates = ["RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"];
    private static readonly string[] s_workQueueStates = ["RESET", "RDY", "ERR"];

    public static void Write(Utf8JsonWriter json, string name, ulong value)
    {
        if (States(name) is { } states && value < (ulong)states.Length)
        {
            json.WriteString(name, states[value]);
        }
        else if (Array.Exists(s_hexadecimal, name.EndsWith))
        {
            json.WriteString(name, string.Create(CultureInfo.InvariantCulture, $"0x{value:x}"));
        }
        else
        {
            json.WriteNumber(name, value);
        }
    }

    private static string[]? States(string name) => name switch
    {
        "qp_state" or "cur_qp_state" => s_queuePairStates,
        "wq_state" or "curr_wq_state" => s_workQueueStates,
        _ => null,
    };
}
