namespace Verbena.Emulator.Nic;

/// <summary>What flows lead to: a queue pair with a receive queue of its own, or an RSS queue pair.</summary>
public abstract class FlowDestination
{
    private protected FlowDestination(NicContext context) => Context = context;

    public NicContext Context { get; }
}
