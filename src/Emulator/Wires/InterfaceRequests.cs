using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Verbena.Interop;
using Verbena.Packets;

namespace Verbena.Emulator.Wires;

/// <summary>Asks and tells the kernel about one network interface, through a socket of its own.</summary>
internal sealed unsafe class InterfaceRequests : IDisposable
{
    private const ushort EthernetHardware = 1; // ARPHRD_ETHER
    private readonly int _socket = Libc.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM | Sockets.SOCK_CLOEXEC, 0);
    private readonly string _name;

    public InterfaceRequests(string name) => _name = name;

    /// <summary>IFF_* of the interface; 0 if it is gone.</summary>
    public short Flags
    {
        get
        {
            ifreq request = Named(_name);
            return Libc.ioctl(_socket, Sockios.SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags : (short)0;
        }
    }

    /// <summary>MTU of the interface; 0 if it is gone.</summary>
    public int Mtu
    {
        get
        {
            ifreq request = Named(_name);
            return Libc.ioctl(_socket, Sockios.SIOCGIFMTU, &request) == 0 ? request.ifr_mtu : 0;
        }
    }

    /// <summary>Address of the interface; null if it is gone.</summary>
    public MacAddress? Mac
    {
        get
        {
            ifreq request = Named(_name);
            return Libc.ioctl(_socket, Sockios.SIOCGIFHWADDR, &request) == 0 ? request.ifr_hwaddr : null;
        }
    }

    /// <exception cref="InvalidOperationException">The kernel refuses; the message says what.</exception>
    public void SetMac(MacAddress mac)
    {
        ifreq request = Named(_name);
        request.ifr_hwaddr_family = EthernetHardware;
        request.ifr_hwaddr = mac;
        Check(Libc.ioctl(_socket, Sockios.SIOCSIFHWADDR, &request), $"setting the address of {_name}");
    }

    /// <exception cref="InvalidOperationException">The kernel refuses; the message says what.</exception>
    public void SetMtu(int bytes)
    {
        ifreq request = Named(_name);
        request.ifr_mtu = bytes;
        Check(Libc.ioctl(_socket, Sockios.SIOCSIFMTU, &request), $"setting the MTU of {_name} to {bytes}");
    }

    /// <summary>Lets the interface report a speed; an old kernel keeps to the 10 Mb/s or 10 Gb/s of its TAPs.</summary>
    public void SetSpeed(int gigabitsPerSecond)
    {
        uint megabits = (uint)gigabitsPerSecond * 1000;
        var settings = new ethtool_cmd
        {
            cmd = Ethtool.ETHTOOL_SSET,
            speed = (ushort)megabits,
            speed_hi = (ushort)(megabits >> 16),
            duplex = Ethtool.DUPLEX_FULL,
        };
        ifreq request = Named(_name);
        request.ifr_data = &settings;
        _ = Libc.ioctl(_socket, Sockios.SIOCETHTOOL, &request);
    }

    /// <exception cref="InvalidOperationException">The kernel refuses; the message says what.</exception>
    public void SetUp()
    {
        ifreq request = Named(_name);
        request.ifr_flags = (short)(Flags | IfFlags.IFF_UP);
        Check(Libc.ioctl(_socket, Sockios.SIOCSIFFLAGS, &request), $"setting {_name} up");
    }

    public void Dispose() => _ = Libc.close(_socket);

    public static ifreq Named(string name)
    {
        ifreq request = default;
        Encoding.UTF8.GetBytes(name, new Span<byte>(request.ifr_name, 15));
        return request;
    }

    /// <summary>Turns a failed call into one sentence with errno's words.</summary>
    public static void Check(int result, string what)
    {
        if (result < 0)
        {
            throw new InvalidOperationException($"{what} failed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }
    }
}
