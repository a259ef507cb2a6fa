namespace Verbena.Tests.Emulator;

/// <summary>Tests that attach emulated NICs to this process's libibverbs: there is one, so they run one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EmulatedNicCollection
{
    public const string Name = "emulated NIC";
}
