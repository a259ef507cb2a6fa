namespace Verbena;

/// <summary>The program can't do what it was started for; the message is one sentence for the user.</summary>
public sealed class VerbenaException : Exception
{
    public VerbenaException()
    {
    }

    public VerbenaException(string message)
        : base(message)
    {
    }

    public VerbenaException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
