namespace Verbena.Emulator.Uverbs;

/// <summary>Carries out a command of a program that has the device open.</summary>
/// <exception cref="UverbsException">The command is refused, and nothing has changed.</exception>
internal delegate void CommandHandler(UverbsContext context, in IoctlFrame frame);

/// <summary>A method of a kernel object.</summary>
/// <param name="Name">The name in the log, and by which a test makes it fail: <c>CQ_CREATE</c>.</param>
/// <param name="ObjectId">UVERBS_OBJECT_*</param>
/// <param name="MethodId">UVERBS_METHOD_*</param>
/// <param name="Handler">What it does.</param>
/// <param name="Required">Attributes without which it is refused (EINVAL).</param>
/// <param name="Optional">Attributes that it knows besides; the driver's two are always allowed.</param>
internal sealed record MethodCommand(
    string Name, ushort ObjectId, ushort MethodId, CommandHandler Handler, ushort[] Required, params ushort[] Optional);

/// <summary>A command of the older form, which arrives inside INVOKE_WRITE.</summary>
/// <param name="Name">The name in the log, and by which a test makes it fail: <c>REG_MR</c>.</param>
/// <param name="Number">IB_USER_VERBS_CMD_*, bit 31 set for the extended ones.</param>
/// <param name="InputBytes">Length of its input; a shorter one is refused (ENOSPC).</param>
/// <param name="OutputBytes">Length of its answer; a program with less room is refused (ENOSPC).</param>
/// <param name="Handler">What it does.</param>
internal sealed record WriteCommand(string Name, uint Number, int InputBytes, int OutputBytes, CommandHandler Handler);
