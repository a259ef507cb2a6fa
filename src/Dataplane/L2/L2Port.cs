namespace Verbena.Dataplane.L2;

/// <summary>An interface in L2 mode, and what becomes of the frames that it receives. Never changes: a changed one takes its place.</summary>
internal sealed record L2Port(Interface Interface)
{
    /// <summary>The bridge domain whose member it is; null in a cross-connect.</summary>
    public BridgeDomain? Domain { get; init; }

    /// <summary>In a cross-connect: where all frames leave. Null after that interface was deleted.</summary>
    public Interface? Peer { get; init; }

    /// <summary>The domain's own interface for routing. What it sends enters the domain; what is for it is routed.</summary>
    public bool IsBvi { get; init; }

    /// <summary>The member that gets unicast frames to unknown addresses, and no others of which there are copies.</summary>
    public bool IsUuForward { get; init; }

    /// <summary>Frames don't go from one member of a group other than 0 to another.</summary>
    public int SplitHorizonGroup { get; init; }

    /// <summary>What it may do with frames that it receives, as far as the domain does it.</summary>
    public bool Learns { get; init; } = true;

    public bool Forwards { get; init; } = true;

    public bool Floods { get; init; } = true;

    /// <summary>True if frames from this member may leave by <paramref name="other"/>.</summary>
    public bool MaySendTo(L2Port other) =>
        other.Interface != Interface && (SplitHorizonGroup == 0 || SplitHorizonGroup != other.SplitHorizonGroup);
}
