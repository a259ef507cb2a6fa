namespace Verbena.Dataplane;

/// <summary>The router refuses what it was asked to do, and has changed nothing. The message is one sentence for the user.</summary>
public sealed class RouterException : Exception
{
    public RouterException(string message)
        : base(message)
    {
    }

    public RouterException(string message, Exception cause)
        : base(message, cause)
    {
    }

    public RouterException()
    {
    }
}
