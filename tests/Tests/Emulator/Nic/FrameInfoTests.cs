using CsCheck;
using Verbena.Emulator.Nic;

namespace Verbena.Tests.Emulator.Nic;

public sealed class FrameInfoTests
{
    [Fact]
    public void Plain_frames_are_read_like_any_other()
    {
        int plain = 0;
        Gen.Select(FlowSamples.Frame, Gen.Int[14, 120], Gen.Int[14, 60], Gen.Byte).Sample((planned, length, place, value) =>
        {
            byte[] frame = planned.ToBytes();
            frame = frame[..Math.Min(frame.Length, length)];
            if (place < frame.Length)
            {
                frame[place] = value; // lengths that lie, options, fragments, other versions
            }

            if (FrameInfo.TryParsePlain(frame, out FrameInfo info))
            {
                FrameInfo.ParseAny(frame, out FrameInfo expected);
                Assert.Equal((expected.Headers, expected.Layout), (info.Headers, info.Layout));
                Interlocked.Increment(ref plain);
            }
        }, iter: 20_000);
        Assert.True(plain > 200, $"{plain} of 20000 frames were plain");
    }
}
