using System.Runtime.InteropServices;
using Verbena.Interop;
using static Verbena.Interop.Elf;

namespace Verbena.Emulator.Attachment;

/// <summary>Where a loaded library keeps the addresses of functions that it imports.</summary>
/// <remarks>System V ABI, "Dynamic Section" and "Relocation". The dynamic linker has relocated the tables' addresses.</remarks>
internal static unsafe class GlobalOffsetTable
{
    // R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT; R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT
    private static readonly (uint GlobalData, uint JumpSlot) s_kinds =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (1025u, 1026u) : (6u, 7u);

    /// <summary>The words of a library that hold the address of the function <paramref name="symbol"/>; mostly one, or none.</summary>
    public static List<nint> FindSlots(link_map* library, ReadOnlySpan<byte> symbol)
    {
        var slots = new List<nint>();
        FindSlots(library, DT_JMPREL, DT_PLTRELSZ, symbol, slots);
        FindSlots(library, DT_RELA, DT_RELASZ, symbol, slots);
        return slots;
    }

    private static void FindSlots(link_map* library, long tableTag, long sizeTag, ReadOnlySpan<byte> symbol, List<nint> slots)
    {
        var relocations = (Elf64_Rela*)Entry(library, tableTag);
        int count = (int)(Entry(library, sizeTag) / (ulong)sizeof(Elf64_Rela));
        for (int i = 0; i < count; i++)
        {
            uint kind = (uint)relocations[i].r_info;
            if ((kind == s_kinds.GlobalData || kind == s_kinds.JumpSlot) && Name(library, relocations[i]).SequenceEqual(symbol))
            {
                slots.Add(library->l_addr + (nint)relocations[i].r_offset);
            }
        }
    }

    private static ReadOnlySpan<byte> Name(link_map* library, in Elf64_Rela relocation)
    {
        var symbols = (Elf64_Sym*)Entry(library, DT_SYMTAB);
        uint offset = symbols[relocation.r_info >> 32].st_name;
        return MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)Entry(library, DT_STRTAB) + offset);
    }

    private static ulong Entry(link_map* library, long tag)
    {
        for (Elf64_Dyn* entry = library->l_ld; entry->d_tag != DT_NULL; entry++)
        {
            if (entry->d_tag == tag)
            {
                return entry->d_val;
            }
        }

        return 0;
    }
}
