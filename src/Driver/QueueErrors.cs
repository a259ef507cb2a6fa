using System.Globalization;
using Verbena.Interop.Verbs;

namespace Verbena.Driver;

/// <summary>What went wrong in a queue: completions that told of an error, by what they told, and a restart that failed. One thread counts, any may read.</summary>
internal sealed class QueueErrors
{
    private readonly ulong[] _counts = new ulong[(int)ibv_wc_status.IBV_WC_GENERAL_ERR + 1]; // by status, as the other
    private readonly byte[] _vendorSyndromes = new byte[(int)ibv_wc_status.IBV_WC_GENERAL_ERR + 1];
    private int _restartErrno;

    /// <summary>errno of the failed attempt to get the queue going again after an error; 0 while it works.</summary>
    public int RestartErrno
    {
        get => Volatile.Read(ref _restartErrno);
        set => Volatile.Write(ref _restartErrno, value);
    }

    /// <summary>Completions with an error.</summary>
    public ulong Total => _counts.Aggregate(0UL, (sum, count) => sum + count);

    public void Count(CompletionError error)
    {
        int status = (int)(error.Status <= ibv_wc_status.IBV_WC_GENERAL_ERR ? error.Status : ibv_wc_status.IBV_WC_GENERAL_ERR);
        Volatile.Write(ref _vendorSyndromes[status], error.VendorSyndrome);
        Volatile.Write(ref _counts[status], _counts[status] + 1);
    }

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

    /// <summary>Such as <c>IBV_WC_LOC_PROT_ERR 3 (last vendor syndrome 0x52)</c>, for each status; empty if there was none.</summary>
    public override string ToString() => string.Join(", ", _counts
        .Select((count, status) => (Count: count, Status: (ibv_wc_status)status, VendorSyndrome: _vendorSyndromes[status]))
        .Where(entry => entry.Count > 0)
        .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Status} {entry.Count} (last vendor syndrome 0x{entry.VendorSyndrome:x2})")));
}
