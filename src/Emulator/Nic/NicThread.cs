using System.Diagnostics.CodeAnalysis;
using Verbena.Interop;

namespace Verbena.Emulator.Nic;

/// <summary>Runs devices on a thread of their own until it is disposed: it spins while there is work, else it rests.</summary>
/// <remarks>It rests on the descriptors of wires and netdevs. A doorbell wakes nobody, so a rest is short.</remarks>
public sealed unsafe class NicThread : IDisposable
{
    private const int IdlePasses = 256;
    private const long RestNanoseconds = 30_000;

    private readonly IReadOnlyList<NicDevice> _devices;
    private readonly pollfd[] _descriptors;
    private readonly Thread _thread;
    private volatile bool _stops;

    public NicThread(IReadOnlyList<NicDevice> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        _devices = devices;
        IEnumerable<int> descriptors = devices.SelectMany(d => d.PollDescriptors);
        _descriptors = [.. descriptors.Where(fd => fd >= 0).Select(fd => new pollfd { fd = fd, events = Libc.POLLIN })];
        _thread = new Thread(Run) { Name = "emulated NIC", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends the thread after the pass it is in; the devices stay.</summary>
    public void Dispose()
    {
        _stops = true;
        _thread.Join();
    }

    private void Run()
    {
        int idle = 0;
        while (!_stops)
        {
            bool busy = false;
            foreach (NicDevice device in _devices)
            {
                busy |= Step(device);
            }

            idle = busy ? 0 : idle + 1;
            if (idle >= IdlePasses)
            {
                Rest();
            }
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever it is, it must end the device and not the process")]
    private static bool Step(NicDevice device)
    {
        try
        {
            return device.Step();
        }
        catch (Exception e)
        {
            device.Fail(e);
            return false;
        }
    }

    private void Rest()
    {
        timespec timeout = new() { tv_nsec = RestNanoseconds };
        fixed (pollfd* descriptors = _descriptors)
        {
            _ = Libc.ppoll(descriptors, (nuint)_descriptors.Length, &timeout, null);
        }
    }
}
