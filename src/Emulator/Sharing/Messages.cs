using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Emulator.Sharing;

/// <summary>How structures and texts lie in a message.</summary>
internal static class Message
{
    public const int MaxBytes = 4096;

    public static byte[] Of<T>(in T head, string text = "")
        where T : unmanaged
    {
        ReadOnlySpan<T> one = new(in head);
        return [.. MemoryMarshal.AsBytes(one), .. Encoding.UTF8.GetBytes(text)];
    }

    /// <summary>Reads what <see cref="Of"/> made; false: it is too short.</summary>
    public static bool TryRead<T>(ReadOnlySpan<byte> message, out T head, out string text)
        where T : unmanaged
    {
        text = "";
        if (!MemoryMarshal.TryRead(message, out head))
        {
            return false;
        }

        text = Encoding.UTF8.GetString(message[Unsafe.SizeOf<T>()..]);
        return true;
    }
}

/// <summary>What a process says first; with it comes the descriptor that wakes its queues.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Greeting
{
    /// <summary>Changes with anything that processes share. Both ends come from one build, unless someone mixes two.</summary>
    public const uint CurrentVersion = 3;

    public uint Version;
}

/// <summary>
/// The answer to a greeting; with it comes the descriptor that wakes the ports. A description of each port follows. Without ports
/// it is a refusal, and behind it stands why.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Welcome
{
    public uint Version;
    public int Ports;
}

/// <summary>
/// One port, behind which the text of its options follows. With it come the descriptors of the memory between port and
/// queues, and of the counters.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PortDescription
{
    public MacAddress Mac;
    public int CounterSlot;

    /// <summary>Number of the virtual function of the port whose options follow; -1: it is that port itself.</summary>
    public int Function;
}

internal enum RequestKind
{
    AddFlow,
    RemoveFlow,
    SetCarrier,
}

/// <summary>What a process asks of a port, which answers with a <see cref="Reply"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Request
{
    public RequestKind Kind;
    public int Port;

    /// <summary>RemoveFlow: the number from AddFlow's answer. SetCarrier: 1 or 0.</summary>
    public uint Number;

    public FlowRequest Flow;
}

/// <summary>Behind it the sentence follows that says why not.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Reply
{
    /// <summary>0, or what the program gets.</summary>
    public int Errno;

    /// <summary>AddFlow: by what the flow is removed.</summary>
    public uint Number;
}

/// <summary>A flow as plain data: destination and context are the process's numbers for them.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FlowRequest
{
    public uint Context;

    /// <summary>0: it has none, and then the next two mean nothing.</summary>
    public uint Destination;

    public SelfLoopback SelfLoopback;
    public bool Receives;
    public bool DontTrap;
    public bool IsEgress;
    public bool HasTag;
    public FlowType Type;
    public FlowAction Action;
    public int Priority;
    public uint Tag;
    public FlowMatch Match;

    public static FlowRequest Of(FlowParameters parameters, uint destination) => new()
    {
        Context = parameters.Context.Number,
        Destination = destination,
        SelfLoopback = parameters.Destination?.SelfLoopback ?? default,
        Receives = parameters.Destination?.Receives ?? false,
        DontTrap = parameters.DontTrap,
        IsEgress = parameters.IsEgress,
        HasTag = parameters.Tag is not null,
        Type = parameters.Type,
        Action = parameters.Action,
        Priority = parameters.Priority,
        Tag = parameters.Tag ?? 0,
        Match = parameters.Match,
    };

    public readonly FlowParameters ToParameters(NicContext context, FlowDestination? destination) => new()
    {
        Context = context,
        Destination = destination,
        DontTrap = DontTrap,
        IsEgress = IsEgress,
        Tag = HasTag ? Tag : null,
        Type = Type,
        Action = Action,
        Priority = Priority,
        Match = Match,
    };
}
