using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Verbena.Control;

/// <summary>Answers clients on the control socket, each in a session of its own; those beyond the 64th wait until one goes.</summary>
internal sealed partial class ControlServer : IAsyncDisposable
{
    private const int MaxSessions = 64;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Func<string, ICommandTarget> _targetFor;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _free = new(MaxSessions);
    private readonly HashSet<Task> _sessions = [];
    private readonly Task _accepting;

    /// <summary>Listens at <paramref name="path"/> from now on.</summary>
    /// <param name="path">The socket.</param>
    /// <param name="targetFor">Gives who runs the lines of a client, from the words in which the log names it.</param>
    /// <param name="log">Hears of clients that make trouble.</param>
    /// <exception cref="VerbenaException">It can't.</exception>
    public ControlServer(string path, Func<string, ICommandTarget> targetFor, ILogger log)
    {
        _path = path;
        _targetFor = targetFor;
        _log = log;
        _listener = ControlSocket.Listen(path);
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Ends all sessions and removes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        Task[] sessions;
        lock (_sessions)
        {
            sessions = [.. _sessions];
        }

        await Task.WhenAll(sessions).ConfigureAwait(false);
        _listener.Dispose();
        File.Delete(_path);
        _free.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await WaitForFreeAsync().ConfigureAwait(false);
                Start(await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) // no descriptors left, or the client gave up
            {
                _free.Release();
                LogAcceptFailed(_log, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
            }
        }
    }

    private async Task WaitForFreeAsync()
    {
        if (_free.CurrentCount == 0)
        {
            LogTooManySessions(_log, MaxSessions);
        }

        await _free.WaitAsync(_stop.Token).ConfigureAwait(false);
    }

    private void Start(Socket client)
    {
        lock (_sessions)
        {
            Task session = Task.Run(() => ServeAsync(client));
            _sessions.Add(session);
            _ = session.ContinueWith(Forget, TaskScheduler.Default);
        }
    }

    private void Forget(Task session)
    {
        lock (_sessions)
        {
            _sessions.Remove(session);
        }
    }

    private async Task ServeAsync(Socket client)
    {
        try
        {
            await using var stream = new NetworkStream(client, ownsSocket: true);
            using var session = new ControlSession(stream, _targetFor(Credentials.OfPeer(client)), _stop.Token);
            await session.ServeAsync().ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            LogNonsense(_log, e.Message);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client or the daemon has gone.
        }
        finally
        {
            client.Dispose();
            _free.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "control socket: {Error}")]
    private static partial void LogAcceptFailed(ILogger logger, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "control socket: {Limit} clients are connected, more wait until one goes")]
    private static partial void LogTooManySessions(ILogger logger, int limit);

    [LoggerMessage(Level = LogLevel.Warning, Message = "control socket: a client was disconnected, {Error}")]
    private static partial void LogNonsense(ILogger logger, string error);
}
