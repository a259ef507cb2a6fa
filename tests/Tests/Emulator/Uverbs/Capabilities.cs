using System.Runtime.InteropServices;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What the calling thread alone may do (capset(2)).</summary>
internal static unsafe partial class Capabilities
{
    private const uint Version3 = 0x2008_0522; // _LINUX_CAPABILITY_VERSION_3

    /// <summary>Takes all of them from the thread, for good.</summary>
    public static void DropAll()
    {
        uint* header = stackalloc uint[] { Version3, 0 };
        uint* none = stackalloc uint[6];
        new Span<uint>(none, 6).Clear();
        Assert.Equal(0, capset(header, none));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset(uint* header, uint* data);
}
