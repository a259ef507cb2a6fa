using System.Text;
using Verbena.Terminal;

namespace Verbena.Tests.Verbena;

/// <summary>A terminal whose keys come from a script, and whose screen keeps all that was written.</summary>
/// <remarks>In scripts <c>^A</c> is a control key, and <c>{Up}</c> a <see cref="ConsoleKey"/> by name.</remarks>
internal sealed class ScriptedTerminal(string script) : ITerminal
{
    private readonly Queue<ConsoleKeyInfo> _keys = new(Parse(script));
    private readonly StringBuilder _screen = new();

    public int Width { get; init; } = 80;

    public int Height { get; init; } = 24;

    public string Screen => _screen.ToString();

    public void Write(string text) => _screen.Append(text);

    public ConsoleKeyInfo ReadKey() => _keys.TryDequeue(out ConsoleKeyInfo key) ? key : throw new OperationCanceledException();

    public bool WasInterrupted() => false;

    private static IEnumerable<ConsoleKeyInfo> Parse(string script)
    {
        for (int i = 0; i < script.Length; i++)
        {
            if (script[i] == '^')
            {
                ConsoleKey letter = Enum.Parse<ConsoleKey>(script[++i].ToString());
                yield return new ConsoleKeyInfo((char)(letter - ConsoleKey.A + 1), letter, false, false, control: true);
            }
            else if (script[i] == '{')
            {
                int end = script.IndexOf('}', i);
                yield return new ConsoleKeyInfo('\0', Enum.Parse<ConsoleKey>(script[(i + 1)..end]), false, false, false);
                i = end;
            }
            else
            {
                yield return new ConsoleKeyInfo(script[i], script[i] == '\n' ? ConsoleKey.Enter : ConsoleKey.NoName, false, false, false);
            }
        }
    }
}
