using System.Runtime.InteropServices;

namespace Verbena.Interop;

/// <summary>Loaded libraries (dlfcn.h, link.h).</summary>
public static unsafe partial class Libc
{
    public const int RTLD_NOW = 2;
    public const int RTLD_DI_LINKMAP = 2;

    /// <summary>Loads a library, or counts one use more of it; null where there is none (<see cref="dlerror"/> says why).</summary>
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void* dlopen(string filename, int flags);

    [LibraryImport("libc")]
    public static partial int dlinfo(void* handle, int request, void* info);

    [LibraryImport("libc")]
    public static partial byte* dlerror();
}

/// <summary>A loaded object, as the dynamic linker describes it.</summary>
[CStruct("struct link_map", "link.h", Prefix = true)]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct link_map
{
    /// <summary>What was added to the addresses in the file.</summary>
    public nint l_addr;

    /// <summary>The path it was loaded from.</summary>
    public byte* l_name;

    /// <summary>Its dynamic section, which ends with DT_NULL. Addresses in it have been relocated.</summary>
    public Elf64_Dyn* l_ld;
}

/// <summary>An entry of the dynamic section.</summary>
[CStruct("Elf64_Dyn", "link.h")]
[StructLayout(LayoutKind.Sequential)]
public struct Elf64_Dyn
{
    public long d_tag;

    [CField("d_un.d_val")]
    public ulong d_val;
}

/// <summary>A relocation: the word at r_offset gets the address of a symbol.</summary>
[CStruct("Elf64_Rela", "link.h")]
[StructLayout(LayoutKind.Sequential)]
public struct Elf64_Rela
{
    public ulong r_offset;

    /// <summary>The symbol's index in the high half, the kind of relocation in the low one.</summary>
    public ulong r_info;

    public long r_addend;
}

[CStruct("Elf64_Sym", "link.h")]
[StructLayout(LayoutKind.Sequential)]
public struct Elf64_Sym
{
    /// <summary>Offset of the name in the string table.</summary>
    public uint st_name;

    public byte st_info;
    public byte st_other;
    public ushort st_shndx;
    public ulong st_value;
    public ulong st_size;
}

/// <summary>Tags of the dynamic section.</summary>
[CConstants("elf.h")]
public static class Elf
{
    public const long DT_NULL = 0;
    public const long DT_PLTRELSZ = 2;
    public const long DT_STRTAB = 5;
    public const long DT_SYMTAB = 6;
    public const long DT_RELA = 7;
    public const long DT_RELASZ = 8;
    public const long DT_JMPREL = 23;
}
