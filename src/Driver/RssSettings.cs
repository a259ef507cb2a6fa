using System.Numerics;
using Verbena.Driver.Objects;

namespace Verbena.Driver;

/// <summary>How the NIC spreads received packets over a port's queues: a Toeplitz hash, whose low bits choose an entry of a table.</summary>
/// <param name="Key">The key of the hash, <see cref="KeyBytes"/> long.</param>
/// <param name="Table">The table's queues, by their numbers; a power of two.</param>
public sealed record RssSettings(IReadOnlyList<byte> Key, IReadOnlyList<int> Table)
{
    public const int KeyBytes = 40;

    /// <summary>VPP's key, so that flows land on the queues they are expected on.</summary>
    public static IReadOnlyList<byte> DefaultKey { get; } = Convert.FromHexString(
        "2cc681d15bdbf4f7fca28319db1a3e946b9e38d92c9c03d1ad9944a7d9563d59063c25f3fc1fdc2a");

    /// <summary>A table that spreads over <paramref name="queues"/> in turn, of an adapter whose tables have up to <paramref name="maxEntries"/>.</summary>
    public static IReadOnlyList<int> TableOver(IReadOnlyList<int> queues, int maxEntries) =>
        [.. Enumerable.Range(0, IndirectionTable.Size(queues.Count, maxEntries)).Select(entry => queues[entry % queues.Count])];

    /// <summary>Refuses what a port with so many queues, of an adapter with such tables, can't do.</summary>
    internal void Check(string port, int queues, int maxEntries)
    {
        if (Key.Count != KeyBytes)
        {
            throw new RdmaException($"a key of {Key.Count} bytes is not allowed: the NIC hashes with {KeyBytes}");
        }

        if (!BitOperations.IsPow2(Table.Count) || Table.Count > Math.Max(maxEntries, 1))
        {
            throw new RdmaException($"a table of {Table.Count} entries is not allowed: the NIC takes a power of two up to {maxEntries}");
        }

        if (Table.Any(queue => queue < 0 || queue >= queues))
        {
            throw new RdmaException($"{port} has the receive queues 0 to {queues - 1}, and can't spread packets over others");
        }
    }
}
