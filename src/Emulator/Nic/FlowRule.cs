namespace Verbena.Emulator.Nic;

/// <summary>A flow that is in force.</summary>
public sealed class FlowRule
{
    internal FlowRule(FlowParameters parameters, FlowMatch match)
    {
        Parameters = parameters;
        Match = match;
    }

    public FlowParameters Parameters { get; }

    internal FlowMatch Match { get; }
}
