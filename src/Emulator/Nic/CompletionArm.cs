using Verbena.Interop.Mlx5;

namespace Verbena.Emulator.Nic;

/// <summary>Whether the program waits for an event of a completion queue. Indices count 24 bits.</summary>
/// <remarks>
/// A command carries the number of events so far, 2 bits. One that was answered already, because its event crossed it, changes
/// nothing: else the program would be woken twice. A command asks for the completions from its consumer index on, so one
/// that is there already answers it at once.
/// </remarks>
internal sealed class CompletionArm(uint cqn, ConformanceLog conformance)
{
    /// <summary>What the NIC writes to a new queue's record: no program writes these bits.</summary>
    public const uint NeverArmed = 0xFFFF_FFFF;

    private const uint IndexMask = 0xFF_FFFF;
    private const uint SolicitedOnly = Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL;
    private const int SequenceShift = 28;

    private uint _events;
    private uint _solicitedEnd; // one after the last completion that answers a command for solicited ones
    private bool _isArmed;
    private bool _waitsForSolicited;

    /// <summary>Takes a command. True: an event is due.</summary>
    /// <param name="command">Dword 1 of the doorbell record.</param>
    /// <param name="producer">One after the last completion that the program can see.</param>
    public bool Take(uint command, uint producer)
    {
        uint sequence = (command >> SequenceShift) & 3;
        if (sequence != (_events & 3))
        {
            if (_events == 0 || sequence != ((_events - 1) & 3))
            {
                conformance.Report($"CQ {cqn}: the arm command's sequence number is {sequence} after {_events} events");
            }

            return false;
        }

        _isArmed = true;
        _waitsForSolicited = (command & SolicitedOnly) != 0;
        uint end = _waitsForSolicited ? _solicitedEnd : producer;
        uint waiting = (end - command) & IndexMask;
        return waiting is > 0 and <= IndexMask / 2 && Disarm();
    }

    /// <summary>The program can see completions up to <paramref name="producer"/>. True: an event is due.</summary>
    /// <param name="producer">One after the last of them.</param>
    /// <param name="isSolicited">Whether the last of them answers a command for solicited ones: it is one, or an error.</param>
    public bool Completed(uint producer, bool isSolicited)
    {
        uint behind = isSolicited ? 0 : producer - _solicitedEnd;
        _solicitedEnd = producer - Math.Min(behind, IndexMask / 2); // further behind, it would look ahead
        return _isArmed && (isSolicited || !_waitsForSolicited) && Disarm();
    }

    /// <summary>Whether the record's command comes after the register's, which was taken from it before.</summary>
    public static bool IsNewer(uint record, uint register)
    {
        uint sequences = ((record >> SequenceShift) - (register >> SequenceShift)) & 3;
        uint indices = (record - register) & IndexMask;
        return sequences == 1 || (sequences == 0 && indices <= IndexMask / 2);
    }

    private bool Disarm()
    {
        _isArmed = false;
        _events++;
        return true;
    }
}
