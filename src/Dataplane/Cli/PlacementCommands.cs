namespace Verbena.Dataplane.Cli;

/// <summary>Which worker polls which receive queue (vnet/interface_cli.c).</summary>
internal static class PlacementCommands
{
    public static void AddTo(CommandTable table, Router router)
    {
        table.Add("set interface rx-placement", "<interface> [queue <n>] worker <n>", "Lets a worker poll a receive queue (0 unless another is named)", words =>
        {
            Interface target = words.Interface(router);
            int queue = words.TryKeyword("queue") ? words.Number("a receive queue", 0, int.MaxValue) : 0;
            if (words.TryKeyword("main"))
            {
                throw new CommandException("the main thread polls no receive queue: name a worker, which 'show threads' lists");
            }

            words.Keyword("worker");
            Worker worker = router.Workers[words.Number("a worker", 0, router.Workers.Count - 1)];
            return _ => router.SetRxPlacement(target, queue, worker);
        });
        table.Add("set interface rx-mode", "<interface> [queue <n>] polling|interrupt|adaptive",
            "Says how a worker learns of packets: it polls, sleeps until the NIC tells it, or either by the load", words =>
        {
            Interface target = words.Interface(router);
            int? queue = words.TryKeyword("queue") ? words.Number("a receive queue", 0, int.MaxValue) : null;
            RxMode mode = words.Keyword("polling", "interrupt", "adaptive") switch
            {
                "polling" => RxMode.Polling,
                "interrupt" => RxMode.Interrupt,
                _ => RxMode.Adaptive,
            };
            return _ => router.SetRxMode(target, queue, mode);
        });
        table.Add("show interface rx-placement", "", "Lists which worker polls which receive queue", _ =>
            session => session.Output.Write(Format(router)));
    }

    private static string Format(Router router) => string.Concat(router.RxQueues
        .GroupBy(placed => placed.Worker)
        .OrderBy(group => group.Key.Index)
        .Select(group => $"Thread {ThreadCommands.Id(group.Key)} ({group.Key.Name}):\n node rdma-input:\n" + string.Concat(group
            .OrderBy(placed => placed.Interface.Name, StringComparer.Ordinal)
            .ThenBy(placed => placed.Queue)
            .Select(placed => $"    {placed.Interface} queue {placed.Queue} ({Layout.Word(placed.Mode)})\n"))));
}
