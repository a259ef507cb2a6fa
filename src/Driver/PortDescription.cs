using System.Runtime.InteropServices;
using Verbena.Interop.Verbs;

namespace Verbena.Driver;

/// <summary>What <c>show hardware-interfaces</c> says of a port, line by line.</summary>
/// <param name="options">What was asked for.</param>
/// <param name="host">The port's Linux interface.</param>
/// <param name="attributes">What the NIC says of itself.</param>
/// <param name="mode">How its queues work.</param>
internal sealed unsafe class PortDescription(RdmaInterfaceOptions options, HostInterface host, in ibv_device_attr_ex attributes, string mode)
{
    private readonly string _firmware = FirmwareOf(in attributes);

    /// <summary>What is hashed, in VPP's words: <c>ipv4-tcp ipv6-tcp</c>.</summary>
    public string RssFields => $"{Word(options.Rss4)} {Word(options.Rss6)}";

    public IReadOnlyList<string> Lines(RdmaPort port, IReadOnlyList<RdmaRxQueue> rxQueues, IReadOnlyList<RdmaTxQueue> txQueues) =>
    [
        $"netdev {host.Name} pci-addr {host.PciAddress}",
        .. host.VirtualFunction is { } function ? [function.Name] : Array.Empty<string>(),
        $"rdma device: {host.RdmaDevice} pci-id {host.PciId} firmware {_firmware}",
        mode,
        $"rx queues: {rxQueues.Count} of {options.RxQueueSize}, tx queues: {txQueues.Count} of {options.TxQueueSize}",
        $"flags:{Flags(port)}",
        $"steered here: {port.Steered}",
        $"rss: {RssFields}",
        .. port.Warning is { } warning ? ["warning " + warning] : Array.Empty<string>(),
        .. port.HasFailed ? ["error the NIC has failed: delete the interface and create it again"] : Array.Empty<string>(),
        .. rxQueues.SelectMany((queue, i) => queue.Errors.Describe($"receive queue {i}", "ibv_modify_wq")),
        .. txQueues.SelectMany((queue, i) => queue.Errors.Describe($"transmit queue {i}", "ibv_modify_qp")),
    ];

    private static string Flags(RdmaPort port) => (port.HasFailed ? " error" : "") + (port.Steered.IsAdminUp ? " admin-up" : "")
        + (port.Link.IsUp ? " link-up" : "") + (port.Steered.IsPromiscuous ? " promiscuous" : "");

    private static string FirmwareOf(in ibv_device_attr_ex attributes)
    {
        fixed (byte* version = attributes.orig_attr.fw_ver)
        {
            return Marshal.PtrToStringUTF8((nint)version) ?? "";
        }
    }

    private static string Word(Rss4 rss) => rss switch { Rss4.Ipv4Tcp => "ipv4-tcp", Rss4.Ipv4Udp => "ipv4-udp", _ => "ipv4" };

    private static string Word(Rss6 rss) => rss switch { Rss6.Ipv6Tcp => "ipv6-tcp", Rss6.Ipv6Udp => "ipv6-udp", _ => "ipv6" };
}
