using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;

namespace Verbena.Bench;

/// <summary>Two emulated NICs for one program: the wire of one makes 64-byte frames, that of the other swallows what is sent.</summary>
internal sealed class NicPair
{
    private const string Source = "wire=generator:size=64:flows=64";
    private const string Sink = "wire=sink";

    private NicPair(EmulatedNics nics, int number)
    {
        (ReceiverName, SenderName) = Names(number);
        (Receiver, Sender) = (nics.Devices[ReceiverName], nics.Devices[SenderName]);
    }

    /// <summary>The network interface of the NIC to receive from.</summary>
    public string ReceiverName { get; }

    /// <summary>The network interface of the NIC to send to.</summary>
    public string SenderName { get; }

    public NicDevice Receiver { get; }

    public NicDevice Sender { get; }

    /// <summary>Frames that the wire has offered.</summary>
    public double Offered => Receiver.Counters[PortCounter.WireReceived];

    /// <summary>Those for which the receive queue had no buffer.</summary>
    public double OutOfBuffer => Receiver.Counters[PortCounter.OutOfBuffer];

    /// <summary>Frames that were sent.</summary>
    public double Forwarded => Sender.Counters[PortCounter.WireSent];

    /// <summary>Attaches as many pairs as asked for, without threads of their own: whoever measures steps them.</summary>
    public static EmulatedNics Attach(int count, out NicPair[] pairs) => Attach(count, stepped: true, rate: 0, out pairs);

    /// <summary>Attaches a pair with a thread of its own, which is offered <paramref name="rate"/> frames a second.</summary>
    public static EmulatedNics AttachRunning(int rate, out NicPair pair)
    {
        EmulatedNics nics = Attach(1, stepped: false, rate, out NicPair[] pairs);
        pair = pairs[0];
        return nics;
    }

    private static EmulatedNics Attach(int count, bool stepped, int rate, out NicPair[] pairs)
    {
        EmulatedNics nics = EmulatedNics.Attach(
            [.. Enumerable.Range(0, count).Select(Names).SelectMany(names => new[] { Nic($"{names.Receiver},{Source}:rate={rate}"), Nic($"{names.Sender},{Sink}") })],
            NullLogger.Instance, stepped);
        pairs = [.. Enumerable.Range(0, count).Select(number => new NicPair(nics, number))];
        return nics;
    }

    /// <summary>Such a pair for <c>verbena nic run</c>: ports 0 and 1 of PCI device 5e:00, or 2 and 3 …</summary>
    public static IReadOnlyList<string> Arguments(int firstPort) =>
    [
        "--nic", string.Create(CultureInfo.InvariantCulture, $"enp94s0f{firstPort},{Source}"),
        "--nic", string.Create(CultureInfo.InvariantCulture, $"enp94s0f{firstPort + 1},{Sink}"),
    ];

    /// <summary>Lets both take what there is for them, up to 64 frames each. False: there was nothing.</summary>
    public bool Step() => Receiver.Step() | Sender.Step();

    private static (string Receiver, string Sender) Names(int number) => ($"rx{number}", $"tx{number}");

    // An MTU at which the driver strides over its buffers, unless it is told to take one a packet.
    private static NicOptions Nic(string text) =>
        NicOptions.TryParse($"{text},mtu=9000", out NicOptions options, out string error) ? options : throw new InvalidOperationException(error);
}
