using Verbena.Interop.Verbs;

namespace Verbena.Driver;

/// <summary>What went wrong in a queue: completions that told of an error, by what they told, and a restart that failed. One thread counts, any may read.</summary>
internal sealed class QueueErrors
{
    private readonly ulong[] _counts = new ulong[(int)ibv_wc_status.IBV_WC_GENERAL_ERR + 1];
    private int _restartErrno;

    /// <summary>errno of the failed attempt to get the queue going again after an error; 0 while it works.</summary>
    public int RestartErrno
    {
        get => Volatile.Read(ref _restartErrno);
        set => Volatile.Write(ref _restartErrno, value);
    }

    /// <summary>Completions with an error.</summary>
    public ulong Total => _counts.Aggregate(0UL, (sum, count) => sum + count);

    public void Count(ibv_wc_status status) => Volatile.Write(ref _counts[Index(status)], _counts[Index(status)] + 1);

    /// <summary>True if a receive queue stops at such an error; any other, such as a frame too long, costs only the buffers of one packet.</summary>
    public static bool StopReceiving(ibv_wc_status status) =>
        status is ibv_wc_status.IBV_WC_LOC_QP_OP_ERR or ibv_wc_status.IBV_WC_LOC_PROT_ERR or ibv_wc_status.IBV_WC_WR_FLUSH_ERR;

    /// <summary>What <c>show hardware-interfaces</c> says of them; nothing if there was none.</summary>
    /// <param name="queue">What it calls the queue.</param>
    /// <param name="verb">What failed if the queue could not be restarted.</param>
    public IEnumerable<string> Describe(string queue, string verb)
    {
        if (Total > 0)
        {
            yield return $"{queue}: {this}";
        }

        if (RestartErrno != 0)
        {
            yield return $"error {new VerbsException(verb, RestartErrno, queue).Message}";
        }
    }

    /// <summary>Such as <c>IBV_WC_LOC_PROT_ERR 1, IBV_WC_WR_FLUSH_ERR 255</c>; empty if there was none.</summary>
    public override string ToString() => string.Join(", ", _counts
        .Select((count, status) => (Count: count, Status: (ibv_wc_status)status))
        .Where(entry => entry.Count > 0)
        .Select(entry => $"{entry.Status} {entry.Count}"));

    private static int Index(ibv_wc_status status) => (int)(status <= ibv_wc_status.IBV_WC_GENERAL_ERR ? status : ibv_wc_status.IBV_WC_GENERAL_ERR);
}
