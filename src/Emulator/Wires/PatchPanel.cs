using System.Diagnostics.CodeAnalysis;
using Verbena.Emulator.Nic;

namespace Verbena.Emulator.Wires;

/// <summary>Where the cables between the ports of one process are plugged in.</summary>
/// <remarks>Control side only; ports on a panel must be made and disposed by one thread at a time.</remarks>
public sealed class PatchPanel
{
    private readonly Dictionary<string, CableWire> _sockets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _cables = new(StringComparer.Ordinal); // both directions

    /// <summary>Sees that each port of a process is there once and has at most one wire.</summary>
    /// <exception cref="InvalidOperationException">The message says which does not.</exception>
    public static void Check(IReadOnlyList<NicOptions> ports)
    {
        if (ports.CountBy(port => port.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
        {
            throw new InvalidOperationException($"two emulated NICs are called {twice}");
        }

        foreach (NicOptions near in ports)
        {
            if (near.Wire is CableOptions { Port: { } port })
            {
                NicOptions far = ports.FirstOrDefault(option => option != near && option.Name == port)
                    ?? throw new InvalidOperationException($"{near.Name},wire=cable:{port}: there is no other emulated NIC called {port}");
                if (far.Wire is not CableOptions)
                {
                    throw new InvalidOperationException($"{near.Name},wire=cable:{port}: {port} has a wire already, {far.Wire.Text}");
                }
            }
        }
    }

    /// <summary>Makes the socket of <paramref name="port"/>, and a cable from it to <paramref name="other"/>, if one is named.</summary>
    /// <exception cref="InvalidOperationException">One of the two already has a cable to a third port.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "the caller owns it; it holds managed memory only")]
    internal CableWire Plug(string port, string? other)
    {
        if (other is not null)
        {
            Lay(port, other);
            Lay(other, port);
        }

        CableWire socket = new(() => Unplug(port));
        _sockets[port] = socket;
        if (_cables.TryGetValue(port, out string? peer) && _sockets.TryGetValue(peer, out CableWire? end))
        {
            (socket.Peer, end.Peer) = (end, socket);
        }

        return socket;
    }

    private void Lay(string from, string to)
    {
        if (_cables.TryGetValue(from, out string? present) && present != to)
        {
            throw new InvalidOperationException($"cable from {from} to {to}: {from} already has a cable to {present}");
        }

        _cables[from] = to;
    }

    private void Unplug(string port)
    {
        _sockets.Remove(port);
        if (_cables.Remove(port, out string? peer))
        {
            _cables.Remove(peer);
            _sockets.GetValueOrDefault(peer)?.Peer = null;
        }
    }
}
