namespace Verbena.Emulator.Nic;

/// <summary>Memory of the program that queues of one protection domain may name by its lkey.</summary>
/// <remarks>Where the program unmaps it before it is deregistered, the NIC finds empty pages (src/Shim/unmapped.c).</remarks>
public sealed class MemoryRegion
{
    internal MemoryRegion(uint lkey, uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access)
    {
        Lkey = lkey;
        ProtectionDomain = protectionDomain;
        Start = start;
        LengthBytes = lengthBytes;
        Iova = iova;
        Access = access;
    }

    /// <summary>The key in host order; in WQEs it stands big-endian.</summary>
    public uint Lkey { get; }

    public uint ProtectionDomain { get; }

    /// <summary>Address of the first byte in the program.</summary>
    public ulong Start { get; }

    public ulong LengthBytes { get; }

    /// <summary>The address by which WQEs name the first byte.</summary>
    public ulong Iova { get; }

    public MrAccess Access { get; }
}
