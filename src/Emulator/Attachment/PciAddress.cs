using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.Emulator.Attachment;

/// <summary>PCI addresses of emulated functions.</summary>
internal static partial class PciAddress
{
    private const int FirstFreeBus = 0x80;

    /// <summary>The address that systemd would have made the interface's name from (enp94s0f0 is 0000:5e:00.0), or a free one.</summary>
    public static string Choose(string netdev, HashSet<string> taken)
    {
        Match match = PredictableName().Match(netdev);
        if (match.Success && TryNumber(match.Groups["bus"], 0xFF, out int bus) && TryNumber(match.Groups["slot"], 0x1F, out int slot)
            && TryNumber(match.Groups["function"], 7, out int function) && taken.Add(Format(bus, slot, function)))
        {
            return Format(bus, slot, function);
        }

        int free = FirstFreeBus;
        while (!taken.Add(Format(free, 0, 0)))
        {
            free++;
        }

        return Format(free, 0, 0);
    }

    private static bool TryNumber(Group digits, int most, out int number)
    {
        number = 0;
        return !digits.Success || (int.TryParse(digits.ValueSpan, CultureInfo.InvariantCulture, out number) && number <= most);
    }

    private static string Format(int bus, int slot, int function) =>
        string.Create(CultureInfo.InvariantCulture, $"0000:{bus:x2}:{slot:x2}.{function}");

    [GeneratedRegex("^enp(?<bus>[0-9]{1,3})s(?<slot>[0-9]{1,2})(f(?<function>[0-9]))?(np[0-9]+)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex PredictableName();
}
