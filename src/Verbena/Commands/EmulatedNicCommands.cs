using System.Diagnostics.CodeAnalysis;
using Verbena.Dataplane.Cli;
using Verbena.Emulator;
using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Commands;

/// <summary>Emulated NICs: what their ports have counted, pulling their cables, and what a host does with virtual functions.</summary>
/// <param name="nics">Null: there are none, and the commands are only to be described.</param>
internal sealed class EmulatedNicCommands(EmulatedNics? nics)
{
    private const int MaxVlan = 4094;
    private const int MaxQos = 7;

    private static readonly (string Word, string Alias, Func<Words, VportSettings, VportSettings> Read)[] s_settings =
    [
        ("mac", "mac", (words, vf) => vf with { Mac = ReadMac(words) }),
        ("vlan", "vlan", ReadVlan),
        ("spoof", "spoofchk", (words, vf) => vf with { SpoofCheck = IsOn(words) }),
        ("trust", "trust", (words, vf) => vf with { IsTrusted = IsOn(words) }),
        ("state", "state", (words, vf) => vf with { LinkState = ReadState(words) }),
        ("max_tx_rate", "rate", (words, vf) => vf with { MaxTxRate = words.Number("Mb/s", 0, 1_000_000) }),
    ];

    private IEnumerable<NicDevice> Devices => nics?.Devices.Values ?? [];

    public void AddTo(CommandTable table)
    {
        table.Add("emulated-nic",
            "<nic> carrier on|off|numvfs <n>|vf <n> [mac <mac>] [vlan <n> [qos <n>]] [spoof on|off] [trust on|off] [state auto|enable|disable] [max_tx_rate <Mb/s>]",
            "Pulls or plugs an emulated NIC's cable, gives it virtual functions, or sets one of them as `ip link set` does", words =>
        {
            NicDevice nic = Nic(words);
            return words.Keyword("carrier", "numvfs", "vf") switch
            {
                "carrier" => Carrier(nic, IsOn(words)),
                "numvfs" => Functions(nic, words.Number("a number", 0, VirtualFunction.Max)),
                _ => Set(Function(nic, words), words),
            };
        });
        table.Add("show emulated-nic", "[<nic>]", "Lists emulated NICs with what the host has set and their ports have counted", words =>
        {
            IEnumerable<NicDevice> chosen = words.AtEnd && words.MayHaveOption ? Devices : [Nic(words)];
            return session => session.Output.Write(string.Concat(chosen.Select(Format)));
        });
    }

    private static Action<CliSession> Carrier(NicDevice nic, bool on) => _ => nic.SetCarrier(on);

    private Action<CliSession> Functions(NicDevice nic, int count) => _ => Try(() => nics!.SetFunctions(nic, count));

    private Action<CliSession> Set(NicDevice function, Words words)
    {
        VportSettings settings = function.Function!;
        while (words.MayHaveOption)
        {
            settings = ReadSetting(words, settings);
        }

        return _ => Try(() => nics!.SetFunction(function, settings));
    }

    private static VportSettings ReadSetting(Words words, VportSettings settings)
    {
        foreach ((string word, string alias, Func<Words, VportSettings, VportSettings> read) in s_settings)
        {
            if (words.TryKeyword(word, alias))
            {
                return read(words, settings);
            }
        }

        words.End();
        return settings;
    }

    private static MacAddress ReadMac(Words words) => words.Value(
        "a unicast MAC address", static (string word, out MacAddress mac) => MacAddress.TryParse(word, out mac) && !mac.IsMulticast && !mac.IsZero);

    private static VportSettings ReadVlan(Words words, VportSettings settings)
    {
        int vlan = words.Number("a VLAN", 0, MaxVlan);
        int qos = words.TryKeyword("qos") ? words.Number("a priority", 0, MaxQos) : 0;
        return settings with { Vlan = (ushort)vlan, Qos = (byte)qos };
    }

    private static VportLinkState ReadState(Words words) => words.Keyword("auto", "enable", "disable") switch
    {
        "enable" => VportLinkState.Enable,
        "disable" => VportLinkState.Disable,
        _ => VportLinkState.Auto,
    };

    private static bool IsOn(Words words) => words.Keyword("on", "off") == "on";

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandException(refusal.Message, refusal);
        }
    }

    private NicDevice Nic(Words words) => words.Value(
        "an emulated NIC",
        (string word, [MaybeNullWhen(false)] out NicDevice found) =>
            (found = Devices.FirstOrDefault(nic => string.Equals(nic.Options.Name, word, StringComparison.Ordinal))) is not null,
        [.. Devices.Select(nic => nic.Options.Name)]);

    private NicDevice Function(NicDevice physical, Words words)
    {
        int number = words.Number("a virtual function", 0, VirtualFunction.Max - 1);
        return nics!.FunctionsOf(physical).FirstOrDefault(nic => nic.Options.VirtualFunction!.Number == number && nic.Function is not null)
            ?? throw new CommandException($"{physical.Options.Name} has no virtual function {number} here: 'emulated-nic {physical.Options.Name} numvfs <n>' makes them");
    }

    private static string Format(NicDevice nic)
    {
        var text = new StringWriter();
        text.WriteLine($"{nic.Options.Name}: link {(nic.Link.IsUp ? "up" : "down")}, {nic.Options.SpeedGbps} Gbps, "
            + $"MAC address {nic.MacAddress}, wire {nic.Options.Wire.Text}");
        if (nic.Function is { } settings)
        {
            text.WriteLine($"  {settings}");
        }

        for (int i = 0; i < PortCounters.Names.Count; i++)
        {
            WriteCounter(text, PortCounters.Names[i], nic.Counters[(PortCounter)i]);
        }

        foreach (SwitchCounter counter in nic.SwitchCounters is null ? [] : Enum.GetValues<SwitchCounter>())
        {
            WriteCounter(text, SwitchCounters.NameOf(counter), nic.SwitchCounters![counter]);
        }

        return text.ToString();
    }

    private static void WriteCounter(TextWriter text, string name, ulong count)
    {
        if (count != 0)
        {
            text.WriteLine($"  {name,-24}{count,16}");
        }
    }
}
