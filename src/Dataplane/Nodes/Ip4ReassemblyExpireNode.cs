using Verbena.Dataplane.Graph;

namespace Verbena.Dataplane.Nodes;

/// <summary>ip4-full-reassembly-expire-walk: sees to it that fragments whose others don't come are not kept for ever.</summary>
internal sealed class Ip4ReassemblyExpireNode(Dispatcher dispatcher, Ip4ReassemblyNode reassembly)
    : InputNode(dispatcher, "ip4-full-reassembly-expire-walk")
{
    protected override int Poll() => reassembly.Expire();
}
