using System.Collections.Frozen;
using Verbena.Interop.Uverbs;
using static Verbena.Emulator.Uverbs.AttributeSpec;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>All commands that the emulated kernel knows.</summary>
internal static class Commands
{
    /// <summary>Carries a command of the older form; the device unpacks it.</summary>
    public static readonly MethodCommand InvokeWrite = new(
        "INVOKE_WRITE", (ushort)uverbs_default_objects.UVERBS_OBJECT_DEVICE, Methods.UVERBS_METHOD_INVOKE_WRITE,
        static (UverbsContext _, in IoctlFrame _) => throw UverbsException.Invalid("INVOKE_WRITE carries a command"),
        [In(UVERBS_ATTR_WRITE_CMD, 8)], Any(AttributeKind.Input, UVERBS_ATTR_CORE_IN), Any(AttributeKind.Output, UVERBS_ATTR_CORE_OUT));

    private static readonly FrozenDictionary<(ushort, ushort), MethodCommand> s_methods = new[]
    {
        [InvokeWrite], ContextCommands.Methods, DeviceQueries.Methods, Uar.Methods, Pd.Methods, Mr.Methods,
        Cq.Methods, Qp.Methods, Wq.Methods, RwqIndTbl.Methods, Flow.Methods, FlowMatcher.Methods,
    }.SelectMany(methods => methods).ToFrozenDictionary(method => (method.ObjectId, method.MethodId));

    private static readonly FrozenDictionary<uint, WriteCommand> s_writes = new[]
    {
        ContextCommands.Writes, DeviceQueries.Writes, Pd.Writes, Mr.Writes, Cq.Writes, Qp.Writes, Wq.Writes,
        RwqIndTbl.Writes, Flow.Writes, Multicast.Writes,
    }.SelectMany(writes => writes).ToFrozenDictionary(write => write.Number);

    public static MethodCommand? FindMethod(in IoctlFrame frame) => s_methods.GetValueOrDefault((frame.ObjectId, frame.MethodId));

    public static WriteCommand? FindWrite(uint number) => s_writes.GetValueOrDefault(number);
}
