using CsCheck;
using Verbena.Dataplane.Tables;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.Tables;

public sealed class Ip4FibTests
{
    private static readonly Gen<Ip4Prefix> s_prefix = Gen.Select(
        Gen.UInt, Gen.OneOf(Gen.Int[0, 32], Gen.Int[14, 18], Gen.Int[22, 26], Gen.Int[30, 32]),
        (bits, length) => new Ip4Prefix(new Ip4Address(Crowd(bits)), length));

    private static readonly Gen<(Ip4Prefix Prefix, int Adjacency, bool Add)> s_change =
        Gen.Select(s_prefix, Gen.Int[2, 1000], Gen.Frequency((3, Gen.Const(true)), (2, Gen.Const(false))));

    [Fact]
    public void Lookup_finds_the_longest_prefix_after_any_sequence_of_changes()
    {
        Gen.Select(s_change.Array[1, 60], Gen.UInt.Array[40]).Sample((changes, samples) =>
        {
            Ip4Fib fib = new(1);
            Dictionary<Ip4Prefix, int> model = new() { [default] = 1 };
            foreach ((Ip4Prefix prefix, int adjacency, bool add) in changes)
            {
                Apply(fib, model, prefix, adjacency, add);
                foreach (Ip4Address address in Interesting(changes, samples))
                {
                    Assert.Equal((uint)LongestMatch(model, address), fib.Lookup(address));
                }
            }

            fib.FreeEmptiedPlies();
        }, iter: 100);
    }

    [Fact]
    public void Removing_everything_leaves_the_default_route_and_plies_are_used_again()
    {
        Ip4Fib fib = new(1);
        for (int round = 0; round < 200; round++)
        {
            for (uint i = 0; i < 40; i++)
            {
                fib.Add(new Ip4Prefix(new Ip4Address((i << 16) + 5), 32), (int)i + 2);
            }

            for (uint i = 0; i < 40; i++)
            {
                Assert.Equal((int)i + 2, fib.Remove(new Ip4Prefix(new Ip4Address((i << 16) + 5), 32)));
                Assert.Equal(1u, fib.Lookup(new Ip4Address((i << 16) + 5)));
            }

            fib.FreeEmptiedPlies();
        }

        Assert.Equal(80, fib.PlyCount);
    }

    [Fact]
    public void The_default_route_can_be_replaced_and_comes_back()
    {
        Ip4Fib fib = new(1);
        fib.Add(default, 9);
        Assert.Equal(9u, fib.Lookup(new Ip4Address(0x01020304)));
        Assert.Equal(9, fib.Remove(default));
        Assert.Equal(1u, fib.Lookup(new Ip4Address(0x01020304)));
        Assert.Equal(-1, fib.Remove(TestRouter.Prefix("10.0.0.0/8")));
    }

    [Fact]
    public async Task A_reader_beside_the_writer_never_sees_anything_but_the_old_or_the_new_route()
    {
        Ip4Fib fib = new(1);
        fib.Add(TestRouter.Prefix("10.0.0.0/8"), 2);
        using CancellationTokenSource stop = new();
        Task<bool> reader = Task.Run(() =>
        {
            bool sane = true;
            uint i = 0;
            while (!stop.IsCancellationRequested)
            {
                uint found = fib.Lookup(new Ip4Address(0x0A000000 | ((i++ & 63) << 16) | 5));
                sane &= found is 2 or 3 or 4;
            }

            return sane;
        });
        for (uint i = 0; i < 20_000; i++)
        {
            Ip4Address host = new(0x0A000000 | ((i & 63) << 16) | 5);
            fib.Add(new Ip4Prefix(host, 32), 3);
            fib.Add(new Ip4Prefix(host, 25), 4);
            if ((i & 1) == 0)
            {
                _ = fib.Remove(new Ip4Prefix(host, 32)); // its plies stay: no one frees them here
            }
        }

        await stop.CancelAsync();
        Assert.True(await reader);
    }

    /// <summary>Squeezes addresses into few networks, so that prefixes meet.</summary>
    private static uint Crowd(uint bits) => bits & 0x03_01_03_8F;

    private static void Apply(Ip4Fib fib, Dictionary<Ip4Prefix, int> model, Ip4Prefix prefix, int adjacency, bool add)
    {
        Ip4Prefix network = new(prefix.Network, prefix.Length);
        if (add)
        {
            fib.Add(prefix, adjacency);
            model[network] = adjacency;
        }
        else
        {
            Assert.Equal(model.GetValueOrDefault(network, -1), fib.Remove(prefix));
            _ = model.Remove(network);
            _ = model.TryAdd(default, 1);
        }
    }

    private static int LongestMatch(Dictionary<Ip4Prefix, int> model, Ip4Address address) =>
        model.Where(route => route.Key.Contains(address)).MaxBy(route => route.Key.Length).Value;

    private static IEnumerable<Ip4Address> Interesting(
        (Ip4Prefix Prefix, int Adjacency, bool Add)[] changes, uint[] samples) =>
        changes.SelectMany(change => (Ip4Address[])[change.Prefix.Address, change.Prefix.Network, change.Prefix.DirectedBroadcast])
            .Concat(samples.Select(bits => new Ip4Address(Crowd(bits))));
}
