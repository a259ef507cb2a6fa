namespace Verbena.Emulator.Nic;

/// <summary>What makes a virtual function promiscuous. Either way it has to be trusted.</summary>
public enum VfPromiscuity
{
    /// <summary>A flow that takes all unicast does too, and is refused with EPERM without trust, so that a program learns of it.</summary>
    Flow,

    /// <summary>Only Linux's interface does, as with the kernel's mlx5: without trust nothing is refused, and nothing comes.</summary>
    Netdev,
}
