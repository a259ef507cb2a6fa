using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Emulator.Attachment;

/// <summary>The file of a netdev's directory in sysfs that changes: its address, which is Linux's to change.</summary>
/// <param name="directory">The netdev's directory, with its files.</param>
/// <param name="port">The port that the netdev is of.</param>
internal sealed class NetdevFiles(string directory, IPortStatus port)
{
    private MacAddress _address;

    /// <summary>Writes what has changed since the last time. Cheap where nothing has.</summary>
    /// <exception cref="IOException">The files are gone.</exception>
    public void Refresh()
    {
        MacAddress address = port.MacAddress;
        if (address != _address)
        {
            _address = address;
            SysfsFile.Overwrite(Path.Combine(directory, "address"), address.ToString());
        }
    }
}
