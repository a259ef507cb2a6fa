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
    string Name, ushort ObjectId, ushort MethodId, CommandHandler Handler, AttributeSpec[] Required, params AttributeSpec[] Optional);

/// <summary>A command of the older form, which arrives inside INVOKE_WRITE.</summary>
/// <param name="Name">The name in the log, and by which a test makes it fail: <c>REG_MR</c>.</param>
/// <param name="Number">IB_USER_VERBS_CMD_*, bit 31 set for the extended ones.</param>
/// <param name="Handler">What it does.</param>
/// <param name="Attributes">Its input, output and the driver's parts. A program that gives less is refused (ENOSPC).</param>
internal sealed record WriteCommand(string Name, uint Number, CommandHandler Handler, params AttributeSpec[] Attributes);
