using System.Globalization;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Uverbs;

namespace Verbena.Emulator.Attachment;

/// <summary>The files of a port's directory in sysfs: its state, and its counters under the names of Linux and the mlx5 driver.</summary>
/// <remarks>
/// Linux, drivers/infiniband/core/sysfs.c and hw/mlx5/counters.c. A file is changed in place and never made anew: who has it
/// open reads on, and a tree can be removed meanwhile. Counters of what the port does not do (RDMA, congestion control) stay
/// 0. On hardware the port_* counters count RDMA only; here they count all frames of the wire, as nothing else does.
/// </remarks>
internal sealed class PortFiles
{
    /// <summary>Data is counted in units of 4 bytes (IBTA 16.1.3.5).</summary>
    private const ulong DataUnitBytes = 4;

    private const string LinkDowned = "counters/link_downed";
    private const string Down = "1: DOWN";
    private const string Disabled = "3: Disabled";

    private static readonly (string Name, Func<PortCounters, ulong> Value)[] s_counters =
    [
        ("counters/port_rcv_packets", counters => counters[PortCounter.WireReceived]),
        ("counters/port_rcv_data", counters => counters[PortCounter.WireReceivedBytes] / DataUnitBytes),
        ("counters/port_rcv_errors", counters => counters[PortCounter.RxWireError]),
        ("counters/port_xmit_packets", counters => counters[PortCounter.WireSent]),
        ("counters/port_xmit_data", counters => counters[PortCounter.WireSentBytes] / DataUnitBytes),
        ("counters/port_xmit_discards", counters =>
            counters[PortCounter.TxOversize] + counters[PortCounter.TxCarrierDown] + counters[PortCounter.WireError]),
        ("hw_counters/out_of_buffer", counters => counters[PortCounter.OutOfBuffer]),
        ("hw_counters/req_cqe_error", counters => counters[PortCounter.SendErrors] + counters[PortCounter.SendFlushes]),
        ("hw_counters/req_cqe_flush_error", counters => counters[PortCounter.SendFlushes]),
        ("hw_counters/resp_cqe_error", counters => counters[PortCounter.ReceiveErrors] + counters[PortCounter.ReceiveFlushes]),
        ("hw_counters/resp_cqe_flush_error", counters => counters[PortCounter.ReceiveFlushes]),
        ("hw_counters/resp_local_length_error", counters => counters[PortCounter.RxTooLong]),
    ];

    private static readonly string[] s_zeros =
    [
        "counters/VL15_dropped", "counters/excessive_buffer_overrun_errors", "counters/link_error_recovery", LinkDowned,
        "counters/local_link_integrity_errors", "counters/port_rcv_constraint_errors", "counters/port_rcv_remote_physical_errors",
        "counters/port_rcv_switch_relay_errors", "counters/port_xmit_constraint_errors", "counters/port_xmit_wait", "counters/symbol_error",
        "hw_counters/duplicate_request", "hw_counters/implied_nak_seq_err", "hw_counters/local_ack_timeout_err",
        "hw_counters/np_cnp_sent", "hw_counters/np_ecn_marked_roce_packets", "hw_counters/out_of_sequence",
        "hw_counters/packet_seq_err", "hw_counters/req_remote_access_errors", "hw_counters/req_remote_invalid_request",
        "hw_counters/resp_remote_access_errors", "hw_counters/rnr_nak_retry_err", "hw_counters/roce_adp_retrans",
        "hw_counters/roce_adp_retrans_to", "hw_counters/roce_slow_restart", "hw_counters/roce_slow_restart_cnps",
        "hw_counters/roce_slow_restart_trans", "hw_counters/rp_cnp_handled", "hw_counters/rp_cnp_ignored",
        "hw_counters/rx_atomic_requests", "hw_counters/rx_icrc_encapsulated", "hw_counters/rx_read_requests",
        "hw_counters/rx_write_requests",
    ];

    private readonly string _directory;
    private readonly IPortStatus _port;
    private readonly ulong[] _counted = new ulong[s_counters.Length]; // as the files have it, once this has written them
    private bool? _wasUp;
    private ulong? _timesDown;

    /// <param name="directory">The port's directory, with its files.</param>
    /// <param name="port">What they tell of.</param>
    public PortFiles(string directory, IPortStatus port)
    {
        _directory = directory;
        _port = port;
        Array.Fill(_counted, ulong.MaxValue);
    }

    /// <summary>Makes the files, as they are while nobody has seen the port.</summary>
    public static void Make(string directory, NicIdentity nic)
    {
        Write(directory, "state", Down);
        Write(directory, "rate", PortSpeed.Text(nic.SpeedGbps));
        Write(directory, "phys_state", Disabled);
        Write(directory, "link_layer", "Ethernet");
        Write(directory, "cap_mask", "0x04010000");
        Write(directory, "lid", "0x0");
        Write(directory, "lid_mask_count", "0");
        Write(directory, "sm_lid", "0x0");
        Write(directory, "sm_sl", "0");
        Write(directory, "pkeys/0", "0xffff");
        Write(directory, "gids/0", GidText(nic));
        Write(directory, "gids/1", GidText(nic));
        Write(directory, "gid_attrs/types/0", "IB/RoCE v1");
        Write(directory, "gid_attrs/types/1", "RoCE v2");
        Write(directory, "gid_attrs/ndevs/0", nic.Name);
        Write(directory, "gid_attrs/ndevs/1", nic.Name);
        Write(directory, "hw_counters/lifespan", "10");
        foreach (string name in s_counters.Select(counter => counter.Name).Concat(s_zeros))
        {
            Write(directory, name, "0");
        }
    }

    /// <summary>Writes what has changed since the last time. Cheap where nothing has.</summary>
    /// <exception cref="IOException">The files are gone.</exception>
    public void Refresh()
    {
        RefreshLink(_port.Link.IsUp, _port.TimesDown);
        for (int i = 0; i < s_counters.Length; i++)
        {
            ulong value = s_counters[i].Value(_port.Counters);
            if (value != _counted[i])
            {
                _counted[i] = value;
                Overwrite(s_counters[i].Name, value.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private void RefreshLink(bool isUp, ulong timesDown)
    {
        if ((isUp, timesDown) == (_wasUp, _timesDown))
        {
            return;
        }

        (_wasUp, _timesDown) = (isUp, timesDown);
        Overwrite("state", isUp ? "4: ACTIVE" : Down);
        Overwrite("phys_state", isUp ? "5: LinkUp" : Disabled);
        Overwrite(LinkDowned, timesDown.ToString(CultureInfo.InvariantCulture));
    }

    private static string GidText(NicIdentity nic)
    {
        string digits = NicIdentity.LinkLocalPrefix.ToString("x16", CultureInfo.InvariantCulture) + nic.LinkLocalInterface.ToString("x16", CultureInfo.InvariantCulture);
        return string.Join(':', digits.Chunk(4).Select(four => new string(four)));
    }

    private static void Write(string directory, string name, string text)
    {
        string path = Path.Combine(directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text + "\n");
    }

    private void Overwrite(string name, string text) => SysfsFile.Overwrite(Path.Combine(_directory, name), text);
}
