namespace Verbena.Driver;

/// <summary>The pool can't spare the buffers that a port's receive queues would hold, beside those of the other ports.</summary>
public sealed class BufferShortageException : RdmaException
{
    public BufferShortageException(string message, long enoughBuffers)
        : base(message)
    {
        EnoughBuffers = enoughBuffers;
    }

    /// <summary>A pool of so many would do.</summary>
    public long EnoughBuffers { get; }
}
