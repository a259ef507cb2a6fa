using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>Makes UDP frames inside the NIC, for measuring, and counts what comes back.</summary>
/// <remarks>
/// Like a real generator it does not wait for buffers: what the port has none for is counted there as out_of_buffer.
/// It waits for someone to send to: until an address is known, no frame is made.
/// </remarks>
public sealed class GeneratorWire : Wire
{
    private const int FirstSourcePort = 1024;

    private readonly GeneratorOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<MacAddress?> _receiverMac;
    private readonly byte[] _template;
    private MacAddress? _destination;
    private long _start;
    private ulong _made;
    private int _flow; // of the next frame

    internal GeneratorWire(GeneratorOptions options, TimeProvider time, Func<MacAddress?> receiverMac)
    {
        _options = options;
        _time = time;
        _receiverMac = receiverMac;
        _template = BuildTemplate(options);
    }

    /// <summary>What the port has sent.</summary>
    public SinkMeter Meter { get; } = new();

    /// <summary>Frames made so far; the next one carries this as its sequence number.</summary>
    public ulong Made => Volatile.Read(ref _made);

    public override bool HasCarrier => true;

    public override void Receive(FrameBatch frames)
    {
        if (!FindDestination())
        {
            return;
        }

        for (ulong due = Due(); due > 0 && frames.HasRoom; due--)
        {
            Span<byte> frame = frames.Reserve();
            CopyTemplate(frame);
            BinaryPrimitives.WriteUInt16BigEndian(frame[GeneratorFrame.SourcePortOffset..], (ushort)(FirstSourcePort + _flow));
            BinaryPrimitives.WriteUInt64BigEndian(frame[GeneratorFrame.HeaderBytes..], _made);
            frames.Commit(_options.SizeBytes);
            _made++;
            _flow = _flow + 1 < _options.Flows ? _flow + 1 : 0;
        }
    }

    public override int Send(FrameBatch frames) => Meter.Count(frames);

    /// <summary>How many frames may be made now. The rate holds from the first frame on; a late caller catches up.</summary>
    private ulong Due()
    {
        ulong due = _options.Count == 0 ? FrameBatch.Capacity : _options.Count - _made;
        if (_options.Rate == 0 || due == 0)
        {
            return due;
        }

        _start = _start == 0 ? _time.GetTimestamp() : _start;
        double elapsed = _time.GetElapsedTime(_start).TotalSeconds;
        return Math.Min(due, (ulong)(elapsed * _options.Rate) - Math.Min(_made, (ulong)(elapsed * _options.Rate)));
    }

    private bool FindDestination()
    {
        MacAddress? destination = _options.DestinationMac ?? _receiverMac();
        if (destination is { } mac && destination != _destination)
        {
            mac.CopyTo(_template);
            _destination = destination;
        }

        return destination is not null;
    }

    /// <summary>In whole vectors, as there is room for the longest frame: a call of memmove takes longer than a copy of 64 bytes.</summary>
    private void CopyTemplate(Span<byte> frame)
    {
        ref byte source = ref MemoryMarshal.GetArrayDataReference(_template);
        ref byte target = ref MemoryMarshal.GetReference(frame[.._template.Length]);
        for (int i = 0; i < _template.Length; i += Vector512<byte>.Count)
        {
            Vector512.LoadUnsafe(ref source, (nuint)i).StoreUnsafe(ref target, (nuint)i);
        }
    }

    /// <summary>The frame, and zeros up to whole vectors.</summary>
    private static byte[] BuildTemplate(GeneratorOptions options)
    {
        byte[] template = new byte[(options.SizeBytes + Vector512<byte>.Count - 1) & -Vector512<byte>.Count];
        Span<byte> frame = template.AsSpan(0, options.SizeBytes);
        ref EthernetHeader ethernet = ref MemoryMarshal.AsRef<EthernetHeader>(frame);
        ethernet.Source = new MacAddress(0x0200_5E00_0001);
        ethernet.Type = EtherType.Ip4;
        Span<byte> packet = frame[EthernetHeader.Size..];
        ref Ip4Header ip = ref MemoryMarshal.AsRef<Ip4Header>(packet);
        ip.VersionAndHeaderLength = 0x45;
        ip.TotalLength = (ushort)packet.Length;
        ip.TimeToLive = 64;
        ip.Protocol = IpProtocol.Udp;
        ip.Source = options.Source;
        ip.Destination = options.Destination;
        ip.Checksum = Checksum.Compute(packet[..Ip4Header.Size]);
        Span<byte> udp = packet[Ip4Header.Size..]; // its checksum stays 0: there is none (RFC 768)
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], GeneratorFrame.DiscardPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        return template;
    }
}
