using System.Runtime.InteropServices;
using System.Text.Json;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;

namespace Verbena.Emulator.Record;

/// <summary>Writes what a flow matches: an array of specifications, each with its type, value and mask.</summary>
internal static class FlowRecords
{
    public static unsafe void WriteSpecs(Utf8JsonWriter json, ReadOnlySpan<byte> specs)
    {
        json.WriteStartArray("specs");
        while (specs.Length >= sizeof(ib_uverbs_flow_spec_hdr))
        {
            ib_uverbs_flow_spec_hdr header = MemoryMarshal.Read<ib_uverbs_flow_spec_hdr>(specs);
            int length = Math.Clamp(header.size, sizeof(ib_uverbs_flow_spec_hdr), specs.Length);
            json.WriteStartObject();
            WriteSpec(json, (ibv_flow_spec_type)header.type, specs[..length]);
            json.WriteEndObject();
            specs = specs[length..];
        }

        json.WriteEndArray();
    }

    private static unsafe void WriteSpec(Utf8JsonWriter json, ibv_flow_spec_type type, ReadOnlySpan<byte> spec)
    {
        ibv_flow_spec_type header = type & ~ibv_flow_spec_type.IBV_FLOW_SPEC_INNER;
        string name = header.ToString().Replace("IBV_FLOW_SPEC_", "", StringComparison.Ordinal);
        json.WriteString("type", header == type ? name : "INNER_" + name);
        ReadOnlySpan<byte> content = spec[sizeof(ib_uverbs_flow_spec_hdr)..];
        if (type == ibv_flow_spec_type.IBV_FLOW_SPEC_ACTION_TAG)
        {
            Structures.WriteFields(json, Structures.Find(nameof(ib_uverbs_flow_spec_action_tag))!, spec);
        }
        else if (Structures.Find(Filter(header)) is { } filter)
        {
            WriteFilter(json, "val", filter, content[..(content.Length / 2)]);
            WriteFilter(json, "mask", filter, content[(content.Length / 2)..]);
        }
        else if (!content.IsEmpty)
        {
            json.WriteString("content", Convert.ToHexStringLower(content));
        }
    }

    private static void WriteFilter(Utf8JsonWriter json, string name, Structure filter, ReadOnlySpan<byte> bytes)
    {
        json.WriteStartObject(name);
        Structures.WriteFields(json, filter, bytes);
        json.WriteEndObject();
    }

    private static string Filter(ibv_flow_spec_type type) => type switch
    {
        ibv_flow_spec_type.IBV_FLOW_SPEC_ETH => nameof(ib_uverbs_flow_eth_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_IPV4 => nameof(ib_uverbs_flow_ipv4_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_IPV6 => nameof(ib_uverbs_flow_ipv6_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_TCP or ibv_flow_spec_type.IBV_FLOW_SPEC_UDP => nameof(ib_uverbs_flow_tcp_udp_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_VXLAN_TUNNEL => nameof(ib_uverbs_flow_tunnel_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_GRE => nameof(ib_uverbs_flow_gre_filter),
        ibv_flow_spec_type.IBV_FLOW_SPEC_MPLS => nameof(ib_uverbs_flow_mpls_filter),
        _ => "",
    };
}
