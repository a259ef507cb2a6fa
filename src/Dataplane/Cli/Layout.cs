using System.Globalization;

namespace Verbena.Dataplane.Cli;

/// <summary>Columns and numbers as VPP prints them (vppinfra/format.c).</summary>
public static class Layout
{
    /// <summary>Centres <paramref name="text"/> in <paramref name="width"/> columns (<c>%=Ns</c>): an odd blank goes left.</summary>
    public static string Centre(this string text, int width)
    {
        ArgumentNullException.ThrowIfNull(text);
        int padding = Math.Max(0, width - text.Length);
        return text.PadLeft(text.Length + ((padding + 1) / 2)).PadRight(width);
    }

    public static string Centre(this ulong number, int width) => Whole(number).Centre(width);

    public static string Centre(this uint number, int width) => Whole(number).Centre(width);

    /// <summary>A mode in VPP's words.</summary>
    public static string Word(RxMode mode) => mode switch { RxMode.Polling => "polling", RxMode.Interrupt => "interrupt", _ => "adaptive" };

    public static string Whole(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number with a fixed count of decimals (<c>%.Nf</c>), without a zero before the point: <c>.50</c>.</summary>
    public static string Fixed(double number, int decimals)
    {
        string text = number.ToString("F" + Whole((ulong)decimals), CultureInfo.InvariantCulture);
        return number != 0 && text.StartsWith("0.", StringComparison.Ordinal) ? text[1..] : text;
    }

    /// <summary>A number in scientific form (<c>%.Ne</c>) with the shortest exponent: <c>1.17e1</c>, <c>5.00e-3</c>.</summary>
    public static string Scientific(double number, int decimals)
    {
        string[] parts = number.ToString("e" + Whole((ulong)decimals), CultureInfo.InvariantCulture).Split('e');
        return $"{parts[0]}e{int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)}";
    }
}
