using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.ibv_flow_spec_type;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>A flow as a program writes it for ibv_create_flow: the head, and specifications right behind it.</summary>
internal sealed unsafe class VerbsFlow
{
    private readonly List<byte> _specs = [];
    private ibv_flow_attr _head;

    public VerbsFlow(ibv_flow_attr_type type = default, int priority = 0, ibv_flow_flags flags = default, byte port = 1) =>
        _head = new ibv_flow_attr { type = type, priority = (ushort)priority, flags = flags, port = port };

    /// <summary>A specification by the hexadecimal text of its value and mask.</summary>
    public VerbsFlow Spec(ibv_flow_spec_type type, string value, string mask)
    {
        int start = _specs.Count;
        Begin(type);
        bool isWide = (type & ~IBV_FLOW_SPEC_INNER) is IBV_FLOW_SPEC_ETH or IBV_FLOW_SPEC_TCP or IBV_FLOW_SPEC_UDP;
        _specs.AddRange(isWide ? [] : new byte[2]); // filters with dwords are aligned to them
        AddFilter(value, type);
        AddFilter(mask, type);
        End(start);
        return this;
    }

    /// <summary>An action with a number, or without.</summary>
    public VerbsFlow Action(ibv_flow_spec_type type, uint? number = null)
    {
        int start = _specs.Count;
        Begin(type);
        _specs.AddRange(new byte[2]);
        if (number is { } value)
        {
            byte[] bytes = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            _specs.AddRange(bytes);
        }

        End(start);
        return this;
    }

    /// <summary>Creates the flow. Null: it is refused, with the errno of the thread.</summary>
    public ibv_flow* Create(ibv_qp* qp)
    {
        _head.size = (ushort)(sizeof(ibv_flow_attr) + _specs.Count);
        byte[] bytes = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<ibv_flow_attr>(in _head)), .. _specs];
        fixed (byte* attributes = bytes)
        {
            return ibv_create_flow(qp, (ibv_flow_attr*)attributes);
        }
    }

    /// <summary>Creates the flow and destroys it. 0, or why it is refused.</summary>
    public Errno Try(ibv_qp* qp)
    {
        ibv_flow* flow = Create(qp);
        if (flow == null)
        {
            return (Errno)Marshal.GetLastPInvokeError();
        }

        Assert.Equal(0, ibv_destroy_flow(flow));
        return default;
    }

    private void Begin(ibv_flow_spec_type type)
    {
        byte[] bytes = new byte[6];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)type);
        _specs.AddRange(bytes);
        _head.num_of_specs++;
    }

    private void AddFilter(string text, ibv_flow_spec_type type)
    {
        byte[] bytes = Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
        int expected = (type & ~IBV_FLOW_SPEC_INNER) switch
        {
            IBV_FLOW_SPEC_ETH => 16,
            IBV_FLOW_SPEC_IPV4 or IBV_FLOW_SPEC_GRE or IBV_FLOW_SPEC_ESP => 8,
            IBV_FLOW_SPEC_IPV4_EXT => 12,
            IBV_FLOW_SPEC_IPV6 => 40,
            _ => 4,
        };
        Assert.Equal(expected, bytes.Length);
        _specs.AddRange(bytes);
    }

    private void End(int start)
    {
        _specs.AddRange(new byte[-(_specs.Count - start) & 3]);
        BinaryPrimitives.WriteUInt16LittleEndian(CollectionsMarshal.AsSpan(_specs)[(start + 4)..], (ushort)(_specs.Count - start));
    }
}
