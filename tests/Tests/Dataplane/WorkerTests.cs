using System.Collections;
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
        router.Ip4.AddNeighbor(router.Interfaces.Find("left")!, Ip4Address.Parse(TestRouter.LeftHost), MacAddress.Parse(TestRouter.LeftHostMac));
        router.Ip4.AddNeighbor(router.Interfaces.Find("right")!, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));

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
    public void Two_ports_frames_of_one_turn_are_more_than_a_node_takes_at_once_and_all_are_sent()
    {
        using TestRouter test = new();
        test.WithNeighbors();
        for (int i = 0; i < InternalNode.FrameSize; i++)
        {
            test.LeftPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost));
            test.RightPort.Arriving.Enqueue(Frame.Ip4(TestRouter.LeftHost, TestRouter.RightHost, macDestination: TestRouter.RightMac));
        }

        Assert.True(test.Router.Workers[0].RunOnce(test.Now));
        Assert.Equal(2 * InternalNode.FrameSize, test.RightPort.Sent.Count);
        test.ExpectNoLeak();
    }

    [Fact]
    public void An_interface_that_not_all_workers_can_send_to_is_taken_back_from_those_that_could()
    {
        using BufferPool buffers = new(64);
        using Router router = new(buffers, workers: 2);
        using LamePort port = new(buffers);
        Assert.Throws<NotSupportedException>(() => router.Interfaces.Add(port));
        Assert.Null(router.Interfaces.Find("lame"));
        Assert.Empty(router.RxQueues);
        Assert.DoesNotContain(router.ReadRuntime(now: 1).SelectMany(worker => worker.Nodes), node => node.Kind == NodeKind.Output);
    }

    [Fact]
    public void A_worker_sleeps_short_while_a_queue_wants_buffers()
    {
        using BufferPool buffers = new(64);
        using Router router = new(buffers);
        using TellingPort port = new(buffers);
        router.SetRxMode(router.Interfaces.Add(port), queue: null, RxMode.Interrupt);
        Assert.Equal(1000, Sleep(router.Workers[0]));
        port.Queue.IsStarved = true;
        Assert.Equal(1, Sleep(router.Workers[0]));
        port.Queue.IsStarved = false;
        Assert.Equal(1000, Sleep(router.Workers[0]));
    }

    [Fact]
    public void Runtime_tells_the_mode_of_the_most_wakeful_queue()
    {
        using BufferPool buffers = new(64);
        using Router router = new(buffers);
        using TellingPort port = new(buffers);
        using TestPort other = new(buffers, "other", TestRouter.RightMac);
        Interface telling = router.Interfaces.Add(port);
        Assert.Equal(RxMode.Polling, router.ReadRuntime(now: 1)[0].Mode);
        router.SetRxMode(telling, queue: null, RxMode.Adaptive);
        Assert.Equal(RxMode.Adaptive, router.ReadRuntime(now: 1)[0].Mode);
        router.SetRxMode(telling, queue: null, RxMode.Interrupt);
        Assert.Equal(RxMode.Interrupt, router.ReadRuntime(now: 1)[0].Mode);
        _ = router.Interfaces.Add(other);
        Assert.Equal(RxMode.Polling, router.ReadRuntime(now: 1)[0].Mode);
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
            Interface added = router.Interfaces.Find("right")!;
            router.Ip4.AddNeighbor(added, Ip4Address.Parse(TestRouter.RightHost), MacAddress.Parse(TestRouter.RightHostMac));
            router.Ip4.AddRoute(TestRouter.Prefix("192.0.2.0/24"), Ip4Address.Parse(TestRouter.RightHost));
            router.Maintain(i);
            router.Ip4.RemoveNeighbor(added, Ip4Address.Parse(TestRouter.RightHost));
            router.Ip4.RemoveRoute(TestRouter.Prefix("192.0.2.0/24"));
            router.Interfaces.Remove(added);
        }

        await stop.CancelAsync();
        await Task.WhenAll(workers);
        Assert.All(left.TxQueues, queue => Assert.True(queue.Counters.Packets > 0, "each worker has answered by its own queue"));
        Assert.Equal(buffers.Count - router.Workers.Sum(worker => worker.Graph.HeldCount), buffers.FreeCount);
    }

    [Fact]
    public async Task A_route_that_is_replaced_beside_a_running_worker_loses_no_packet()
    {
        using BufferPool buffers = new(4096);
        using Router router = new(buffers);
        using GeneratorPort left = Add(router, new GeneratorPort(buffers, "left", TestRouter.LeftMac, Frame.Ip4(TestRouter.LeftHost, "192.0.2.1")), "10.0.0.1/24");
        using GeneratorPort right = Add(router, new GeneratorPort(buffers, "right", TestRouter.RightMac), "10.0.1.1/24");
        Ip4Prefix destinations = TestRouter.Prefix("192.0.2.0/24");
        Ip4Address[] nextHops = [Ip4Address.Parse(TestRouter.RightHost), Ip4Address.Parse("10.0.1.3")];
        Array.ForEach(nextHops, host => router.Ip4.AddNeighbor(router.Interfaces.Find("right")!, host, MacAddress.Parse(TestRouter.RightHostMac)));
        router.Ip4.AddRoute(destinations, nextHops[0]);
        _ = router.Workers[0].RunOnce(now: 0); // announces the addresses
        router.ClearErrors();
        using CancellationTokenSource stop = new();
        Task worker = Task.Factory.StartNew(
            () => Poll(router.Workers[0], stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (int i = 0; i < 50; i++)
        {
            router.Ip4.AddRoute(destinations, nextHops[i / 2 % 2]); // the same one, then the other
            ulong before = right.TxQueues[0].Counters.Packets;
            Assert.True(SpinWait.SpinUntil(() => right.TxQueues[0].Counters.Packets > before, TimeSpan.FromSeconds(10)), "the worker forwards meanwhile");
        }

        await stop.CancelAsync();
        await worker;
        Assert.Empty(router.Errors); // neither a drop nor an ICMP error
    }

    private static GeneratorPort Add(Router router, GeneratorPort port, string address)
    {
        Interface added = router.Interfaces.Add(port);
        router.Interfaces.SetAdminUp(added, up: true);
        router.Ip4.AddAddress(added, TestRouter.Prefix(address));
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

    private static int Sleep(Worker worker)
    {
        Assert.True(worker.TryBeginSleep(TestRouter.Second, out _, out int milliseconds));
        worker.EndSleep();
        return milliseconds;
    }

    /// <summary>A port whose receive queue can tell of packets, but never has any.</summary>
    private sealed class TellingPort(BufferPool buffers) : TestPort(buffers, "telling", TestRouter.LeftMac)
    {
        public TellingQueue Queue { get; } = new();

        public override IReadOnlyList<RxQueue> RxQueues => [Queue];
    }

    private sealed class TellingQueue : RxQueue
    {
        public bool IsStarved { get; set; }

        public override bool WantsBuffers => IsStarved;

        public override int EventDescriptor => 0;

        public override RxCounters Counters => default;

        public override int Receive(Span<BufferIndex> packets) => 0;
    }

    /// <summary>A port whose second transmit queue can't be had.</summary>
    private sealed class LamePort(BufferPool buffers) : TestPort(buffers, "lame", TestRouter.LeftMac)
    {
        public override IReadOnlyList<TxQueue> TxQueues => new LameQueues(base.TxQueues[0]);

        private sealed class LameQueues(TxQueue first) : IReadOnlyList<TxQueue>
        {
            public int Count => 2;

            public TxQueue this[int index] => index == 0 ? first : throw new NotSupportedException("no second queue");

            public IEnumerator<TxQueue> GetEnumerator() => throw new NotSupportedException();

            IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
        }
    }
}
