using System.CommandLine;
using System.CommandLine.Parsing;
using Verbena.Commands;
using Verbena.Control;
using Verbena.Emulator.Nic;
using Verbena.Nic;
using Verbena.Packets;

namespace Verbena;

/// <summary>The executable's own arguments.</summary>
internal static class CommandLine
{
    /// <summary>The most that <c>--buffers</c> takes.</summary>
    public const int MaxBuffers = 1 << 22;

    private static readonly Option<NicOptions[]> s_emulatedNic = new("--emulated-nic")
    {
        Description = "Adds a port of an emulated ConnectX. May be repeated.",
        HelpName = "NAME[,wire=WIRE][,mac=MAC][,speed=GBPS][,model=MODEL][,mtu=BYTES][,vfs=NUMBER]",
        CustomParser = result => [.. result.Tokens.Select(token => ParseNic(token.Value, result))],
    };

    private static readonly Option<NicOptions[]> s_nic = new("--nic")
    {
        Description = $"Adds a port of an emulated ConnectX. May be repeated. [default: {NicRunOptions.DefaultNic}]",
        HelpName = s_emulatedNic.HelpName,
        CustomParser = s_emulatedNic.CustomParser,
    };

    private static readonly Option<int> s_buffers = new("--buffers")
    {
        Description = "Number of packet buffers.",
        HelpName = "N",
        DefaultValueFactory = _ => DataPlaneOptions.DefaultBuffers,
    };

    private static readonly Option<MacAddressRange[]> s_allowMac = new("--allow-mac")
    {
        Description = "Lets interfaces take these MAC addresses only, and all that begin with the first BITS of one. May be repeated.",
        HelpName = "MAC[/BITS][,MAC[/BITS]]...",
        CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(',')).Select(text => ParseMac(text, result))],
    };

    private static readonly Option<string?> s_exec = new("--exec")
    {
        Description = "Runs a file of commands first.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_socket = new("--socket")
    {
        Description = $"The control socket. [default: {ControlSocket.DefaultPath}]",
        HelpName = "PATH",
    };

    /// <summary>Signals are ours to handle: the data plane is taken down in order.</summary>
    public static InvocationConfiguration Invocation { get; } = new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };

    public static RootCommand Create()
    {
        s_buffers.Validators.Add(result => RequireRange(result, 256, MaxBuffers));
        var start = new System.CommandLine.Command("start", "Runs the data plane as a daemon with a control socket.")
        {
            s_emulatedNic, ThreadOptions.MainCore, ThreadOptions.Workers, ThreadOptions.WorkerCores, s_buffers, s_allowMac, s_exec, s_socket,
        };
        start.SetAction((result, _) => GuardAsync(() =>
            StartCommand.RunAsync(Options(result), result.GetValue(s_socket) ?? ControlSocket.DefaultPath, result.GetValue(s_exec))));

        var words = new Argument<string[]>("command") { Description = "A command to run; without one, a prompt." };
        var ctl = new System.CommandLine.Command("ctl", "Talks to a running daemon.") { words, s_socket };
        ctl.SetAction((result, _) => GuardAsync(() => CtlCommand.RunAsync(result.GetValue(s_socket), result.GetValue(words) ?? [])));

        var docs = new System.CommandLine.Command("docs", "Prints docs/cli.md.") { Hidden = true };
        docs.SetAction(_ => Console.Out.Write(CommandReference.Write()));

        var root = new RootCommand("A user-space router for ConnectX NICs: alone, a data plane with a prompt.")
        {
            s_emulatedNic, ThreadOptions.MainCore, ThreadOptions.Workers, ThreadOptions.WorkerCores, s_buffers, s_allowMac, s_exec, start, ctl, CreateNic(), docs,
        };
        root.SetAction((result, _) => GuardAsync(() => InteractiveCommand.RunAsync(Options(result), result.GetValue(s_exec))));
        return root;
    }

    private static System.CommandLine.Command CreateNic()
    {
        var log = new Option<string?>("--log") { Description = "Where the NIC writes what it finds wrong in its use, and at the end what its ports have counted.", HelpName = "FILE" };
        var record = new Option<string?>("--record") { Description = "Where each verb of the program is recorded, for nic show.", HelpName = "FILE" };
        var recordWork = new Option<bool>("--record-work") { Description = "Records work requests and completions too." };
        var isPrivate = new Option<bool>("--private") { Description = "Puts the ports inside the program: faster, and for it alone." };
        var program = new Argument<string[]>("program") { Description = "The program and its arguments, after --.", Arity = ArgumentArity.OneOrMore };
        var run = new System.CommandLine.Command("run", "Runs any program with emulated NICs under its libibverbs.") { s_nic, log, record, recordWork, isPrivate, program };
        run.SetAction((result, _) => GuardAsync(() => NicRunCommand.RunAsync(new NicRunOptions
        {
            Nics = Nics(result),
            Log = result.GetValue(log),
            Record = result.GetValue(record),
            RecordsWork = result.GetValue(recordWork),
            IsPrivate = result.GetValue(isPrivate),
            Program = result.GetRequiredValue(program),
        })));

        var outlives = new Option<int>("--for") { Required = true };
        var serve = new System.CommandLine.Command("serve", "Holds the NICs of a program that nic run has started.") { s_nic, log, isPrivate, outlives };
        serve.Hidden = true;
        serve.SetAction((result, _) => GuardAsync(() => NicServeCommand.RunAsync(
            new NicRunOptions { Nics = Nics(result), Log = result.GetValue(log), IsPrivate = result.GetValue(isPrivate) },
            result.GetValue(outlives))));
        return new System.CommandLine.Command("nic", "Emulated NICs for programs other than Verbena.") { run, serve, CreateShow() };
    }

    private static System.CommandLine.Command CreateShow()
    {
        var file = new Argument<string>("file") { Description = "What nic run --record wrote." };
        var verb = new Option<string?>("--verb") { Description = "Shows only verbs whose name contains it.", HelpName = "NAME" };
        var pid = new Option<int?>("--pid") { Description = "Shows only the verbs of a process.", HelpName = "N" };
        var show = new System.CommandLine.Command("show", "Prints a record as a table.") { file, verb, pid };
        show.SetAction((result, _) => GuardAsync(() =>
            Task.FromResult(NicShowCommand.Run(result.GetRequiredValue(file), result.GetValue(verb), result.GetValue(pid)))));
        return show;
    }

    private static NicOptions[] Nics(ParseResult result) =>
        result.GetValue(s_nic) is { Length: > 0 } given ? given
            : NicOptions.TryParse(NicRunOptions.DefaultNic, out NicOptions standard, out string error) ? [standard]
            : throw new VerbenaException(error);

    private static DataPlaneOptions Options(ParseResult result) => new()
    {
        EmulatedNics = result.GetValue(s_emulatedNic) ?? [],
        WorkerCores = ThreadOptions.CoresOfWorkers(result),
        MainCore = result.GetValue(ThreadOptions.MainCore),
        Buffers = result.GetValue(s_buffers),
        AllowedMacAddresses = result.GetValue(s_allowMac) ?? [],
    };

    private static NicOptions ParseNic(string text, ArgumentResult result)
    {
        if (!NicOptions.TryParse(text, out NicOptions options, out string error))
        {
            result.AddError($"{((OptionResult)result.Parent!).Option.Name} {error}");
        }

        return options;
    }

    private static MacAddressRange ParseMac(string text, ArgumentResult result)
    {
        if (!MacAddressRange.TryParse(text, out MacAddressRange range))
        {
            result.AddError($"--allow-mac takes MAC addresses such as 02:11:22:33:44:55 or 02:11:22:00:00:00/24, not '{text}'");
        }

        return range;
    }

    private static void RequireRange(OptionResult result, int min, int max)
    {
        if (result.GetValueOrDefault<int>() < min || result.GetValueOrDefault<int>() > max)
        {
            result.AddError($"{result.Option.Name} takes a number from {min} to {max}");
        }
    }

    private static async Task<int> GuardAsync(Func<Task<int>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (VerbenaException e)
        {
            await Console.Error.WriteLineAsync("verbena: " + e.Message).ConfigureAwait(false);
            return 1;
        }
    }
}
