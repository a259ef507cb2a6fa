namespace Verbena.Emulator.Nic;

/// <summary>The NIC refuses a control command.</summary>
/// <param name="errno">What a kernel would answer the program with, positive.</param>
/// <param name="message">One sentence: what was refused, and why.</param>
#pragma warning disable CA1032 // without an errno the exception would not say what the program gets
public sealed class NicException(int errno, string message) : Exception(message)
#pragma warning restore CA1032
{
    private const int Eperm = 1;
    private const int Enomem = 12;
    private const int Eexist = 17;
    private const int Einval = 22;
    private const int Enospc = 28;
    private const int Eopnotsupp = 95;

    public int Errno { get; } = errno;

    internal static NicException Invalid(string message) => new(Einval, message);

    internal static NicException NotPermitted(string message) => new(Eperm, message);

    internal static NicException Exists(string message) => new(Eexist, message);

    internal static NicException Exhausted(string message) => new(Enospc, message);

    internal static NicException NoMemory(string message) => new(Enomem, message);

    internal static NicException NotSupported(string message) => new(Eopnotsupp, message);
}
