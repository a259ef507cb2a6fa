namespace Verbena.Emulator.Nic;

/// <summary>What decides whether a port has link.</summary>
public enum LinkDecision
{
    /// <summary>The wire does.</summary>
    Wire,

    /// <summary>Linux's interface has to be up as well, as with the kernel's mlx5 (en_main.c, mlx5e_close; mlx5_ib, mlx5_query_port_roce).</summary>
    Netdev,
}
