using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Which fields of a packet are hashed, and by which key.</summary>
internal sealed class Rss(RssFields fields, ReadOnlySpan<byte> key)
{
    private readonly Toeplitz _toeplitz = new(key);
    private readonly RssFields _fields = fields;

    /// <summary>The hash and the CQE's rx_hash_type; both 0 if the packet lacks a selected header.</summary>
    public (uint Hash, byte Type) Compute(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        if ((_fields & RssFields.Inner) == RssFields.None)
        {
            return ComputeHeaders(frame, in info);
        }

        return TunnelHeaders.TryFindInner(frame, in info, out ReadOnlySpan<byte> inner, out FrameInfo innerInfo)
            ? ComputeHeaders(inner, in innerInfo)
            : default;
    }

    private (uint Hash, byte Type) ComputeHeaders(ReadOnlySpan<byte> frame, in FrameInfo info)
    {
        bool isIp4 = info.IpVersion == 4;
        RssFields network = _fields & (isIp4 ? RssFields.SourceIp4 | RssFields.DestinationIp4 : RssFields.SourceIp6 | RssFields.DestinationIp6);
        RssFields ports = _fields & (info.Transport == IpProtocol.Tcp
            ? RssFields.SourceTcp | RssFields.DestinationTcp
            : RssFields.SourceUdp | RssFields.DestinationUdp);
        RssFields anyPort = RssFields.SourceTcp | RssFields.DestinationTcp | RssFields.SourceUdp | RssFields.DestinationUdp;
        bool wantsPorts = (_fields & anyPort) != RssFields.None;
        bool lacksPorts = wantsPorts && (info.Transport == 0 || ports == RssFields.None);
        if (info.IpVersion == 0 || lacksPorts || (network == RssFields.None && !wantsPorts))
        {
            return default;
        }

        Span<byte> input = stackalloc byte[36];
        int length = 0;
        int addressBytes = isIp4 ? 4 : 16;
        int addresses = info.NetworkOffset + (isIp4 ? 12 : 8);
        Append(input, ref length, frame, addresses, addressBytes, network & (RssFields.SourceIp4 | RssFields.SourceIp6));
        Append(input, ref length, frame, addresses + addressBytes, addressBytes, network & (RssFields.DestinationIp4 | RssFields.DestinationIp6));
        Append(input, ref length, frame, info.TransportOffset, 2, ports & (RssFields.SourceTcp | RssFields.SourceUdp));
        Append(input, ref length, frame, info.TransportOffset + 2, 2, ports & (RssFields.DestinationTcp | RssFields.DestinationUdp));

        int networkType = network == RssFields.None ? 0 : isIp4 ? 1 : 2;
        int transportType = !wantsPorts ? 0 : info.Transport == IpProtocol.Tcp ? 1 : 2;
        return (_toeplitz.Hash(input[..length]), (byte)((networkType << 2) | (transportType << 6)));
    }

    private static void Append(Span<byte> input, ref int length, ReadOnlySpan<byte> frame, int offset, int bytes, RssFields selected)
    {
        if (selected != RssFields.None)
        {
            frame.Slice(offset, bytes).CopyTo(input[length..]);
            length += bytes;
        }
    }
}
