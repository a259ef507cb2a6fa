using System.Runtime.InteropServices;

namespace Verbena.Interop.Shim;

/// <summary>The functions of libverbena-shim.so (src/Shim), which stands between the RDMA libraries and libc.</summary>
/// <remarks>
/// A program's thread must not run managed code here: a garbage collection that meets it in a function which C code has called
/// may leave it in a state in which the next such call ends the process. The shim lets it wait for an answer instead.
/// </remarks>
public sealed unsafe class NicShim
{
    private const string FileName = "libverbena-shim.so";

    private static readonly Lazy<NicShim> s_loaded = new(() => new NicShim());

    private readonly nint _handle;
    private readonly delegate* unmanaged<int, uint> _serve;
    private readonly delegate* unmanaged<uint, int, void> _offer;
    private readonly delegate* unmanaged<uint, verbena_call*> _wait;
    private readonly delegate* unmanaged<void> _answer;
    private readonly delegate* unmanaged<uint, void> _end;
    private readonly delegate* unmanaged<int, int, int> _track;
    private readonly delegate* unmanaged<int, int> _file;
    private readonly delegate* unmanaged<void> _work;
    private readonly delegate* unmanaged<ulong> _unmapped;

    private NicShim()
    {
        IsPreloaded = NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "verbena_nic_serve", out _);
        _handle = IsPreloaded ? NativeLibrary.GetMainProgramHandle() : NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, FileName));
        _serve = (delegate* unmanaged<int, uint>)Find("verbena_nic_serve");
        _offer = (delegate* unmanaged<uint, int, void>)Find("verbena_nic_offer");
        _wait = (delegate* unmanaged<uint, verbena_call*>)Find("verbena_nic_wait");
        _answer = (delegate* unmanaged<void>)Find("verbena_nic_answer");
        _end = (delegate* unmanaged<uint, void>)Find("verbena_nic_end");
        _track = (delegate* unmanaged<int, int, int>)Find("verbena_nic_track");
        _file = (delegate* unmanaged<int, int>)Find("verbena_nic_file");
        _work = (delegate* unmanaged<void>)Find("verbena_nic_work");
        _unmapped = (delegate* unmanaged<ulong>)Find("verbena_nic_unmapped");
    }

    /// <summary>The shim of this process.</summary>
    /// <exception cref="DllNotFoundException">It does not lie beside the executable.</exception>
    public static NicShim Loaded => s_loaded.Value;

    /// <summary>True if it shadows libc in the whole process, since LD_PRELOAD names it.</summary>
    public bool IsPreloaded { get; }

    /// <summary>The shim's function that stands for libc's of this name.</summary>
    public nint Find(string symbol) => NativeLibrary.GetExport(_handle, symbol);

    /// <summary>From now on <paramref name="devices"/> nodes are there. Returns the server's number.</summary>
    public uint Serve(int devices) => _serve(devices);

    /// <summary>From now on <paramref name="devices"/> nodes are there.</summary>
    public void Offer(uint server, int devices) => _offer(server, devices);

    /// <summary>Waits for the next call; null: the server has ended.</summary>
    public verbena_call* Wait(uint server) => _wait(server);

    /// <summary>The call that <see cref="Wait"/> gave has its result.</summary>
    public void Answer() => _answer();

    public void End(uint server) => _end(server);

    /// <summary>Makes a descriptor the emulator's, of the device node <paramref name="node"/> or, with -1, of events.</summary>
    /// <returns>The file's number, by which later calls name it; 0 if the descriptor is too high.</returns>
    public int Track(int descriptor, int node) => _track(descriptor, node);

    /// <summary>The number of the file behind a descriptor, or 0.</summary>
    public int File(int descriptor) => _file(descriptor);

    /// <summary>The calling thread works as the NIC from now on: where the program has unmapped memory it finds empty pages, and faults no more.</summary>
    public void Work() => _work();

    /// <summary>An address at which NICs have found the program's memory gone since this was called last, or 0.</summary>
    public ulong TakeUnmapped() => _unmapped();
}
