namespace Verbena.Driver.Objects;

/// <summary>Objects that were made one on top of the other, and go in the reverse order.</summary>
internal sealed class ObjectTree : IDisposable
{
    private readonly Stack<IDisposable> _made = new();

    public T Own<T>(T made)
        where T : IDisposable
    {
        _made.Push(made);
        return made;
    }

    public void Dispose()
    {
        while (_made.TryPop(out IDisposable? made))
        {
            made.Dispose();
        }
    }
}
