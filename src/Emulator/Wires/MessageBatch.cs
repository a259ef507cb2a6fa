using System.Runtime.InteropServices;
using Verbena.Interop;

namespace Verbena.Emulator.Wires;

/// <summary>Messages of recvmmsg or sendmmsg, each of up to two pieces of memory.</summary>
internal sealed unsafe class MessageBatch(int count) : IDisposable
{
    private readonly iovec* _vectors = (iovec*)NativeMemory.AllocZeroed((nuint)count * 2, (nuint)sizeof(iovec));

    /// <summary>What the kernel is given.</summary>
    public mmsghdr* Messages { get; } = (mmsghdr*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(mmsghdr));

    /// <summary>What the kernel has received or sent of a message, in bytes.</summary>
    public int LengthOf(int message) => (int)Messages[message].msg_len;

    /// <summary>Says where a message lies. The memory stays in its owner's hands; a second piece of no bytes is left out.</summary>
    public void Point(int message, void* first, nuint firstBytes, void* second, nuint secondBytes)
    {
        iovec* vectors = _vectors + (message * 2);
        vectors[0] = new iovec { iov_base = first, iov_len = firstBytes };
        vectors[1] = new iovec { iov_base = second, iov_len = secondBytes };
        Messages[message].msg_iov = vectors;
        Messages[message].msg_iovlen = secondBytes == 0 ? 1u : 2u;
    }

    public void Dispose()
    {
        NativeMemory.Free(Messages);
        NativeMemory.Free(_vectors);
    }
}
