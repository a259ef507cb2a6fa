using System.Runtime.Intrinsics;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Which fields of a packet are hashed, and by which key.</summary>
internal sealed class Rss
{
    private const RssFields Ports = RssFields.SourceTcp | RssFields.DestinationTcp | RssFields.SourceUdp | RssFields.DestinationUdp;

    private readonly Toeplitz _toeplitz;
    private readonly byte _protocol; // whose ports, or SPI, are hashed; 0: none
    private readonly HashedBytes _ip4;
    private readonly HashedBytes _ip6;
    private readonly HashedBytes _transport;

    public Rss(RssFields fields, ReadOnlySpan<byte> key)
    {
        _toeplitz = new Toeplitz(key);
        bool isEsp = Has(fields, RssFields.IpsecSpi);
        bool isTcp = Has(fields, RssFields.SourceTcp | RssFields.DestinationTcp);
        _protocol = isEsp ? IpProtocol.Esp : !Has(fields, Ports) ? (byte)0 : isTcp ? IpProtocol.Tcp : IpProtocol.Udp;
        _ip4 = new HashedBytes(12, 4, Has(fields, RssFields.SourceIp4), Has(fields, RssFields.DestinationIp4));
        _ip6 = new HashedBytes(8, 16, Has(fields, RssFields.SourceIp6), Has(fields, RssFields.DestinationIp6));
        _transport = isEsp
            ? new HashedBytes(0, 4, source: true, destination: false)
            : new HashedBytes(0, 2, Has(fields, RssFields.SourceTcp | RssFields.SourceUdp), Has(fields, RssFields.DestinationTcp | RssFields.DestinationUdp));
        IsInner = Has(fields, RssFields.Inner);
        HashedHeaders = Bits(fields);
    }

    /// <summary>True if the headers inside a tunnel are hashed.</summary>
    public bool IsInner { get; }

    /// <summary>True if what is hashed is in <see cref="FrameInfo.Headers"/>: not inside a tunnel, and no SPI.</summary>
    public bool HashesHeaders => !IsInner && _protocol != IpProtocol.Esp;

    /// <summary>The bits of <see cref="FrameInfo.Headers"/> that decide, for one transport, what <see cref="Compute"/> returns, if it <see cref="HashesHeaders"/>.</summary>
    public Vector512<ulong> HashedHeaders { get; }

    /// <summary>The hash and the CQE's rx_hash_type; both 0 if the packet lacks a selected header.</summary>
    public (uint Hash, byte Type) Compute(ReadOnlySpan<byte> frame, in FrameLayout layout)
    {
        if (!IsInner)
        {
            return ComputeHeaders(frame, in layout);
        }

        return TunnelHeaders.TryFindInner(frame, in layout, out ReadOnlySpan<byte> inner, out FrameInfo innerInfo)
            ? ComputeHeaders(inner, in innerInfo.Layout)
            : default;
    }

    private (uint Hash, byte Type) ComputeHeaders(ReadOnlySpan<byte> frame, in FrameLayout layout)
    {
        bool isIp4 = layout.IpVersion == 4;
        HashedBytes addresses = isIp4 ? _ip4 : _ip6;
        bool lacksAddresses = layout.IpVersion == 0 || (addresses.Count == 0 && _ip4.Count + _ip6.Count > 0);
        bool lacksTransport = _protocol != 0 && layout.Transport != _protocol && !(_protocol == IpProtocol.Esp && layout.HasEsp);
        if (lacksAddresses || lacksTransport)
        {
            return default;
        }

        uint hash = _toeplitz.Hash(frame.Slice(layout.NetworkOffset + addresses.Offset, addresses.Count));
        if (_protocol != 0)
        {
            hash ^= _toeplitz.Hash(frame.Slice(layout.TransportOffset + _transport.Offset, _transport.Count), addresses.Count);
        }

        int networkType = addresses.Count == 0 ? 0 : isIp4 ? 1 : 2;
        int transportType = _protocol switch { IpProtocol.Tcp => 1, IpProtocol.Udp => 2, IpProtocol.Esp => 3, _ => 0 };
        return (hash, (byte)((networkType << 2) | (transportType << 6)));
    }

    private static Vector512<ulong> Bits(RssFields fields)
    {
        Span<byte> bits = stackalloc byte[MatchParameters.SectionBytes];
        bits.Clear();
        bits[MatchParameters.Bits] = MatchParameters.IpVersion;
        Look(RssFields.SourceIp4 | RssFields.SourceIp6, bits.Slice(MatchParameters.SourceIp, 16));
        Look(RssFields.DestinationIp4 | RssFields.DestinationIp6, bits.Slice(MatchParameters.DestinationIp, 16));
        Look(RssFields.SourceTcp, bits.Slice(MatchParameters.TcpSource, 2));
        Look(RssFields.DestinationTcp, bits.Slice(MatchParameters.TcpDestination, 2));
        Look(RssFields.SourceUdp, bits.Slice(MatchParameters.UdpSource, 2));
        Look(RssFields.DestinationUdp, bits.Slice(MatchParameters.UdpDestination, 2));
        return Vector512.Create<byte>(bits).AsUInt64();

        void Look(RssFields any, Span<byte> field) => field.Fill(Has(fields, any) ? (byte)0xFF : (byte)0);
    }

    private static bool Has(RssFields fields, RssFields any) => (fields & any) != RssFields.None;

    /// <summary>Source and destination lie side by side, so that what is hashed of the two is one piece.</summary>
    private readonly struct HashedBytes(int offset, int fieldBytes, bool source, bool destination)
    {
        /// <summary>Of the first byte in its header.</summary>
        public readonly int Offset = offset + (source ? 0 : fieldBytes);

        public readonly int Count = (source ? fieldBytes : 0) + (destination ? fieldBytes : 0);
    }
}
