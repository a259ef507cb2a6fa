using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator;

/// <summary>A file at whose end lines are written, by several processes too: each line is one write(2) with O_APPEND.</summary>
/// <remarks>
/// What can't be written is lost: a full disk is no reason to disturb the program. The file stays open, also for a program that
/// then changes its root or its user. The caller sees to it that one thread writes at a time.
/// </remarks>
public sealed unsafe class AppendedFile(string path) : IDisposable
{
    private const int EveryonesRights = 0x1B6; // rw for all, less the umask

    private int _descriptor = -1;
    private (ulong Device, ulong Inode) _file;

    /// <summary>Opens the file, and makes it if need be.</summary>
    /// <exception cref="InvalidOperationException">It can't be written; the message says why.</exception>
    public void Demand()
    {
        if (!TryOpen())
        {
            throw new InvalidOperationException($"{path} can't be written: {(Errno)Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>Opens the file, and makes it if need be; false, with errno, if it can't be written.</summary>
    public bool TryOpen()
    {
        _descriptor = Libc.open(path, Libc.O_WRONLY | Libc.O_APPEND | Libc.O_CREAT | Libc.O_CLOEXEC, EveryonesRights);
        stat file;
        if (_descriptor < 0 || Libc.fstat(_descriptor, &file) != 0)
        {
            return false;
        }

        _file = (file.st_dev, file.st_ino);
        return true;
    }

    /// <summary>Writes a line, which ends with its newline, or loses it.</summary>
    public void Append(ReadOnlySpan<byte> line)
    {
        if (!IsOurs() && !TryOpen())
        {
            return;
        }

        fixed (byte* start = line)
        {
            _ = Libc.write(_descriptor, start, (nuint)line.Length);
        }
    }

    public void Dispose()
    {
        if (IsOurs())
        {
            _ = Libc.close(_descriptor);
        }

        _descriptor = -1;
    }

    /// <summary>Whether the descriptor is still the file: a program may close all that it did not open itself, and open others.</summary>
    private bool IsOurs()
    {
        stat file;
        return _descriptor >= 0 && Libc.fstat(_descriptor, &file) == 0 && (file.st_dev, file.st_ino) == _file;
    }
}
