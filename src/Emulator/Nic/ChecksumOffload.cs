using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Emulator.Nic;

/// <summary>Writes the checksums that a sender left to the NIC.</summary>
internal static class ChecksumOffload
{
    /// <summary>Completes the frame; whatever stands in the fields is replaced. Headers that are not there are left alone.</summary>
    public static void Apply(Span<byte> frame, bool network, bool transport)
    {
        FrameInfo info = FrameInfo.Parse(frame);
        if (network && info.IpVersion == 4)
        {
            Write(frame[info.NetworkOffset..info.TransportOffset], 10, 0, zeroMeansNone: false);
        }

        if (transport && info.Transport != 0)
        {
            bool isUdp = info.Transport == IpProtocol.Udp;
            Write(frame.Slice(info.TransportOffset, info.TransportBytes), isUdp ? 6 : 16, info.PseudoHeaderSum(frame), isUdp);
        }
    }

    /// <summary>Completes a sum that the sender began: over everything from <paramref name="start"/> on, to be stored at <paramref name="field"/>.</summary>
    public static void Complete(Span<byte> frame, int start, int field)
    {
        if (start < field && field + 2 <= frame.Length)
        {
            MemoryMarshal.Write(frame[field..], Checksum.Compute(frame[start..]));
        }
    }

    private static void Write(Span<byte> covered, int field, ulong partial, bool zeroMeansNone)
    {
        BinaryPrimitives.WriteUInt16BigEndian(covered[field..], 0);
        ushort sum = Checksum.Compute(covered, partial);
        BinaryPrimitives.WriteUInt16BigEndian(covered[field..], sum == 0 && zeroMeansNone ? (ushort)0xFFFF : sum);
    }
}
