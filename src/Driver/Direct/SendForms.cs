namespace Verbena.Driver.Direct;

/// <summary>How packets are written into a send queue. Structures that implement it cost no call: the queue is compiled for each.</summary>
internal interface ISendForm
{
    /// <summary>Bytes of a packet that the NIC demands inside the WQE.</summary>
    static abstract int InlineBytes { get; }

    /// <summary>True if several packets share a WQE.</summary>
    static abstract bool Enhanced { get; }
}

/// <summary>Enhanced multi-packet WQEs: one control segment and one Ethernet segment for many packets, and 16 bytes for each. ConnectX-5 and later.</summary>
internal readonly struct EnhancedSend : ISendForm
{
    public static int InlineBytes => 0;

    public static bool Enhanced => true;
}

/// <summary>A WQE for each packet, with the packet's first bytes in it: a ConnectX-4 looks at its Ethernet and VLAN headers before it fetches the rest.</summary>
internal readonly struct InlineHeaderSend : ISendForm
{
    public static int InlineBytes => 18;

    public static bool Enhanced => false;
}
