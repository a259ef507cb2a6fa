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
public sealed unsafe class EmulatedNics : IDisposable
{
    private static EmulatedNics? s_attached;

    private readonly List<NicDevice> _nics = [];
    private readonly FileTable _files = new(NicShim.Loaded);
    private readonly List<UverbsDevice> _devices = [];
    private readonly NicRecorder? _recorder;
    private PortClient? _ports;
    private NicThread? _thread;
    private SysfsTree? _sysfs;
    private SysfsUpdates? _updates;
    private CallServer? _server;
    private LibraryHooks? _hooks;

    private EmulatedNics(NicRecorder? recorder) => _recorder = recorder;

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
        AttachOnce(nics => nics.MakeNics(options, logger, stepped, time), logger, recorder);

    /// <summary>Makes NICs on the ports of another process, beside those of others, and lets the RDMA libraries of this process find them.</summary>
    /// <param name="socketPath">Where a <see cref="PortServer"/> listens.</param>
    /// <param name="logger">Gets what the NICs have to say; never from the path of a frame.</param>
    /// <param name="recorder">Gets what programs do with the NICs; whoever made it disposes it afterwards.</param>
    /// <exception cref="InvalidOperationException">As with <see cref="Attach"/>, or nobody listens there.</exception>
    public static EmulatedNics Join(string socketPath, ILogger logger, NicRecorder? recorder = null) =>
        AttachOnce(nics => nics.JoinPorts(socketPath, logger), logger, recorder);

    /// <summary>
    /// Makes the NICs in a program that none of us wrote: it finds them by SYSFS_PATH and reaches them through the shim in
    /// LD_PRELOAD, both set by whoever started it. They stay as long as the process.
    /// </summary>
    /// <exception cref="InvalidOperationException">A netdev or wire can't be made.</exception>
    public static void AttachToProgram(IReadOnlyList<NicOptions> options, ILogger logger, NicRecorder? recorder) => ServeProgram(
        nics =>
        {
            nics.MakeNics(options, logger, stepped: false, time: null);
            nics._updates = Environment.GetEnvironmentVariable("SYSFS_PATH") is { } tree ? new SysfsUpdates(tree, nics._nics) : null;
        },
        logger, recorder);

    /// <summary>As <see cref="AttachToProgram"/>, on the ports of another process, beside other programs.</summary>
    /// <exception cref="InvalidOperationException">Nobody listens at the path.</exception>
    public static void JoinFromProgram(string socketPath, ILogger logger, NicRecorder? recorder) =>
        ServeProgram(nics => nics.JoinPorts(socketPath, logger), logger, recorder);

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
        _files.CloseAll();
        _updates?.Dispose();
        _sysfs?.Dispose();
        _thread?.Dispose();
        foreach (NicDevice nic in _nics)
        {
            nic.Dispose();
        }

        _nics.Clear();
        _ports?.Dispose();
        Interlocked.CompareExchange(ref s_attached, null, this);
    }

    private static void ServeProgram(Action<EmulatedNics> make, ILogger logger, NicRecorder? recorder)
    {
        s_attached = new EmulatedNics(recorder);
        make(s_attached);
        s_attached.Serve(logger);
    }

    private static EmulatedNics AttachOnce(Action<EmulatedNics> make, ILogger logger, NicRecorder? recorder)
    {
        var nics = new EmulatedNics(recorder);
        if (Interlocked.CompareExchange(ref s_attached, nics, null) is not null)
        {
            throw new InvalidOperationException("this process has emulated NICs already; they are all made by one call");
        }

        try
        {
            make(nics);
            nics.Publish(logger);
            return nics;
        }
        catch
        {
            nics.Dispose();
            throw;
        }
    }

    private void MakeNics(IReadOnlyList<NicOptions> options, ILogger logger, bool stepped, TimeProvider? time)
    {
        PatchPanel.Check(options);
        var panel = new PatchPanel();
        foreach (NicOptions option in options)
        {
            Add(new NicDevice(option, panel, logger, time), logger);
        }

        _thread = stepped ? null : new NicThread(_nics);
    }

    private void JoinPorts(string socketPath, ILogger logger)
    {
        _ports = new PortClient(socketPath);
        foreach (RemotePort port in _ports.Ports)
        {
            Add(new NicDevice(port, logger), logger);
        }

        _thread = new NicThread(_nics);
    }

    private void Add(NicDevice nic, ILogger logger)
    {
        _nics.Add(nic);
        _devices.Add(new UverbsDevice(nic, _devices.Count, _files, Faults, logger, _recorder));
        Devices = _nics.ToDictionary(each => each.Options.Name, StringComparer.Ordinal);
    }

    private void Serve(ILogger logger) => _server = new CallServer(NicShim.Loaded, new DeviceNodes(_devices, _files, logger));

    /// <summary>Lets the RDMA libraries of this process find the NICs.</summary>
    private void Publish(ILogger logger)
    {
        _sysfs = new SysfsTree([.. _devices.Select(device => device.Identity)]);
        _updates = new SysfsUpdates(SysfsTree.Path, _nics);
        Serve(logger);
        _hooks = NicShim.Loaded.IsPreloaded ? null : new LibraryHooks(NicShim.Loaded);
        if (Marshal.PtrToStringUTF8((nint)Libibverbs.ibv_get_sysfs_path()) != SysfsTree.Path)
        {
            throw new InvalidOperationException("libibverbs was used in this process before the first emulated NIC was made, and will never find it");
        }
    }
}
