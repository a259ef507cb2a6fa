using System.Text;

namespace Verbena.Control;

/// <summary>Collects what a command prints, and hands it on whenever it is flushed.</summary>
internal sealed class ChunkWriter(Func<string, Task> send) : TextWriter
{
    private readonly StringBuilder _text = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => _text.Append(value);

    public override void Write(string? value) => _text.Append(value);

    public override Task WriteAsync(string? value)
    {
        _text.Append(value);
        return Task.CompletedTask;
    }

    public override Task WriteLineAsync(string? value) => WriteAsync(value + "\n");

    public override async Task FlushAsync()
    {
        if (_text.Length > 0)
        {
            string chunk = _text.ToString();
            _text.Clear();
            await send(chunk).ConfigureAwait(true);
        }
    }
}
