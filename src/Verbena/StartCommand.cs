using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Verbena.Control;

namespace Verbena;

/// <summary><c>verbena start</c>: the daemon, until SIGTERM or SIGINT.</summary>
internal static partial class StartCommand
{
    /// <param name="options">What the data plane is started with.</param>
    /// <param name="socket">Where it listens.</param>
    /// <param name="startup">A file of commands to run first, or null. A failure is logged, and the daemon goes on.</param>
    public static async Task<int> RunAsync(DataPlaneOptions options, string socket, string? startup)
    {
        using var ring = new LogRing(TimeProvider.System);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSystemd();
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddProvider(ring);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None); // what ends the start is told once, by the exit
        builder.Services.AddSingleton<ConsoleFormatter, LogLines>();
        builder.Logging.AddConsole(console => console.FormatterName = LogLines.FormatterName);
        builder.Services.AddHostedService(services =>
            new Daemon(options, socket, startup, services.GetRequiredService<ILoggerFactory>(), ring));
        IHost host = builder.Build();
        await host.RunAsync().ConfigureAwait(false); // disposes it, and with it the daemon
        return 0;
    }

    /// <summary>A data plane behind a control socket, with the host's lifetime.</summary>
    private sealed partial class Daemon(DataPlaneOptions options, string socket, string? startup, ILoggerFactory logs, LogRing ring)
        : IHostedService, IAsyncDisposable
    {
        private readonly ILogger _log = logs.CreateLogger("cli");
        private DataPlane? _dataPlane;
        private ControlServer? _server;

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            _dataPlane = new DataPlane(options, logs, ring);
            _server = new ControlServer(socket, _dataPlane.For, _log);
            LogListening(_log, socket);
            if (startup is not null)
            {
                await RunStartupAsync(_dataPlane, startup, cancellationToken).ConfigureAwait(false);
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        /// <summary>Also called if the start failed half-way.</summary>
        public async ValueTask DisposeAsync()
        {
            if (_server is not null)
            {
                await _server.DisposeAsync().ConfigureAwait(false);
            }

            _dataPlane?.Dispose();
        }

        private async Task RunStartupAsync(DataPlane dataPlane, string file, CancellationToken stop)
        {
            CommandResult result = await dataPlane.For(Credentials.Own).RunAsync("exec " + file, PrintAsync, stop).ConfigureAwait(false);
            if (result.Failure is { } failure)
            {
                LogStartupFailed(_log, failure);
            }

            Task PrintAsync(string text)
            {
                string output = text.TrimEnd();
                LogStartupOutput(_log, output);
                return Task.CompletedTask;
            }
        }

        [LoggerMessage(Level = LogLevel.Information, Message = "listening on {Socket}")]
        private static partial void LogListening(ILogger logger, string socket);

        [LoggerMessage(Level = LogLevel.Information, Message = "{Output}")]
        private static partial void LogStartupOutput(ILogger logger, string output);

        [LoggerMessage(Level = LogLevel.Error, Message = "{Failure}")]
        private static partial void LogStartupFailed(ILogger logger, string failure);
    }
}
