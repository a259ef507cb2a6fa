using System.Runtime.InteropServices;

namespace Verbena.Packets;

/// <summary>A VLAN tag, 4 bytes, which lie between a frame's addresses and its type (IEEE 802.1Q, 9.3).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct VlanTag
{
    public const int Size = 4;

    /// <summary>Where a frame's first tag begins: behind both addresses.</summary>
    public const int Offset = 12;

    /// <summary>The largest identifier that a VLAN can have; 0 says that the tag carries a priority only, 4095 is reserved.</summary>
    public const int MaxId = 4094;

    private readonly Be16 _type;
    private readonly Be16 _control;

    /// <summary>Makes a tag of priority 0.</summary>
    /// <param name="type"><see cref="EtherType.Vlan"/> or <see cref="EtherType.ServiceVlan"/>.</param>
    /// <param name="id">The VLAN.</param>
    public VlanTag(ushort type, int id) => (_type, _control) = (type, (ushort)id);

    /// <summary>The tag protocol identifier, which stands where an untagged frame has its type.</summary>
    public ushort Type => _type;

    public int Id => _control & 0xFFF;

    /// <summary>True for the types that say that a tag follows, not a packet.</summary>
    public static bool IsTag(ushort type) => type is EtherType.Vlan or EtherType.ServiceVlan;
}
