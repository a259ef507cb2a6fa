using System.Runtime.InteropServices;

namespace Verbena.Emulator.Wires;

/// <summary>A ring of frames inside the process: one thread at a time writes, and one reads.</summary>
internal sealed unsafe class FramePipe
{
    private readonly byte[] _memory = GC.AllocateArray<byte>(sizeof(FrameRingIndices) + FrameRing.Bytes, pinned: true);
    private FrameRingReader _reader;
    private FrameRingWriter _writer;

    public FramePipe()
    {
        byte* memory = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        var indices = (FrameRingIndices*)memory;
        _reader = new FrameRingReader(indices, memory + sizeof(FrameRingIndices));
        _writer = new FrameRingWriter(indices, memory + sizeof(FrameRingIndices));
    }

    /// <summary>The reader's.</summary>
    public ref FrameRingReader Reader => ref _reader;

    /// <summary>The writer's.</summary>
    public ref FrameRingWriter Writer => ref _writer;
}
