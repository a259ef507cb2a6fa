using System.Buffers.Binary;

namespace Verbena.Emulator.Wires;

/// <summary>Plays a capture file once, in order and as fast as the port takes it; records what the port sends, with nanoseconds.</summary>
/// <remarks>
/// Classic pcap (draft-ietf-opsawg-pcap), microseconds or nanoseconds, either byte order, Ethernet only. The port is there before
/// the program, so the capture waits for a receiver. The recorded times are not kept.
/// </remarks>
public sealed class PcapWire : Wire
{
    private const uint Microseconds = 0xA1B2_C3D4;
    private const uint Nanoseconds = 0xA1B2_3C4D;
    private const int FileHeaderBytes = 24;
    private const int RecordHeaderBytes = 16;
    private const int Ethernet = 1;

    private readonly byte[] _capture;
    private readonly bool _bigEndian;
    private readonly FileStream? _out;
    private readonly TimeProvider _time;
    private readonly Func<bool> _hasReceiver;
    private readonly byte[] _header = new byte[FileHeaderBytes];
    private int _at = FileHeaderBytes;
    private bool _hadReceiver;
    private bool _hasBegun;
    private ulong _receiveErrors;

    internal PcapWire(string inPath, string? outPath, TimeProvider time, Func<bool> hasReceiver)
    {
        _time = time;
        _hasReceiver = hasReceiver;
        try
        {
            _capture = File.ReadAllBytes(inPath);
            _bigEndian = IsBigEndian(inPath);
            if (outPath is not null)
            {
                _out = new FileStream(outPath, FileMode.Create, FileAccess.Write);
                WriteFileHeader(_out);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"wire=pcap: {e.Message}", e);
        }
    }

    public override bool HasCarrier => true;

    /// <summary>True once every frame of the capture has been received; one that is cut short ends it.</summary>
    public bool IsAtEnd { get; private set; }

    public override bool HasToLook => _hasBegun && !IsAtEnd;

    /// <summary>Records too short for an Ethernet header.</summary>
    public override ulong ReceiveErrors => _receiveErrors;

    public override void Receive(FrameBatch frames)
    {
        while (_hasBegun && !IsAtEnd && frames.HasRoom)
        {
            ReadOnlySpan<byte> rest = _capture.AsSpan(_at);
            uint length = rest.Length < RecordHeaderBytes ? uint.MaxValue : Read(rest[8..]);
            if (length > FrameBatch.MaxFrameBytes || length > rest.Length - RecordHeaderBytes)
            {
                IsAtEnd = true;
                return;
            }

            if (length >= Packets.EthernetHeader.Size)
            {
                rest.Slice(RecordHeaderBytes, (int)length).CopyTo(frames.Reserve());
                frames.CommitPadded((int)length); // it may have been recorded where its sender had not padded it yet
            }
            else
            {
                _receiveErrors++;
            }

            _at += RecordHeaderBytes + (int)length;
        }
    }

    public override int Send(FrameBatch frames)
    {
        if (_out is null)
        {
            return frames.Count;
        }

        try
        {
            long ticks = _time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks;
            for (int i = 0; i < frames.Count; i++)
            {
                WriteRecord(_out, frames[i], ticks);
            }

            return frames.Count;
        }
        catch (IOException)
        {
            return 0; // a full disk: the NIC counts the frames as lost
        }
    }

    /// <summary>Begins when there has been a receiver twice: flows by which drivers try what the NIC can do are gone by then.</summary>
    public override void Refresh()
    {
        bool hasReceiver = _hasReceiver();
        _hasBegun |= hasReceiver && _hadReceiver;
        _hadReceiver = hasReceiver;
    }

    protected override void Dispose(bool disposing)
    {
        _out?.Dispose();
        base.Dispose(disposing);
    }

    private bool IsBigEndian(string path)
    {
        if (_capture.Length >= FileHeaderBytes)
        {
            bool bigEndian = BinaryPrimitives.ReadUInt32BigEndian(_capture) is Microseconds or Nanoseconds;
            bool littleEndian = BinaryPrimitives.ReadUInt32LittleEndian(_capture) is Microseconds or Nanoseconds;
            byte linkType = _capture[bigEndian ? 23 : 20];
            if ((bigEndian || littleEndian) && linkType == Ethernet)
            {
                return bigEndian;
            }
        }

        throw new InvalidOperationException($"wire=pcap: {path} is no Ethernet capture in pcap form; convert it with: editcap -F pcap");
    }

    private uint Read(ReadOnlySpan<byte> field) =>
        _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(field) : BinaryPrimitives.ReadUInt32LittleEndian(field);

    private void WriteFileHeader(FileStream file)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_header, Nanoseconds);
        BinaryPrimitives.WriteUInt16LittleEndian(_header.AsSpan(4), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(_header.AsSpan(6), 4);
        BinaryPrimitives.WriteUInt32LittleEndian(_header.AsSpan(16), FrameBatch.MaxFrameBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(_header.AsSpan(20), Ethernet);
        file.Write(_header);
    }

    private void WriteRecord(FileStream file, ReadOnlySpan<byte> frame, long ticks)
    {
        (long seconds, long rest) = Math.DivRem(ticks, TimeSpan.TicksPerSecond);
        BinaryPrimitives.WriteUInt32LittleEndian(_header, (uint)seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(_header.AsSpan(4), (uint)rest * 100);
        BinaryPrimitives.WriteInt32LittleEndian(_header.AsSpan(8), frame.Length);
        BinaryPrimitives.WriteInt32LittleEndian(_header.AsSpan(12), frame.Length);
        file.Write(_header.AsSpan(0, RecordHeaderBytes));
        file.Write(frame);
    }
}
