namespace Verbena.Driver;

/// <summary>A network interface is no port of an RDMA NIC that programs can use.</summary>
public sealed class HostInterfaceException : RdmaException
{
    public HostInterfaceException(string message)
        : base(message)
    {
    }
}
