namespace Verbena.Emulator.Nic;

/// <summary>Lets one in: a pass over port and queues, or a control call, which goes first.</summary>
/// <remarks>A plain lock would starve the callers: a spinning engine takes it again before a waiter has woken up.</remarks>
internal sealed class NicGate
{
    private readonly Lock _lock = new();
    private int _waiting;

    public Lock.Scope EnterCall()
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            return _lock.EnterScope();
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public Lock.Scope EnterPass()
    {
        while (Volatile.Read(ref _waiting) != 0)
        {
            Thread.Yield();
        }

        return _lock.EnterScope();
    }
}
