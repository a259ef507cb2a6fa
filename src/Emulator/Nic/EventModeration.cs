namespace Verbena.Emulator.Nic;

/// <summary>When a completion queue's event is sent that is due: after so many completions since the last event, or so long after it.</summary>
/// <remarks>
/// The time runs from event to event (MLX5_CQ_PERIOD_MODE_START_FROM_EQE, the kernel's default), so that what comes after a rest is
/// told at once. Without a count or without a time there is no moderation.
/// </remarks>
internal struct EventModeration
{
    private uint _completions;
    private ulong _period; // in ticks of the NIC's clock, as all times here
    private uint _lastProducer;
    private ulong _lastTime;

    /// <summary>True while an event is due and not sent.</summary>
    public bool IsHolding { get; private set; }

    /// <summary>Decides anew, for an event that is held back too.</summary>
    public void Set(ushort completions, ushort periodMicroseconds)
    {
        bool isOn = completions != 0 && periodMicroseconds != 0;
        (_completions, _period) = isOn ? (completions, DeviceClock.Ticks(periodMicroseconds * 1000L)) : (0, 0);
    }

    /// <summary>An event is due. True: it is to be sent now, and else <see cref="Release"/> says when.</summary>
    public bool Due() => !(IsHolding = _completions != 0);

    /// <summary>True: the event that is held back is to be sent now.</summary>
    /// <param name="producer">Completions that the program can see, counted through.</param>
    /// <param name="time">Now.</param>
    public bool Release(uint producer, ulong time)
    {
        if (!IsHolding || (producer - _lastProducer < _completions && time - _lastTime < _period))
        {
            return false;
        }

        (IsHolding, _lastProducer, _lastTime) = (false, producer, time);
        return true;
    }
}
