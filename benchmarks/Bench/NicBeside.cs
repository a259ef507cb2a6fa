using System.Diagnostics;

namespace Verbena.Bench;

/// <summary>A NIC that takes its steps on one processor while a program is measured on the other.</summary>
internal static class NicBeside
{
    /// <summary>Runs both until <paramref name="measure"/> returns.</summary>
    /// <param name="step">Lets the NIC work; false: there was nothing to do.</param>
    /// <param name="turn">What the program does over and over, here until the NIC's thread runs.</param>
    /// <param name="measure">The measurement. It can ask how long the NIC has been without work so far, in ticks of <see cref="Stopwatch"/>.</param>
    public static void Run(Func<bool> step, Action turn, Action<Func<long>> measure)
    {
        bool begun = false;
        bool over = false;
        long idle = 0;
        CorePair.Run(
            () =>
            {
                for (long last = Stopwatch.GetTimestamp(); !Volatile.Read(ref over);)
                {
                    bool busy = step();
                    long now = Stopwatch.GetTimestamp();
                    Volatile.Write(ref idle, busy ? idle : idle + now - last);
                    Volatile.Write(ref begun, true);
                    last = now;
                }
            },
            () =>
            {
                while (!Volatile.Read(ref begun))
                {
                    turn();
                }

                measure(() => Volatile.Read(ref idle));
                Volatile.Write(ref over, true);
            });
    }
}
