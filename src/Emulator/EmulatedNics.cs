using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Record;
using Verbena.Emulator.Sharing;
using Verbena.Emulator.Uverbs;
using Verbena.Emulator.Wires;
using Verbena.Interop.Shim;
using Verbena.Interop.Verbs;

namespace Verbena.Emulator;

/// <summary>Emulated NICs below the libibverbs and libmlx5 of this process, from <see cref="Attach"/> to <see cref="Dispose"/>.</summary>
/// <remarks>
/// Whoever uses libibverbs closes its devices before this is disposed. The first use of libibverbs in the process must come
/// after the first attachment, since the library reads its environment once; later attachments may come and go.
/// </remarks>
public sealed unsafe partial class EmulatedNics : IDisposable
{
    private static EmulatedNics? s_attached;

    private readonly List<NicDevice> _nics = [];
    private readonly List<NicDevice> _removed = []; // programs may still have them open
    private readonly PatchPanel _panel = new();
    private readonly FileTable _files = new(NicShim.Loaded);
    private readonly ILogger _logger;
    private readonly TimeProvider? _time;
    private readonly bool _isStepped;
    private UverbsDevice[] _devices = []; // by the n of mlx5_n; replaced, never changed
    private readonly NicRecorder? _recorder;
    private PortClient? _ports;
    private string? _root; // of the sysfs tree
    private NicThread? _thread;
    private SysfsTree? _sysfs;
    private SysfsUpdates? _updates;
    private CallServer? _server;
    private LibraryHooks? _hooks;

    private EmulatedNics(ILogger logger, NicRecorder? recorder, bool stepped = false, TimeProvider? time = null) =>
        (_logger, _recorder, _isStepped, _time) = (logger, recorder, stepped, time);

    /// <summary>The NICs by the name of their netdev.</summary>
    public IReadOnlyDictionary<string, NicDevice> Devices { get; private set; } = new Dictionary<string, NicDevice>(StringComparer.Ordinal);

    /// <summary>Lets kernel commands fail.</summary>
    public UverbsFaults Faults { get; } = new();

    /// <summary>How many objects of each kind programs hold (<c>Cq</c>, <c>Flow</c>, <c>Context</c> …); empty when all is destroyed.</summary>
    public IReadOnlyDictionary<string, int> LiveObjects =>
        _devices.SelectMany(device => device.LiveObjects).CountBy(kind => kind).ToDictionary(StringComparer.Ordinal);

    /// <summary>Makes the NICs and lets the RDMA libraries of this process find them.</summary>
    /// <param name="options">One for each NIC; the first becomes mlx5_0.</param>
    /// <param name="logger">Gets what the NICs have to say; never from the path of a frame.</param>
    /// <param name="stepped">True: no thread of their own; whoever attached them calls <see cref="NicDevice.Step"/>.</param>
    /// <param name="time">The NICs' clock; by default the system's.</param>
    /// <param name="recorder">Gets what programs do with the NICs; whoever made it disposes it afterwards.</param>
    /// <exception cref="InvalidOperationException">
    /// Some are attached already, two have one name, a netdev or wire can't be made, or the libraries are not installed or
    /// were used before.
    /// </exception>
    public static EmulatedNics Attach(
        IReadOnlyList<NicOptions> options, ILogger logger, bool stepped = false, TimeProvider? time = null, NicRecorder? recorder = null) =>
        AttachOnce(nics => nics.MakeNics(options), new EmulatedNics(logger, recorder, stepped, time));

    /// <summary>Makes NICs on the ports of another process, beside those of others, and lets the RDMA libraries of this process find them.</summary>
    /// <param name="socketPath">Where a <see cref="PortServer"/> listens.</param>
    /// <param name="logger">Gets what the NICs have to say; never from the path of a frame.</param>
    /// <param name="recorder">Gets what programs do with the NICs; whoever made it disposes it afterwards.</param>
    /// <exception cref="InvalidOperationException">As with <see cref="Attach"/>, or nobody listens there.</exception>
    public static EmulatedNics Join(string socketPath, ILogger logger, NicRecorder? recorder = null) =>
        AttachOnce(nics => nics.JoinPorts(socketPath), new EmulatedNics(logger, recorder));

    /// <summary>
    /// Makes the NICs in a program that none of us wrote: it finds them by SYSFS_PATH and reaches them through the shim in
    /// LD_PRELOAD, both set by whoever started it. They stay as long as the process.
    /// </summary>
    /// <exception cref="InvalidOperationException">A netdev or wire can't be made.</exception>
    public static void AttachToProgram(IReadOnlyList<NicOptions> options, ILogger logger, NicRecorder? recorder) => ServeProgram(
        nics =>
        {
            nics.MakeNics(options);
            nics._root = Environment.GetEnvironmentVariable("SYSFS_PATH");
        },
        logger, recorder);

    /// <summary>As <see cref="AttachToProgram"/>, on the ports of another process, beside other programs.</summary>
    /// <exception cref="InvalidOperationException">Nobody listens at the path.</exception>
    public static void JoinFromProgram(string socketPath, ILogger logger, NicRecorder? recorder) =>
        ServeProgram(nics => nics.JoinPorts(socketPath), logger, recorder);

    /// <summary>Does one pass over every NIC, where they are stepped; true if one of them had anything to do.</summary>
    public bool Step()
    {
        bool worked = false;
        foreach (NicDevice nic in _nics)
        {
            worked |= nic.Step();
        }

        return worked;
    }

    public void Dispose()
    {
        _hooks?.Dispose();
        _server?.Dispose();
        Rest();
        _sysfs?.Dispose();
        foreach (NicDevice nic in _nics.Concat(_removed))
        {
            nic.Dispose();
        }

        _nics.Clear();
        _ports?.Dispose();
        Interlocked.CompareExchange(ref s_attached, null, this);
    }

    private static void ServeProgram(Action<EmulatedNics> make, ILogger logger, NicRecorder? recorder)
    {
        s_attached = new EmulatedNics(logger, recorder);
        make(s_attached);
        s_attached.Work();
        s_attached.Serve();
    }

    private static EmulatedNics AttachOnce(Action<EmulatedNics> make, EmulatedNics nics)
    {
        if (Interlocked.CompareExchange(ref s_attached, nics, null) is not null)
        {
            throw new InvalidOperationException("this process has emulated NICs already; they are all made by one call");
        }

        try
        {
            make(nics);
            nics.Publish();
            return nics;
        }
        catch
        {
            nics.Dispose();
            throw;
        }
    }

    private void MakeNics(IReadOnlyList<NicOptions> options)
    {
        PatchPanel.Check(NicOptions.WithFunctions(options));
        foreach (NicOptions option in options)
        {
            Add(new NicDevice(option, _panel, _logger, _time));
        }

        foreach (NicDevice physical in _nics.ToArray())
        {
            AddFunctions(physical, physical.Options.VirtualFunctions);
        }
    }

    private void JoinPorts(string socketPath)
    {
        _ports = new PortClient(socketPath);
        foreach (RemotePort port in _ports.Ports)
        {
            Add(new NicDevice(port, _logger));
        }
    }

    /// <summary>Gives a NIC the first number that no program can still have open.</summary>
    private UverbsDevice Add(NicDevice nic)
    {
        UverbsDevice? old = Array.Find(_devices, old => _removed.Contains(old.Nic) && !old.LiveObjects.Any());
        int index = old?.Index ?? _devices.Length;
        var device = new UverbsDevice(nic, index, _files, Faults, _logger, _recorder);
        _devices = [.. _devices[..index], device, .. _devices.Skip(index + 1)];
        _nics.Add(nic);
        PublishDevices();
        Forget(old?.Nic);
        return device;
    }

    /// <summary>Nobody can open a removed NIC any more: its memory goes.</summary>
    private void Forget(NicDevice? removed)
    {
        if (removed is not null)
        {
            _removed.Remove(removed);
            removed.Dispose();
        }
    }

    private void PublishDevices() => Devices = _nics.ToDictionary(nic => nic.Options.Name, StringComparer.Ordinal);

    /// <summary>Lets the NICs work on a thread of their own, and their files tell of them.</summary>
    private void Work()
    {
        _thread = _isStepped ? null : new NicThread(_nics, NicShim.Loaded.Work);
        _updates = _root is null ? null : new SysfsUpdates(_root, _devices.Where(device => _nics.Contains(device.Nic)).Select(device => (device.Index, (IPortStatus)device.Nic)));
    }

    private void Rest()
    {
        _updates?.Dispose();
        _thread?.Dispose();
    }

    private void Serve() => _server = new CallServer(NicShim.Loaded, new DeviceNodes(() => _devices, _files, _logger));

    /// <summary>Lets the RDMA libraries of this process find the NICs.</summary>
    private void Publish()
    {
        _sysfs = new SysfsTree([.. _devices.Select(device => device.Identity)]);
        _root = SysfsTree.Path;
        Work();
        Serve();
        _hooks = NicShim.Loaded.IsPreloaded ? null : new LibraryHooks(NicShim.Loaded);
        if (Marshal.PtrToStringUTF8((nint)Libibverbs.ibv_get_sysfs_path()) != SysfsTree.Path)
        {
            throw new InvalidOperationException("libibverbs was used in this process before the first emulated NIC was made, and will never find it");
        }
    }
}
