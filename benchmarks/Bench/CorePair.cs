using System.Diagnostics;
using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Bench;

/// <summary>Two threads, each on a processor of its own as far as this process may choose, that run something together.</summary>
internal static unsafe class CorePair
{
    private const int NearNanoseconds = 50;
    private const int FarNanoseconds = 100;

    /// <summary>Runs both, and returns when both are done.</summary>
    public static void Run(Action first, Action second)
    {
        Thread[] threads = [new(() => RunOn(0, first)), new(() => RunOn(1, second))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }

    /// <summary>Where a hypervisor has put the two processors, by what a cache line takes from one to the other. It moves them now and then.</summary>
    public static string Placement() => LineNanoseconds() switch
    {
        < NearNanoseconds => "near",
        > FarNanoseconds => "far",
        _ => "unclear",
    };

    /// <summary>Time that a cache line takes one way, in nanoseconds.</summary>
    private static double LineNanoseconds()
    {
        const int Rounds = 2_000;
        const int LineBytes = 64;
        int* ball = (int*)NativeMemory.AlignedAlloc(LineBytes, LineBytes);
        *ball = 0;
        long start = 0;
        Run(
            () => Play(ball, Rounds, mine: 0),
            () =>
            {
                start = Stopwatch.GetTimestamp();
                Play(ball, Rounds, mine: 1);
            });
        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        NativeMemory.AlignedFree(ball);
        return elapsed / (2 * Rounds);
    }

    private static void Play(int* ball, int rounds, int mine)
    {
        for (int i = 0; i < rounds; i++)
        {
            while ((Volatile.Read(ref *ball) & 1) != mine)
            {
            }

            Volatile.Write(ref *ball, *ball + 1);
        }
    }

    private static void RunOn(int core, Action action)
    {
        const int MaskWords = 16; // 1024 processors, as glibc's cpu_set_t
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[0] = 1ul << core;
        _ = Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask); // where it may not, the scheduler keeps the two apart
        action();
    }
}
