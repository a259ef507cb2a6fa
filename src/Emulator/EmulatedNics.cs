using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Attachment;
using Verbena.Emulator.Nic;
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
    private NicThread? _thread;
    private SysfsTree? _sysfs;
    private CallServer? _server;
    private LibraryHooks? _hooks;

    private EmulatedNics()
    {
    }

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
    /// <exception cref="InvalidOperationException">
    /// Some are attached already, two have one name, a netdev or wire can't be made, or the libraries are not installed or
    /// were used before.
    /// </exception>
    public static EmulatedNics Attach(IReadOnlyList<NicOptions> options, ILogger logger, bool stepped = false, TimeProvider? time = null)
    {
        var nics = new EmulatedNics();
        if (Interlocked.CompareExchange(ref s_attached, nics, null) is not null)
        {
            throw new InvalidOperationException("this process has emulated NICs already; they are all made by one call");
        }

        try
        {
            nics.MakeNics(options, logger, stepped, time);
            nics.Publish(logger);
            return nics;
        }
        catch
        {
            nics.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes the NICs in a program that none of us wrote: it finds them by SYSFS_PATH and reaches them through the shim in
    /// LD_PRELOAD, both set by whoever started it. They stay as long as the process.
    /// </summary>
    /// <exception cref="InvalidOperationException">A netdev or wire can't be made.</exception>
    public static void AttachToProgram(IReadOnlyList<NicOptions> options, ILogger logger)
    {
        var nics = new EmulatedNics();
        s_attached = nics;
        nics.MakeNics(options, logger, stepped: false, time: null);
        nics.Serve(logger);
    }

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
        _sysfs?.Dispose();
        _thread?.Dispose();
        foreach (NicDevice nic in _nics)
        {
            nic.Dispose();
        }

        _nics.Clear();
        Interlocked.CompareExchange(ref s_attached, null, this);
    }

    private void MakeNics(IReadOnlyList<NicOptions> options, ILogger logger, bool stepped, TimeProvider? time)
    {
        if (options.CountBy(option => option.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
        {
            throw new InvalidOperationException($"two emulated NICs are called {twice}");
        }

        CheckCables(options);
        var panel = new PatchPanel();
        foreach (NicOptions option in options)
        {
            var nic = new NicDevice(option, panel, logger, time);
            _nics.Add(nic);
            _devices.Add(new UverbsDevice(nic, _devices.Count, _files, Faults, logger));
        }

        Devices = _nics.ToDictionary(nic => nic.Options.Name, StringComparer.Ordinal);
        _thread = stepped ? null : new NicThread(_nics);
    }

    private void Serve(ILogger logger) => _server = new CallServer(NicShim.Loaded, new DeviceNodes(_devices, _files, logger));

    /// <summary>Lets the RDMA libraries of this process find the NICs.</summary>
    private void Publish(ILogger logger)
    {
        _sysfs = new SysfsTree([.. _devices.Select(device => device.Identity)]);
        Serve(logger);
        _hooks = NicShim.Loaded.IsPreloaded ? null : new LibraryHooks(NicShim.Loaded);
        if (Marshal.PtrToStringUTF8((nint)Libibverbs.ibv_get_sysfs_path()) != SysfsTree.Path)
        {
            throw new InvalidOperationException("libibverbs was used in this process before the first emulated NIC was made, and will never find it");
        }
    }

    private static void CheckCables(IReadOnlyList<NicOptions> options)
    {
        foreach (NicOptions near in options)
        {
            if (near.Wire is CableOptions { Port: { } port })
            {
                NicOptions far = options.FirstOrDefault(option => option != near && option.Name == port)
                    ?? throw new InvalidOperationException($"{near.Name},wire=cable:{port}: there is no other emulated NIC called {port}");
                if (far.Wire is not CableOptions)
                {
                    throw new InvalidOperationException($"{near.Name},wire=cable:{port}: {port} has a wire already, {far.Wire.Text}");
                }
            }
        }
    }
}
