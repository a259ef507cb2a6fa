namespace Verbena.Driver;

/// <summary>A port can't be made or changed. The message is one sentence that says what is missing and how to get it.</summary>
public class RdmaException : Exception
{
    public RdmaException(string message)
        : base(message)
    {
    }

    public RdmaException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
