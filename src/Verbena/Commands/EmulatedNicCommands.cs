using System.Diagnostics.CodeAnalysis;
using Verbena.Dataplane.Cli;
using Verbena.Emulator.Nic;

namespace Verbena.Commands;

/// <summary>Emulated NICs: what their ports have counted, and pulling their cables.</summary>
internal static class EmulatedNicCommands
{
    public static void AddTo(CommandTable table, IReadOnlyCollection<NicDevice> nics)
    {
        table.Add("emulated-nic", "<nic> carrier on|off", "Pulls or plugs an emulated NIC's cable", words =>
        {
            NicDevice nic = Nic(words, nics);
            words.Keyword("carrier");
            bool on = words.Keyword("on", "off") == "on";
            return _ => nic.SetCarrier(on);
        });
        table.Add("show emulated-nic", "[<nic>]", "Lists emulated NICs with what their ports have counted", words =>
        {
            IEnumerable<NicDevice> chosen = words.AtEnd && words.MayHaveOption ? nics : [Nic(words, nics)];
            return session => session.Output.Write(string.Concat(chosen.Select(Format)));
        });
    }

    private static NicDevice Nic(Words words, IReadOnlyCollection<NicDevice> nics) => words.Value(
        "an emulated NIC",
        (string word, [MaybeNullWhen(false)] out NicDevice found) =>
            (found = nics.FirstOrDefault(nic => string.Equals(nic.Options.Name, word, StringComparison.Ordinal))) is not null,
        [.. nics.Select(nic => nic.Options.Name)]);

    private static string Format(NicDevice nic)
    {
        var text = new StringWriter();
        text.WriteLine($"{nic.Options.Name}: link {(nic.Link.IsUp ? "up" : "down")}, {nic.Options.SpeedGbps} Gbps, "
            + $"MAC address {nic.MacAddress}, wire {nic.Options.Wire.Text}");
        for (int i = 0; i < PortCounters.Names.Count; i++)
        {
            if (nic.Counters[(PortCounter)i] is var count and not 0)
            {
                text.WriteLine($"  {PortCounters.Names[i],-24}{count,16}");
            }
        }

        return text.ToString();
    }
}
