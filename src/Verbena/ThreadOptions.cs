using System.CommandLine;
using System.CommandLine.Parsing;

namespace Verbena;

/// <summary>The options that say how many workers there are, and which processors threads run on.</summary>
internal static class ThreadOptions
{
    public static Option<int?> MainCore { get; } = new("--main-core")
    {
        Description = "Pins the control thread to a processor.",
        HelpName = "N",
    };

    public static Option<int?> Workers { get; } = CreateWorkers();

    public static Option<int[]?> WorkerCores { get; } = new("--worker-cores")
    {
        Description = "Pins a worker to each of these processors, where it polls without rest: 1,3-4.",
        HelpName = "LIST",
        CustomParser = ParseCores,
    };

    /// <summary>For each worker its processor, or null. There are as many as processors, or as were asked for without any.</summary>
    /// <exception cref="VerbenaException">Two different numbers of workers were asked for.</exception>
    public static int?[] CoresOfWorkers(ParseResult result)
    {
        int? count = result.GetValue(Workers);
        int[]? cores = result.GetValue(WorkerCores) is { Length: > 0 } given ? given : null; // an option that is not given is an empty list
        if (count is not null && cores is not null && count != cores.Length)
        {
            throw new VerbenaException($"--workers {count}, but {cores.Length} --worker-cores: give one of the two, or as many processors as workers");
        }

        return cores is null ? new int?[count ?? 1] : [.. cores];
    }

    private static Option<int?> CreateWorkers()
    {
        var option = new Option<int?>("--workers")
        {
            Description = "Number of workers, the threads that move packets. [default: 1, or one for each of --worker-cores]",
            HelpName = "N",
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > DataPlaneOptions.MaxWorkers)
            {
                result.AddError($"--workers takes a number from 1 to {DataPlaneOptions.MaxWorkers}");
            }
        });
        return option;
    }

    /// <summary>Reads what VPP calls a corelist.</summary>
    private static int[]? ParseCores(ArgumentResult result)
    {
        string list = result.Tokens[0].Value;
        if (!NumberList.TryParse(list, DataPlaneOptions.MaxWorkers, out int[]? cores))
        {
            result.AddError($"--worker-cores takes numbers and ranges of processors such as 1,3-4, not '{list}'");
            return null;
        }

        if (cores.Length > DataPlaneOptions.MaxWorkers || cores.Distinct().Count() < cores.Length)
        {
            result.AddError($"--worker-cores takes up to {DataPlaneOptions.MaxWorkers} processors, each once");
            return null;
        }

        return cores;
    }
}
