using System.Globalization;
using Verbena.Packets;

namespace Verbena.Driver;

/// <summary>The virtual function that a port is, and what has to be typed on the host where the NIC confines it.</summary>
/// <remarks>
/// An embedded switch stands between the function and the wire. It knows the function by the address of its Linux interface, which
/// spoof checking demands of what is sent; only a trusted function can be promiscuous. Host commands name the physical function's
/// interface, which sysfs does not show to a container or a virtual machine.
/// </remarks>
/// <param name="Physical">The physical function's Linux interface; null: it is not to be seen from here.</param>
/// <param name="Number">N in <c>vf N</c>; null: likewise.</param>
internal sealed record HostVirtualFunction(string? Physical, int? Number)
{
    private const string LinkPrefix = "virtfn";

    /// <summary>What it is called in sentences.</summary>
    public string Name => Physical is null || Number is null ? "the virtual function" : string.Create(CultureInfo.InvariantCulture, $"virtual function {Number} of {Physical}");

    /// <summary>Reads a PCI function's directory; null: it is no virtual function.</summary>
    /// <param name="function">The directory itself, not a link to it.</param>
    /// <param name="resolve">Follows one link.</param>
    public static HostVirtualFunction? Find(string function, Func<string, string> resolve)
    {
        string link = Path.Combine(function, "physfn");
        string physical = resolve(link);
        if (physical == link)
        {
            return null; // a virtual machine does not see that its device is one
        }

        string netdevs = Path.Combine(physical, "net");
        string? name = Directory.Exists(netdevs) ? Directory.EnumerateDirectories(netdevs).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        return new HostVirtualFunction(Path.GetFileName(name), NumberIn(physical, function, resolve));
    }

    /// <summary>Says why a port with an address of its own hears nothing, and what helps.</summary>
    /// <param name="port">The port's name.</param>
    /// <param name="address">Its address.</param>
    /// <param name="own">The function's.</param>
    public string OtherAddress(string port, MacAddress address, MacAddress own) =>
        $"{port} has the MAC address {address}, but {Name} has {own}: the NIC brings it no frames to another address, and drops what it sends from one while "
        + $"spoof checking is on; type 'set interface mac address {port} {own}', or, to keep the address, on the host {HostCommand} "
        + $"and here 'set interface promiscuous on {port}'";

    /// <summary>Says why the NIC has refused promiscuity.</summary>
    public string NotTrusted(string port) =>
        $"{port} can't be promiscuous, as L2 switching needs it: the NIC refuses that with EPERM to {Name}, which is not trusted; type on the host {HostCommand}";

    private string HostCommand => string.Create(CultureInfo.InvariantCulture,
        $"'ip link set dev {Physical ?? "PF"} vf {Number?.ToString(CultureInfo.InvariantCulture) ?? "N"} spoof off trust on'")
        + (Physical is null || Number is null ? " (PF: the physical function's interface; N: the function's number, which 'ip link show PF' tells by its MAC address)" : "");

    private static int? NumberIn(string physical, string function, Func<string, string> resolve)
    {
        foreach (string link in Directory.EnumerateFileSystemEntries(physical, LinkPrefix + "*"))
        {
            if (resolve(link) == function && int.TryParse(Path.GetFileName(link.AsSpan())[LinkPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                return number;
            }
        }

        return null;
    }
}
