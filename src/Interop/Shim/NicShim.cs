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
    private const string Table = "verbena_nic_shim";

    private static NicShim? s_loaded;

    private readonly nint _library; // 0 where it gave its functions itself
    private readonly verbena_nic_shim* _functions;

    private NicShim(verbena_nic_shim* functions)
    {
        _functions = functions;
        IsPreloaded = true;
    }

    private NicShim()
    {
        nint program = NativeLibrary.GetMainProgramHandle();
        IsPreloaded = NativeLibrary.TryGetExport(program, Table, out _);
        _library = IsPreloaded ? program : NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, FileName));
        _functions = (verbena_nic_shim*)Find(Table);
    }

    /// <summary>The shim of this process.</summary>
    /// <exception cref="DllNotFoundException">It does not lie beside the executable.</exception>
    public static NicShim Loaded => LazyInitializer.EnsureInitialized(ref s_loaded, () => new NicShim());

    /// <summary>True if it shadows libc in the whole process, since LD_PRELOAD names it.</summary>
    public bool IsPreloaded { get; }

    /// <summary>The shim's function that stands for libc's of this name.</summary>
    public nint Find(string symbol) => NativeLibrary.GetExport(_library, symbol);

    /// <summary>Takes the shim that has loaded the emulator. Nothing is looked up: the program may hold the dynamic loader's lock.</summary>
    public static void Use(verbena_nic_shim* functions) => s_loaded = new NicShim(functions);

    /// <summary>From now on <paramref name="devices"/> nodes are there. Returns the server's number.</summary>
    public uint Serve(int devices) => _functions->serve(devices);

    /// <summary>From now on <paramref name="devices"/> nodes are there.</summary>
    public void Offer(uint server, int devices) => _functions->offer(server, devices);

    /// <summary>Waits for the next call; null: the server has ended.</summary>
    public verbena_call* Wait(uint server) => _functions->wait(server);

    /// <summary>The call that <see cref="Wait"/> gave has its result.</summary>
    public void Answer() => _functions->answer();

    public void End(uint server) => _functions->end(server);

    /// <summary>Makes a descriptor the emulator's, of the device node <paramref name="node"/> or, with -1, of events.</summary>
    /// <returns>The file's number, by which later calls name it; 0 if the descriptor is too high.</returns>
    public int Track(int descriptor, int node) => _functions->track(descriptor, node);

    /// <summary>The number of the file behind a descriptor, or 0.</summary>
    public int File(int descriptor) => _functions->file(descriptor);

    /// <summary>The calling thread works as the NIC from now on: where the program has unmapped memory it finds empty pages, and faults no more.</summary>
    public void Work() => _functions->work();

    /// <summary>An address at which NICs have found the program's memory gone since this was called last, or 0.</summary>
    public ulong TakeUnmapped() => _functions->unmapped();
}
