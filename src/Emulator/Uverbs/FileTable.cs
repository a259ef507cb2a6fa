using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Verbena.Emulator.Uverbs;

/// <summary>What an open descriptor of the emulated device stands for.</summary>
internal abstract class UverbsFile
{
    /// <summary>The program closes the descriptor.</summary>
    public abstract void Close();
}

/// <summary>The descriptors that belong to emulated devices. Each is a real one too, so that no other file gets its number.</summary>
internal sealed class FileTable
{
    private readonly ConcurrentDictionary<int, UverbsFile> _files = new();

    public void Add(int descriptor, UverbsFile file) => _files[descriptor] = file;

    public bool TryGet<T>(int descriptor, [NotNullWhen(true)] out T? file)
        where T : UverbsFile
    {
        file = _files.GetValueOrDefault(descriptor) as T;
        return file is not null;
    }

    /// <summary>Forgets a descriptor that is about to be closed; what it stood for is gone when this returns.</summary>
    public void Close(int descriptor)
    {
        if (_files.TryRemove(descriptor, out UverbsFile? file))
        {
            file.Close();
        }
    }

    /// <summary>Forgets all of them; the descriptors stay the program's.</summary>
    public void CloseAll()
    {
        foreach (int descriptor in _files.Keys)
        {
            Close(descriptor);
        }
    }
}
