namespace Verbena.Emulator.Nic;

/// <summary>A flow that is in force.</summary>
public sealed class FlowRule
{
    internal FlowRule(FlowParameters parameters) => Parameters = parameters;

    public FlowParameters Parameters { get; }

    /// <summary>Where a normal flow has its place.</summary>
    internal FlowEntry? Entry { get; set; }

    internal FlowMatch Match => Parameters.Match;
}
