namespace Verbena.Tests;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Verbena.slnx")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }
}
