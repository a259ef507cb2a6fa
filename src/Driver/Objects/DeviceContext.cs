using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;
using Verbena.Packets;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Driver.Objects;

/// <summary>An open RDMA device: the root of the tree of objects. Closing it releases whatever of the tree is still there.</summary>
internal sealed unsafe class DeviceContext : IDisposable
{
    private const byte PortNumber = 1; // a ConnectX shows each port as a PCI function of its own
    private const string InstallLibrary = "apt-get install libibverbs1 ibverbs-providers";

    private readonly string _name;

    private DeviceContext(ibv_context* handle, string name)
    {
        Handle = handle;
        _name = name;
    }

    public ibv_context* Handle { get; }

    /// <summary>The root below which libibverbs looks for devices: /sys, unless SYSFS_PATH says otherwise.</summary>
    /// <exception cref="RdmaException">libibverbs is not installed.</exception>
    public static string SysfsRoot()
    {
        try
        {
            return Marshal.PtrToStringUTF8((nint)ibv_get_sysfs_path())!;
        }
        catch (DllNotFoundException absent)
        {
            throw new RdmaException($"{Libibverbs.Name} is not installed: {InstallLibrary}", absent);
        }
    }

    /// <summary>Opens the RDMA device of a network interface.</summary>
    public static DeviceContext Open(HostInterface host)
    {
        int count;
        ibv_device** devices = (ibv_device**)VerbsException.NotNull((nint*)ibv_get_device_list(&count), "ibv_get_device_list", host.RdmaDevice);
        try
        {
            return new DeviceContext(Open(Find(new Span<nint>(devices, count), host), host), host.RdmaDevice);
        }
        finally
        {
            ibv_free_device_list(devices);
        }
    }

    /// <summary>What the device is and can do.</summary>
    public ibv_device_attr_ex Query()
    {
        ibv_device_attr_ex attributes = default;
        VerbsException.Check(ibv_query_device_ex(Handle, &attributes), "ibv_query_device_ex", _name);
        return attributes;
    }

    /// <summary>What Direct Verbs can do with the device; all zero if libmlx5 does not know it.</summary>
    public mlx5dv_context QueryDirect()
    {
        var capabilities = new mlx5dv_context
        {
            comp_mask = mlx5dv_context_comp_mask.MLX5DV_CONTEXT_MASK_CQE_COMPRESION | mlx5dv_context_comp_mask.MLX5DV_CONTEXT_MASK_STRIDING_RQ,
        };
        try
        {
            return Libmlx5.mlx5dv_query_device(Handle, &capabilities) == 0 ? capabilities : default;
        }
        catch (DllNotFoundException)
        {
            return default; // another provider than libmlx5 has opened the device
        }
    }

    /// <summary>Whether the port has carrier, and how fast it is.</summary>
    /// <exception cref="RdmaException">The port is InfiniBand, or the query failed.</exception>
    public LinkState QueryLink()
    {
        var port = new PortAttributes { ActiveSpeedEx = 0 };
        int result = ibv_query_port(Handle, PortNumber, &port.Attributes, (nuint)sizeof(PortAttributes));
        VerbsException.Check(result, "ibv_query_port", _name);
        if (port.Attributes.link_layer != ibv_link_layer.IBV_LINK_LAYER_ETHERNET)
        {
            throw new RdmaException($"the port of {_name} is InfiniBand: set it to Ethernet (mlxconfig -d {_name} set LINK_TYPE_P1=2) and reboot");
        }

        bool up = port.Attributes.state is ibv_port_state.IBV_PORT_ACTIVE or ibv_port_state.IBV_PORT_ACTIVE_DEFER;
        uint speed = port.ActiveSpeedEx != 0 ? port.ActiveSpeedEx : port.Attributes.active_speed;
        return new LinkState(up, up ? PortSpeed.BitsPerSecond(port.Attributes.active_width, speed) : 0);
    }

    /// <summary>Takes the next asynchronous event, if there is one. Never blocks.</summary>
    public bool TryReadEvent(out ibv_event_type type)
    {
        type = default;
        ibv_async_event happened;
        if (!IsReadable(Handle->async_fd) || ibv_get_async_event(Handle, &happened) != 0)
        {
            return false;
        }

        type = happened.event_type;
        ibv_ack_async_event(&happened);
        return true;
    }

    public void Dispose() => _ = ibv_close_device(Handle);

    private static ibv_device* Find(ReadOnlySpan<nint> devices, HostInterface host)
    {
        foreach (nint device in devices)
        {
            if (Marshal.PtrToStringUTF8((nint)((ibv_device*)device)->name) == host.RdmaDevice)
            {
                return (ibv_device*)device;
            }
        }

        // libibverbs leaves out devices without a node below /dev, and those for which no provider is installed.
        string node = $"/dev/infiniband/{host.UverbsDevice}";
        throw new RdmaException(File.Exists(node)
            ? $"libibverbs has no provider for {host.RdmaDevice}: {InstallLibrary}"
            : $"{node} is missing: start udev, or give the container that device");
    }

    private static ibv_context* Open(ibv_device* device, HostInterface host)
    {
        ibv_context* context = ibv_open_device(device);
        int errno = Marshal.GetLastPInvokeError();
        if (context == null && (Errno)errno is (Errno.EACCES or Errno.EPERM))
        {
            throw new RdmaException(
                $"/dev/infiniband/{host.UverbsDevice} can't be opened for lack of permission: run as root, or as a user who may read and write it");
        }

        return VerbsException.NotNull(context, "ibv_open_device", host.RdmaDevice);
    }

    private static bool IsReadable(int descriptor)
    {
        var poll = new pollfd { fd = descriptor, events = Libc.POLLIN };
        timespec immediately = default;
        return Libc.ppoll(&poll, 1, &immediately, null) == 1 && (poll.revents & Libc.POLLIN) != 0;
    }

    // Today's rdma-core has appended active_speed_ex, the only field that knows XDR; an older one leaves our zero in it.
    private struct PortAttributes
    {
        public ibv_port_attr Attributes;
        public uint ActiveSpeedEx;
    }
}
