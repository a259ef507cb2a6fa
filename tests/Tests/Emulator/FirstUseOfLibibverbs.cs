using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Tests.Emulator;

[assembly: AssemblyFixture(typeof(FirstUseOfLibibverbs))]

namespace Verbena.Tests.Emulator;

/// <summary>Attaches once before any test, since libibverbs reads its environment at its first use and never again.</summary>
public sealed class FirstUseOfLibibverbs
{
    public FirstUseOfLibibverbs() => EmulatedNics.Attach([], NullLogger.Instance, stepped: true).Dispose();
}
