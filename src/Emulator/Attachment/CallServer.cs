using Verbena.Interop.Shim;

namespace Verbena.Emulator.Attachment;

/// <summary>Answers the calls of the program's threads on a thread of its own, until disposed.</summary>
internal sealed unsafe class CallServer : IDisposable
{
    private readonly NicShim _shim;
    private readonly DeviceNodes _nodes;
    private readonly uint _number;
    private readonly Thread _thread;

    /// <param name="shim">Hands over the calls.</param>
    /// <param name="nodes">Answers them.</param>
    public CallServer(NicShim shim, DeviceNodes nodes)
    {
        _shim = shim;
        _nodes = nodes;
        _number = shim.Serve(nodes.Count);
        _thread = new Thread(Run) { Name = "emulated NIC calls", IsBackground = true };
        _thread.Start();
    }

    /// <summary>From now on that many nodes are there.</summary>
    public void Offer(int devices) => _shim.Offer(_number, devices);

    public void Dispose()
    {
        _shim.End(_number);
        _thread.Join();
    }

    private void Run()
    {
        _shim.Work(); // what is destroyed is finished first, on the program's memory
        while (_shim.Wait(_number) is var call && call != null)
        {
            call->result = _nodes.Answer(call);
            _shim.Answer();
        }

        _nodes.CloseAll(); // here, where memory that the program has unmapped is met without harm
    }
}
