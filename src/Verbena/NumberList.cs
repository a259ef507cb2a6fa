using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Verbena;

/// <summary>VPP's lists of numbers: <c>0,2-5,7</c>.</summary>
internal static class NumberList
{
    /// <summary>Reads a list; a range gives at most <paramref name="longestRange"/> numbers.</summary>
    public static bool TryParse(string text, int longestRange, [MaybeNullWhen(false)] out int[] numbers)
    {
        List<int> list = [];
        numbers = text.Split(',').All(range => TryAdd(range.Split('-'), longestRange, list)) ? [.. list] : null;
        return numbers is not null;
    }

    private static bool TryAdd(string[] ends, int longestRange, List<int> list)
    {
        bool isRange = ends.Length <= 2 & TryParse(ends[0], out int first) & TryParse(ends[^1], out int last);
        if (!isRange || first > last || last - first >= longestRange)
        {
            return false;
        }

        list.AddRange(Enumerable.Range(first, last - first + 1));
        return true;
    }

    private static bool TryParse(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
