using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Verbena.Emulator.Attachment;

/// <summary>A file of a tree, as others read it meanwhile.</summary>
internal static class SysfsFile
{
    /// <summary>Changes the one line of a file that is there: who has it open reads on, and none is made in a tree that goes.</summary>
    /// <exception cref="IOException">The file is gone.</exception>
    public static void Overwrite(string path, string line)
    {
        byte[] content = Encoding.ASCII.GetBytes(line + "\n");
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, content, 0);
        RandomAccess.SetLength(file, content.Length);
    }
}
