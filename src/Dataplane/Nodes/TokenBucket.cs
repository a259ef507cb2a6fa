namespace Verbena.Dataplane.Nodes;

/// <summary>Limits how often something happens: on average so many times a second, at once no more than a burst.</summary>
internal struct TokenBucket(int perSecond, int burst)
{
    private readonly long _nanosecondsPerToken = 1_000_000_000L / perSecond;
    private long _fullAt; // when the bucket will be, or was, full again

    /// <summary>Takes a token, if there is one at the time <paramref name="now"/>, in nanoseconds.</summary>
    public bool TryTake(long now)
    {
        long fullAt = Math.Max(_fullAt, now) + _nanosecondsPerToken;
        if (fullAt - now > burst * _nanosecondsPerToken)
        {
            return false;
        }

        _fullAt = fullAt;
        return true;
    }
}
