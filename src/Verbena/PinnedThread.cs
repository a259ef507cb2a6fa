using Verbena.Interop;

namespace Verbena;

/// <summary>Starts threads that may have a processor of their own.</summary>
internal static unsafe class PinnedThread
{
    private const int MaskWords = 16; // 1024 processors, as glibc's cpu_set_t

    /// <summary>Starts a background thread, and returns when it is where it should be.</summary>
    /// <param name="name">What Linux shows, up to 15 characters.</param>
    /// <param name="core">The processor, or null to let Linux choose.</param>
    /// <param name="option">What asked for that processor, for the sentence that says it can't be.</param>
    /// <param name="run">What it does.</param>
    /// <exception cref="VerbenaException">This process may not run there, or there is no such processor.</exception>
    public static Thread Start(string name, int? core, string option, Action run)
    {
        var pinned = new TaskCompletionSource<bool>();
        var thread = new Thread(() =>
        {
            bool isPinned = core is not { } number || TryPin(number);
            pinned.SetResult(isPinned);
            if (isPinned)
            {
                run();
            }
        })
        { Name = name, IsBackground = true };
        thread.Start();
        return pinned.Task.GetAwaiter().GetResult()
            ? thread
            : throw new VerbenaException($"{option} {core}: this process may not run on that processor");
    }

    private static bool TryPin(int core)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (core is < 0 or >= MaskWords * 64)
        {
            return false;
        }

        mask[core / 64] = 1ul << (core % 64);
        return Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }
}
