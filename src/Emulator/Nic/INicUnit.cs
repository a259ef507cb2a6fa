namespace Verbena.Emulator.Nic;

/// <summary>What a <see cref="NicThread"/> works on: a device with its queues, or a port whose queues are in other processes.</summary>
internal interface INicUnit
{
    /// <summary>Descriptors that become readable when there may be something to do; there may be without.</summary>
    IEnumerable<int> PollDescriptors { get; }

    /// <summary>True if something may come to do of which no descriptor tells.</summary>
    bool HasToLook { get; }

    /// <summary>Does one bounded pass, and says whether there was anything to do.</summary>
    bool Step();

    /// <summary>From now on, or no more, other processes have to wake the thread, by one of the descriptors.</summary>
    void SetAsleep(bool asleep);

    /// <summary>Stops for good after an exception.</summary>
    void Fail(Exception reason);
}
