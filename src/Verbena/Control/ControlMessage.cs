using System.Buffers.Binary;
using System.Text;

namespace Verbena.Control;

/// <summary>What client and daemon say to each other. The client speaks first; only <see cref="Interrupt"/> may come while it waits.</summary>
internal enum ControlMessageKind : byte
{
    /// <summary>Client: run this line. Answered by any number of <see cref="Output"/>, then one of the kinds below it.</summary>
    Run = (byte)'R',

    /// <summary>Client: stop the running command.</summary>
    Interrupt = (byte)'I',

    /// <summary>Client: which words may stand for this line's last one? Answered as <see cref="Run"/>, a word a line.</summary>
    Complete = (byte)'C',

    /// <summary>Client: what may follow this line? Answered as <see cref="Run"/>.</summary>
    Help = (byte)'H',

    /// <summary>Daemon: something the command printed.</summary>
    Output = (byte)'O',

    /// <summary>Daemon: the command succeeded.</summary>
    Succeeded = (byte)'S',

    /// <summary>Daemon: the command failed, and why.</summary>
    Failed = (byte)'F',

    /// <summary>Daemon: the command succeeded and ends the session.</summary>
    Ended = (byte)'E',
}

/// <summary>One message on the control socket: a byte that says what it is, the length in 4 bytes (big-endian), UTF-8 text.</summary>
internal readonly record struct ControlMessage(ControlMessageKind Kind, string Text)
{
    /// <summary>The longest text in bytes. A reader refuses what is longer, a writer of output splits it.</summary>
    public const int MaxTextBytes = 1 << 16;

    private const int HeaderBytes = 5;

    /// <summary>Reads the next message, or null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">This is no message.</exception>
    public static async Task<ControlMessage?> ReadAsync(Stream stream, CancellationToken stop)
    {
        byte[] header = new byte[HeaderBytes];
        int read = await stream.ReadAtLeastAsync(header, HeaderBytes, throwOnEndOfStream: false, stop).ConfigureAwait(false);
        if (read < HeaderBytes)
        {
            return null;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1));
        if (!Enum.IsDefined((ControlMessageKind)header[0]) || length > MaxTextBytes)
        {
            throw new InvalidDataException("this is no control message");
        }

        byte[] text = new byte[length];
        await stream.ReadExactlyAsync(text, stop).ConfigureAwait(false);
        return new ControlMessage((ControlMessageKind)header[0], Encoding.UTF8.GetString(text));
    }

    /// <summary>Writes the message; one longer than <see cref="MaxTextBytes"/> as several of the same kind.</summary>
    public async Task WriteAsync(Stream stream, CancellationToken stop)
    {
        const int MaxChars = MaxTextBytes / 3; // UTF-8 takes up to 3 bytes for each UTF-16 unit
        for (int start = 0; start == 0 || start < Text.Length; start += MaxChars)
        {
            string part = Text.Substring(start, Math.Min(MaxChars, Text.Length - start));
            byte[] message = new byte[HeaderBytes + Encoding.UTF8.GetByteCount(part)];
            message[0] = (byte)Kind;
            BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - HeaderBytes);
            Encoding.UTF8.GetBytes(part, message.AsSpan(HeaderBytes));
            await stream.WriteAsync(message, stop).ConfigureAwait(false);
        }
    }
}
