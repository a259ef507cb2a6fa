using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Record;
using Verbena.Interop;
using Verbena.Interop.Shim;

namespace Verbena.NicLibrary;

/// <summary>Where the shim enters, once in a program's life.</summary>
internal static unsafe class Entry
{
    /// <summary>Makes the NICs that the environment describes and serves them as long as the program runs. Returns 0, or 1 if it can't.</summary>
    /// <param name="shim">Where it enters from.</param>
    [UnmanagedCallersOnly(EntryPoint = "verbena_nic_run")]
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "the caller is C")]
    public static int Run(verbena_nic_shim* shim)
    {
        try
        {
            NicShim.Use(shim);
            ILogger log = FileLog.To(Environment.GetEnvironmentVariable("VERBENA_NIC_LOG"));
            if (Environment.GetEnvironmentVariable("VERBENA_NIC_SOCKET") is { Length: > 0 } socket)
            {
                EmulatedNics.JoinFromProgram(socket, log, Recorder());
            }
            else
            {
                EmulatedNics.AttachToProgram(Options(Environment.GetEnvironmentVariable("VERBENA_NIC") ?? ""), log, Recorder());
            }

            return 0;
        }
        catch (Exception e)
        {
            Say("verbena nic: " + e.Message + "\n");
            return 1;
        }
    }

    private static NicRecorder? Recorder() => Environment.GetEnvironmentVariable("VERBENA_NIC_RECORD") is { Length: > 0 } path
        ? NicRecorder.Start(path, Environment.GetEnvironmentVariable("VERBENA_NIC_RECORD_WORK") == "1")
        : null;

    private static List<NicOptions> Options(string lines)
    {
        var options = new List<NicOptions>();
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            options.Add(NicOptions.TryParse(line, out NicOptions parsed, out string error) ? parsed : throw new InvalidOperationException(error));
        }

        return options;
    }

    /// <summary>To the program's standard error, without the runtime's console, which would change how the program meets signals.</summary>
    private static void Say(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
        {
            _ = Libc.write(2, start, (nuint)bytes.Length);
        }
    }
}
