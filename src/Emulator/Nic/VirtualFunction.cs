using System.Globalization;
using System.Text.RegularExpressions;

namespace Verbena.Emulator.Nic;

/// <summary>Which virtual function a device is.</summary>
/// <param name="Physical">Name of the physical function's netdev.</param>
/// <param name="Number">N in <c>vf N</c>, from 0.</param>
public sealed partial record VirtualFunction(string Physical, int Number)
{
    /// <summary>How many a physical function can have: NUM_OF_VFS as cards are delivered with it.</summary>
    public const int Max = 8;

    private const int FunctionsPerSlot = 8;

    /// <summary>
    /// The netdev's name. Where the physical function's tells its place, as systemd's names do, that of the function's own
    /// place: enp94s0f2 is virtual function 0 of enp94s0f0, behind the two of a card with two ports. Else the physical
    /// function's with <c>v0</c>.
    /// </summary>
    public string Name
    {
        get
        {
            Match place = PredictableName().Match(Physical);
            if (!place.Success)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{Physical}v{Number}");
            }

            int port = place.Groups["function"] is { Success: true } digits ? digits.ValueSpan[0] - '0' : -1;
            int first = port < 0 ? 1 : 2 + (port * Max);
            int function = (int.Parse(place.Groups["slot"].ValueSpan, CultureInfo.InvariantCulture) * FunctionsPerSlot) + first + Number;
            return string.Create(CultureInfo.InvariantCulture,
                $"{place.Groups["bus"].Value}s{function / FunctionsPerSlot}f{function % FunctionsPerSlot}");
        }
    }

    [GeneratedRegex("^(?<bus>enp[0-9]{1,3})s(?<slot>[0-9]{1,2})(f(?<function>[0-7]))?(np[0-9]+)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex PredictableName();
}
