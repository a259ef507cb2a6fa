using System.Globalization;
using Verbena.Emulator.Nic;

namespace Verbena.Emulator.Attachment;

/// <summary>Keeps what a tree says of its ports and their netdevs true, ten times a second, until disposed.</summary>
public sealed class SysfsUpdates : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly PortFiles[] _ports;
    private readonly NetdevFiles[] _netdevs;
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly Thread _thread;

    /// <param name="root">The root of the tree, as SYSFS_PATH names it.</param>
    /// <param name="ports">Its ports, each with the n of its mlx5_n. They must outlive this.</param>
    public SysfsUpdates(string root, IEnumerable<(int Index, IPortStatus Port)> ports)
    {
        (int Index, IPortStatus Port)[] all = [.. ports];
        _ports = [.. all.Select(port => new PortFiles(PortDirectory(root, port.Index), port.Port))];
        _netdevs = [.. all.Select(port => new NetdevFiles(Path.Combine(root, "class/net", port.Port.Options.Name), port.Port))];
        _thread = new Thread(Run) { Name = "emulated NIC files", IsBackground = true };
        _thread.Start();
    }

    /// <summary>After the return nothing is written any more, nor are the ports asked.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private static string PortDirectory(string root, int index) =>
        Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"class/infiniband/mlx5_{index}/ports/1"));

    private void Run()
    {
        try
        {
            do
            {
                Array.ForEach(_ports, files => files.Refresh());
                Array.ForEach(_netdevs, files => files.Refresh());
            }
            while (!_stop.WaitOne(s_interval));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // somebody has taken the tree away; nobody reads it any more
        }
    }
}
