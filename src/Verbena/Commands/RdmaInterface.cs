using System.Globalization;
using Microsoft.Extensions.Logging;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Driver;
using Verbena.Packets;

namespace Verbena.Commands;

/// <summary>An interface, the ConnectX port below it, and what the log has told of the two. It owns the port.</summary>
internal sealed partial class RdmaInterface(Interface item, RdmaPort port, ILogger log) : IDisposable
{
    private LinkState _toldLink = port.Link;
    private SteeredFrames _toldSteered = port.Steered;
    private string? _toldWarning;

    public Interface Interface => item;

    /// <summary>Reads what the port has to report, and logs a link that has changed.</summary>
    public void ReadEvents()
    {
        port.ReadEvents();
        if (port.Link != _toldLink)
        {
            _toldLink = port.Link;
            string link = Describe(port.Link);
            LogLink(log, item.Name, link);
        }
    }

    /// <summary>Logs what the NIC steers here, if a line has changed it.</summary>
    public void LogSteering(CliSession session, string line)
    {
        if (port.Steered != _toldSteered)
        {
            _toldSteered = port.Steered;
            LogSteered(log, item.Name, port.Steered, session.User, line);
        }
    }

    /// <summary>Warns of what a line has set so that the port will not work as one would think.</summary>
    public void Warn(CliSession session)
    {
        string? warning = port.Warning;
        if (warning is not null && warning != _toldWarning)
        {
            session.Output.WriteLine($"warning: {warning}");
            LogWarning(log, item.Name, warning);
        }

        _toldWarning = warning;
    }

    public void LogCreated(string hostInterface, CliSession session)
    {
        string link = Describe(port.Link);
        LogCreated(log, item.Name, hostInterface, port.MacAddress, link, session.User);
    }

    public void LogDeleted(CliSession session) => LogDeleted(log, item.Name, session.User);

    public void Dispose() => port.Dispose();

    private static string Describe(LinkState link) =>
        link.IsUp ? string.Create(CultureInfo.InvariantCulture, $"up, {link.SpeedBitsPerSecond / 1_000_000_000} Gbps") : "down";

    [LoggerMessage(Level = LogLevel.Information,
        Message = "interface {Name} created on {HostInterface}, MAC address {Address}, link {Link}; asked by {User}")]
    private static partial void LogCreated(ILogger logger, string name, string hostInterface, MacAddress address, string link, string user);

    [LoggerMessage(Level = LogLevel.Information, Message = "interface {Name}: the NIC steers here {Frames}; asked by {User}: {Line}")]
    private static partial void LogSteered(ILogger logger, string name, SteeredFrames frames, string user, string line);

    [LoggerMessage(Level = LogLevel.Warning, Message = "interface {Name}: {Warning}")]
    private static partial void LogWarning(ILogger logger, string name, string warning);

    [LoggerMessage(Level = LogLevel.Information, Message = "interface {Name} deleted; asked by {User}")]
    private static partial void LogDeleted(ILogger logger, string name, string user);

    [LoggerMessage(Level = LogLevel.Information, Message = "interface {Name}: link {Link}")]
    private static partial void LogLink(ILogger logger, string name, string link);
}
