using System.Diagnostics;

namespace Verbena.SystemTests.Programs;

/// <summary>A program in C of the tests' own.</summary>
internal static class CProgram
{
    /// <summary>Compiles it, and returns its path.</summary>
    /// <param name="folder">An existing folder, for the source and the program.</param>
    /// <param name="name">The program's.</param>
    /// <param name="source">Its text.</param>
    /// <param name="arguments">What gcc is given besides, after the source.</param>
    public static string Compile(string folder, string name, string source, params string[] arguments)
    {
        string program = Path.Combine(folder, name);
        string file = program + ".c";
        File.WriteAllText(file, source);
        using Process gcc = Process.Start(new ProcessStartInfo("gcc", ["-o", program, file, .. arguments]) { RedirectStandardError = true })!;
        string errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, $"{errors}\nIf a header or library is missing: apt-get install gcc libc6-dev libibverbs-dev libnl-3-dev libnl-route-3-dev");
        return program;
    }
}
