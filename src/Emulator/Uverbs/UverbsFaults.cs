using Verbena.Interop;

namespace Verbena.Emulator.Uverbs;

/// <summary>Makes the emulated kernel refuse a command, so that a test sees what a program does then.</summary>
/// <remarks>Commands that destroy are not counted: a kernel does not fail these, and a program could do nothing about it.</remarks>
public sealed class UverbsFaults
{
    private readonly Lock _lock = new();
    private readonly List<string> _seen = [];
    private int _nth;
    private string? _name;
    private int _errno;

    /// <summary>Names of the commands seen since the last <see cref="Reset"/>, the refused ones included.</summary>
    public IReadOnlyList<string> Seen
    {
        get
        {
            lock (_lock)
            {
                return [.. _seen];
            }
        }
    }

    /// <summary>Lets the <paramref name="nth"/> command from now on (the next one is 1) fail, once.</summary>
    public void FailCommand(int nth, int errno)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nth);
        lock (_lock)
        {
            (_nth, _name, _errno) = (nth, null, errno);
        }
    }

    /// <summary>Lets the next command of a name, such as <c>CREATE_FLOW</c> or <c>CQ_CREATE</c>, fail, once.</summary>
    public void FailCommand(string name, int errno)
    {
        lock (_lock)
        {
            (_nth, _name, _errno) = (0, name, errno);
        }
    }

    /// <summary>Forgets the commands seen and the failure that has not come yet.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _seen.Clear();
            (_nth, _name, _errno) = (0, null, 0);
        }
    }

    internal void Meet(string command)
    {
        if (command.EndsWith("DESTROY", StringComparison.Ordinal))
        {
            return;
        }

        lock (_lock)
        {
            _seen.Add(command);
            bool counted = _nth > 0 && --_nth == 0;
            if (counted || _name == command)
            {
                _name = null;
                throw new UverbsException((Errno)_errno, $"{command}: a failure was asked for");
            }
        }
    }
}
