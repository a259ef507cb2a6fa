using System.Runtime.InteropServices;
using Verbena.Dataplane.Graph;
using Verbena.Packets;

namespace Verbena.Dataplane.Nodes;

/// <summary>control-input: sends what the control thread asks for. Next: ip4-lookup, interface-output.</summary>
internal sealed class ControlInputNode(
    Dispatcher dispatcher, WorkerMessages messages, ArpRequests arpRequests, InternalNode lookup)
    : InputNode(dispatcher, "control-input")
{
    private const int EchoHeaderBytes = Ip4Header.Size + IcmpHeader.Size;

    /// <summary>The most that an echo request can carry in one buffer, in bytes.</summary>
    public const int MaxEchoPayloadBytes = BufferPool.DataBytes - EchoHeaderBytes;

    protected override int Poll()
    {
        int count = 0;
        while (count < InternalNode.FrameSize && messages.Requests.TryTake(out WorkerRequest request))
        {
            count++;
            if (request.Kind == WorkerRequestKind.EchoRequest)
            {
                SendEcho(in request);
            }
            else if (FindInterface(request.Interface) is { IsRouting: true } tx
                && !arpRequests.TrySend(this, tx, request.Source, request.Destination, request.MacAddress))
            {
                Count(Reason.ArpRequestsNoBuffer);
            }
        }

        return count;
    }

    // The interface may have been removed since the request was made, or may route no more.
    private Interface? FindInterface(int index) =>
        index < Dispatcher.Tables.Interfaces.Length ? Dispatcher.Tables.Interfaces[index] : null;

    private void SendEcho(in WorkerRequest request)
    {
        bool taken = Buffers.TryTake(out BufferIndex packet);
        if (taken)
        {
            ref BufferHeader header = ref Buffers.Header(packet);
            header.Length = (ushort)(EchoHeaderBytes + request.Size);
            header.Flags = BufferFlags.LocallyOriginated;
            WriteEcho(Buffers.Packet(packet), in request);
            lookup.Enqueue(packet);
        }

        Count(taken ? Reason.EchoRequestsSent : Reason.EchoRequestsNoBuffer);
        _ = messages.Reports.TryAdd(
            new(taken ? WorkerReportKind.EchoRequestSent : WorkerReportKind.EchoRequestNoBuffer)
            {
                Time = Dispatcher.Now,
                Identifier = request.Identifier,
                Sequence = request.Sequence,
            });
    }

    private void WriteEcho(Span<byte> packet, in WorkerRequest request)
    {
        Originate.WriteIp4Header(
            packet, Dispatcher.NextIdentification(), typeOfService: 0, IpProtocol.Icmp, request.Source, request.Destination);
        Span<byte> message = packet[Ip4Header.Size..];
        Span<byte> payload = message[IcmpHeader.Size..];
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] = (byte)i;
        }

        ref IcmpHeader icmp = ref MemoryMarshal.AsRef<IcmpHeader>(message);
        icmp = new IcmpHeader
        {
            Type = IcmpHeader.EchoRequest,
            Identifier = request.Identifier,
            Sequence = request.Sequence,
        };
        icmp.Checksum = Checksum.Compute(message);
    }
}
