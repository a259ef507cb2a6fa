namespace Verbena.Emulator.Nic;

/// <summary>A completion queue: a ring in the program's memory that only the NIC writes.</summary>
public sealed class CompletionQueue
{
    /// <summary>The cqn that the program writes to the arm register, 24 bits.</summary>
    public uint Number { get; internal set; }
}
