using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane;

public sealed class WorkerTests
{
    [Fact]
    public void A_worker_that_forwards_answers_and_drops_allocates_nothing()
    {
        using BufferPool buffers = new(4096);
        using Router router = new(buffers);
        using GeneratorPort left = Add(router, new GeneratorPort(buffers, "left", TestRouter.LeftMac,
            Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost),
            Frame.EchoRequest(TestRouter.LeftHost, TestRouter.LeftAddress),
            Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, ttl: 1),
            Frame.Ip4(TestRouter.LeftHost, "10.0.1.99"),
            Frame.Ip4(TestRouter.LeftHost, "192.0.2.1"),
            Frame.Arp(ArpHeader.Request, TestRouter.LeftHostMac, TestRouter.LeftHost, TestRouter.LeftAddress),
            Frame.Ip4("127.0.0.1", TestRouter.RightHost)), "10.0.0.1/24");
        using GeneratorPort right = Add(router, new GeneratorPort(buffers, "right", TestRouter.RightMac), "10.0.1.1/24");
        router.AddNeighbor(router.FindInterface("left")!, Ip4Address.Parse(TestRouter.LeftHost), MacAddress.Parse(TestRouter.LeftHostMac));
        router.AddNeighbor(router.FindInterface("right")!, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));

        long now = 0;
        Run(router, ref now, turns: 50);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(router, ref now, turns: 500);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(right.TxQueues[0].Counters.Packets > 500 * 30);
        Assert.Contains(router.Errors, error => error.Reason == Reason.ArpPacketReplaced);
    }

    [Fact]
    public void A_parked_worker_does_nothing_until_all_have_let_it_go()
    {
        using TestRouter test = new();
        test.WithNeighbors().LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
        IDisposable first = test.Router.Park();
        IDisposable second = test.Router.Park();
        second.Dispose();
        second.Dispose();
        Assert.False(test.Router.Workers[0].RunOnce(test.Now));
        Assert.Empty(test.RightPort.Sent);
        first.Dispose();
        Assert.True(test.Router.Workers[0].RunOnce(test.Now));
        Assert.Single(test.RightPort.Sent);
    }

    [Fact]
    public async Task Routes_neighbors_and_interfaces_change_beside_running_workers()
    {
        using BufferPool buffers = new(4096);
        using Router router = new(buffers, workers: 2);
        byte[][] arriving =
        [
            Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost),
            Frame.Ip4(TestRouter.LeftHost, "192.0.2.1"),
            Frame.Arp(ArpHeader.Request, TestRouter.LeftHostMac, TestRouter.LeftHost, TestRouter.LeftAddress),
        ];
        using GeneratorPort left = Add(router, new GeneratorPort(buffers, "left", TestRouter.LeftMac, arriving) { Queues = 2 }, "10.0.0.1/24");
        using CancellationTokenSource stop = new();
        Task[] workers = [.. router.Workers.Select(worker => Task.Factory.StartNew(
            () => Poll(worker, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        for (int i = 0; i < 200; i++)
        {
            using GeneratorPort right = Add(router, new GeneratorPort(buffers, "right", TestRouter.RightMac) { Queues = 2 }, "10.0.1.1/24");
            Interface added = router.FindInterface("right")!;
            router.AddNeighbor(added, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));
            router.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
            router.Maintain(i);
            router.RemoveNeighbor(added, Ip4Address.Parse(TestRouter.RightHost));
            router.RemoveRoute(TestRouter.Prefix("192.0.2.0/24"));
            router.Remove(added);
        }

        await stop.CancelAsync();
        await Task.WhenAll(workers);
        Assert.All(left.TxQueues, queue => Assert.True(queue.Counters.Packets > 0, "each worker has answered by its own queue"));
        Assert.Equal(buffers.Count - router.Workers.Sum(worker => worker.Graph.HeldCount), buffers.FreeCount);
    }

    private static GeneratorPort Add(Router router, GeneratorPort port, string address)
    {
        Interface added = router.AddInterface(port);
        router.SetAdminUp(added, up: true);
        router.AddAddress(added, TestRouter.Prefix(address));
        return port;
    }

    private static void Run(Router router, ref long now, int turns)
    {
        for (int i = 0; i < turns; i++)
        {
            _ = router.Workers[0].RunOnce(now += 10_000_000);
        }
    }

    private static void Poll(Worker worker, CancellationToken stop)
    {
        worker.AttachThread(threadId: 0, core: null);
        for (long now = 0; !stop.IsCancellationRequested; now += 1000)
        {
            _ = worker.RunOnce(now);
        }
    }
}
