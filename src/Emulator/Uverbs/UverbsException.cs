using Verbena.Interop;

namespace Verbena.Emulator.Uverbs;

/// <summary>A command is refused.</summary>
/// <param name="errno">What the program gets.</param>
/// <param name="message">One sentence for the log.</param>
internal sealed class UverbsException(Errno errno, string message) : Exception(message)
{
    public Errno Errno { get; } = errno;

    public static UverbsException Invalid(string message) => new(Errno.EINVAL, message);

    public static UverbsException NotSupported(string message) => new(Errno.EOPNOTSUPP, message);

    public static UverbsException NotPermitted(string message) => new(Errno.EPERM, message);
}
