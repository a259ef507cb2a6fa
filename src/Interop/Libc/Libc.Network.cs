using System.Runtime.InteropServices;
using Verbena.Packets;

namespace Verbena.Interop;

/// <summary>Sockets, interfaces and TAPs (sys/socket.h, net/if.h, linux/if_tun.h, linux/if_packet.h).</summary>
public static unsafe partial class Libc
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(int sockfd, sockaddr_ll* addr, uint addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(int sockfd, int level, int optname, void* optval, uint optlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockopt(int sockfd, int level, int optname, void* optval, uint* optlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int recvmmsg(int sockfd, mmsghdr* msgvec, uint vlen, int flags, timespec* timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int sendmmsg(int sockfd, mmsghdr* msgvec, uint vlen, int flags);
}

/// <summary>Requests and flags of network interfaces.</summary>
[CConstants("linux/sockios.h")]
public static class Sockios
{
    public const int SIOCGIFFLAGS = 0x8913;
    public const int SIOCSIFFLAGS = 0x8914;
    public const int SIOCGIFMTU = 0x8921;
    public const int SIOCSIFMTU = 0x8922;
    public const int SIOCSIFHWADDR = 0x8924;
    public const int SIOCGIFHWADDR = 0x8927;
    public const int SIOCETHTOOL = 0x8946;
}

/// <summary>Commands and values of ethtool.</summary>
[CConstants("linux/ethtool.h")]
public static class Ethtool
{
    public const uint ETHTOOL_SSET = 2;
    public const byte DUPLEX_FULL = 1;
}

/// <summary>Settings of a link; its speed in Mb/s is in two halves.</summary>
[CStruct("struct ethtool_cmd", "linux/ethtool.h")]
[StructLayout(LayoutKind.Explicit, Size = 44)]
public struct ethtool_cmd
{
    [FieldOffset(0)] public uint cmd;
    [FieldOffset(12)] public ushort speed;
    [FieldOffset(14)] public byte duplex;
    [FieldOffset(28)] public ushort speed_hi;
}

/// <summary>Requests and flags of TUN/TAP devices.</summary>
[CConstants("linux/if_tun.h")]
public static class IfTun
{
    public const uint TUNSETIFF = 0x4004_54CA;
    public const uint TUNSETCARRIER = 0x4004_54E2;
    public const short IFF_TAP = 2;
    public const short IFF_NO_PI = 0x1000;
}

/// <summary>Flags of an interface.</summary>
[CConstants("net/if.h")]
public static class IfFlags
{
    public const short IFF_UP = 1;
    public const short IFF_PROMISC = 0x100;
    public const short IFF_RUNNING = 0x40;
}

/// <summary>Options of packet sockets.</summary>
[CConstants("sys/socket.h", "linux/if_packet.h")]
public static class IfPacket
{
    public const int SOL_PACKET = 263;
    public const int PACKET_ADD_MEMBERSHIP = 1;
    public const int PACKET_STATISTICS = 6;
    public const int PACKET_AUXDATA = 8;
    public const int PACKET_VNET_HDR = 15;
    public const int PACKET_IGNORE_OUTGOING = 23;
    public const ushort PACKET_MR_PROMISC = 1;
    public const uint TP_STATUS_VLAN_VALID = 16;
    public const uint TP_STATUS_VLAN_TPID_VALID = 64;
}

[CStruct("struct ifreq", "net/if.h")]
[StructLayout(LayoutKind.Explicit, Size = 40)]
public unsafe struct ifreq
{
    [FieldOffset(0)] public fixed byte ifr_name[16];
    [FieldOffset(16)] public short ifr_flags;
    [FieldOffset(16)] public int ifr_mtu;
    [FieldOffset(16)] public void* ifr_data;

    /// <summary>The family of the address, ARPHRD_ETHER for Ethernet.</summary>
    [CField("ifr_hwaddr.sa_family")]
    [FieldOffset(16)] public ushort ifr_hwaddr_family;

    [CField("ifr_hwaddr.sa_data[0]")]
    [FieldOffset(18)] public MacAddress ifr_hwaddr;
}

[CStruct("struct sockaddr_ll", "linux/if_packet.h")]
[StructLayout(LayoutKind.Explicit, Size = 20)]
public struct sockaddr_ll
{
    [FieldOffset(0)] public ushort sll_family;
    [FieldOffset(2)] public Be16 sll_protocol;
    [FieldOffset(4)] public int sll_ifindex;
}

[CStruct("struct packet_mreq", "linux/if_packet.h")]
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct packet_mreq
{
    [FieldOffset(0)] public int mr_ifindex;
    [FieldOffset(4)] public ushort mr_type;
}

[CStruct("struct iovec", "sys/uio.h")]
[StructLayout(LayoutKind.Sequential)]
public unsafe struct iovec
{
    public void* iov_base;
    public nuint iov_len;
}

[CStruct("struct mmsghdr", "sys/socket.h")]
[StructLayout(LayoutKind.Explicit, Size = 64)]
public unsafe struct mmsghdr
{
    [CField("msg_hdr.msg_iov")]
    [FieldOffset(16)] public iovec* msg_iov;

    [CField("msg_hdr.msg_iovlen")]
    [FieldOffset(24)] public nuint msg_iovlen;

    [CField("msg_hdr.msg_control")]
    [FieldOffset(32)] public void* msg_control;

    [CField("msg_hdr.msg_controllen")]
    [FieldOffset(40)] public nuint msg_controllen;

    [FieldOffset(56)] public uint msg_len;
}

/// <summary>What the kernel tells about a frame whose checksum or segmentation it left to hardware. Host byte order.</summary>
[CStruct("struct tpacket_stats", "linux/if_packet.h")]
[StructLayout(LayoutKind.Sequential)]
public struct tpacket_stats
{
    public uint tp_packets;
    public uint tp_drops;
}

/// <summary>What comes with a packet as ancillary data: above all the VLAN tag that the kernel has taken out of it.</summary>
[CStruct("struct tpacket_auxdata", "linux/if_packet.h")]
[StructLayout(LayoutKind.Sequential)]
public struct tpacket_auxdata
{
    public uint tp_status;
    public uint tp_len;
    public uint tp_snaplen;
    public ushort tp_mac;
    public ushort tp_net;
    public ushort tp_vlan_tci;
    public ushort tp_vlan_tpid;
}

[CStruct("struct virtio_net_hdr", "linux/virtio_net.h")]
[StructLayout(LayoutKind.Sequential)]
public struct virtio_net_hdr
{
    public byte flags;
    public byte gso_type;
    public ushort hdr_len;
    public ushort gso_size;
    public ushort csum_start;
    public ushort csum_offset;
}

/// <summary>Values of <see cref="virtio_net_hdr"/>'s fields.</summary>
[CConstants("linux/virtio_net.h")]
public static class VirtioNet
{
    public const byte VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
    public const byte VIRTIO_NET_HDR_GSO_NONE = 0;
    public const byte VIRTIO_NET_HDR_GSO_TCPV4 = 1;
    public const byte VIRTIO_NET_HDR_GSO_TCPV6 = 4;
    public const byte VIRTIO_NET_HDR_GSO_ECN = 0x80;
}
