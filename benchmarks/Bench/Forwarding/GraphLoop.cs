using Verbena.Driver;

namespace Verbena.Bench.Forwarding;

/// <summary>The whole graph: IPv4 lookup and rewrite.</summary>
internal sealed class GraphLoop(NicPair nics, RdmaMode mode) : IForwardingLoop
{
    private readonly ForwardingPath _path = new(nics, mode);
    private ulong _received;

    public void AttachThread() => _path.Router.Workers[0].AttachThread(threadId: 0, core: null);

    public int Turn()
    {
        _path.Router.Workers[0].RunOnce(WorkerThread.Now());
        ulong received = _path.Received;
        int count = (int)(received - _received);
        _received = received;
        return count;
    }

    public void Dispose() => _path.Dispose();
}
