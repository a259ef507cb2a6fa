using System.Runtime.CompilerServices;

namespace Verbena.Emulator.Nic;

/// <summary>The memory regions by lkey. An lkey is the region's index in bits 31:8 and a tag that changes at each reuse in 7:0.</summary>
/// <param name="faultEvery">Each so many accesses one fails though it is allowed (<see cref="NicBehaviour.MemoryFaultEvery"/>); 0: none does.</param>
internal sealed unsafe class MemoryTable(uint faultEvery)
{
    private const int FirstIndex = 16; // so that no lkey is 0 or MLX5_INVALID_LKEY
    private MemoryRegion?[] _regions = new MemoryRegion?[64];
    private byte _tag;
    private uint _accesses;

    public MemoryRegion Register(uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access)
    {
        int index = Array.IndexOf(_regions, null, FirstIndex);
        if (index < 0)
        {
            index = _regions.Length;
            Array.Resize(ref _regions, index * 2);
        }

        uint lkey = ((uint)index << 8) | ++_tag;
        return _regions[index] = new MemoryRegion(lkey, protectionDomain, start, lengthBytes, iova, access);
    }

    /// <summary>Lets the key of <paramref name="region"/> stand for other memory, or for other rights to it.</summary>
    public MemoryRegion Replace(MemoryRegion region, uint protectionDomain, ulong start, ulong lengthBytes, ulong iova, MrAccess access) =>
        _regions[region.Lkey >> 8] = new MemoryRegion(region.Lkey, protectionDomain, start, lengthBytes, iova, access);

    public void Deregister(MemoryRegion region) => _regions[region.Lkey >> 8] = null;

    /// <summary>Where the program's bytes lie, or null if the lkey does not allow this access.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Translate(uint lkey, uint protectionDomain, ulong address, uint lengthBytes, MrAccess access)
    {
        MemoryRegion?[] regions = _regions;
        uint index = lkey >> 8;
        if (index >= (uint)regions.Length || regions[index] is not { } region || region.Lkey != lkey)
        {
            return null;
        }

        ulong offset = address - region.Iova;
        bool inside = offset < region.LengthBytes && lengthBytes <= region.LengthBytes - offset;
        bool allowed = region.ProtectionDomain == protectionDomain && (region.Access & access) == access;
        return inside && allowed && (faultEvery == 0 || !IsFaulty()) ? (byte*)(region.Start + offset) : null;
    }

    private bool IsFaulty() => ++_accesses % faultEvery == 0;
}
