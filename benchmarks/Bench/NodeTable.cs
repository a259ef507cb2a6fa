using Verbena.Dataplane;

namespace Verbena.Bench;

/// <summary>What each node took, the costliest first, which is named once more.</summary>
internal static class NodeTable
{
    public static void Print(RuntimeSnapshot runtime)
    {
        double total = runtime.Nodes.Sum(node => (double)node.Nanoseconds);
        NodeRuntime[] nodes = [.. runtime.Nodes.Where(node => node.Vectors > 0).OrderByDescending(node => node.Nanoseconds)];
        foreach (NodeRuntime node in nodes)
        {
            Console.WriteLine($"  {node.Name,-24} {node.Nanoseconds / total,6:P1} {(double)node.Nanoseconds / node.Vectors,8:F1} ns a packet");
        }

        Console.WriteLine($"  the node that costs most: {nodes[0].Name}");
    }
}
