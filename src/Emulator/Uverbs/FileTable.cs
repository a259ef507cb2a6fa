using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Verbena.Interop.Shim;

namespace Verbena.Emulator.Uverbs;

/// <summary>What an open descriptor of the emulated device stands for.</summary>
internal abstract class UverbsFile
{
    /// <summary>The program has closed the last descriptor.</summary>
    public abstract void Close();
}

/// <summary>The open files of emulated devices, by the number that the shim gave them. Each is a real descriptor too, so that no other file gets its number.</summary>
internal sealed class FileTable(NicShim shim)
{
    private readonly ConcurrentDictionary<int, UverbsFile> _files = new();

    /// <summary>False: the descriptor's number is too high.</summary>
    /// <param name="descriptor">A real descriptor, from now on the emulator's.</param>
    /// <param name="file">What it stands for.</param>
    /// <param name="node">Number of the device node, or -1 for events.</param>
    public bool TryAdd(int descriptor, UverbsFile file, int node)
    {
        int number = shim.Track(descriptor, node);
        return number != 0 && _files.TryAdd(number, file);
    }

    public bool TryGet<T>(int number, [NotNullWhen(true)] out T? file)
        where T : UverbsFile
    {
        file = _files.GetValueOrDefault(number) as T;
        return file is not null;
    }

    /// <summary>The file behind a descriptor that the program names.</summary>
    public bool TryGetDescriptor<T>(int descriptor, [NotNullWhen(true)] out T? file)
        where T : UverbsFile => TryGet(shim.File(descriptor), out file);

    /// <summary>An address at which NICs have found the program's memory gone since this was called last, or 0.</summary>
    public ulong TakeUnmapped() => shim.TakeUnmapped();

    /// <summary>Forgets a file; what it stood for is gone when this returns.</summary>
    public void Close(int number)
    {
        if (_files.TryRemove(number, out UverbsFile? file))
        {
            file.Close();
        }
    }

    /// <summary>Forgets all of them; the descriptors stay the program's.</summary>
    public void CloseAll()
    {
        foreach (int number in _files.Keys)
        {
            Close(number);
        }
    }
}
