using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Text;
using Verbena.Interop;

namespace Verbena.Tests.Interop;

/// <summary>The C compiler is the judge of every structure and constant that Interop mirrors.</summary>
public sealed class LayoutTests
{
    private const string Install = "install it with: apt-get install gcc libc6-dev libibverbs-dev";

    private static readonly Type[] s_types = typeof(CStructAttribute).Assembly.GetTypes();

    /// <summary>Tests mirror some structures too, which nothing else needs.</summary>
    private static readonly Type[] s_mirrors = [.. s_types, .. typeof(LayoutTests).Assembly.GetTypes()];

    private static IEnumerable<(Type Type, CStructAttribute C)> Structures =>
        from type in s_mirrors
        let c = type.GetCustomAttribute<CStructAttribute>()
        where c is not null
        select (type, c);

    private static IEnumerable<(Type Type, CConstantsAttribute C)> ConstantSets =>
        from type in s_mirrors
        let c = type.GetCustomAttribute<CConstantsAttribute>()
        where c is not null
        select (type, c);

    [Fact]
    public void Every_structure_and_constant_is_what_the_installed_headers_say()
    {
        List<(string Name, string Expression, long Mirrored)> questions = [.. StructureQuestions(), .. ConstantQuestions()];
        long[] answers = AskCompiler([.. questions.Select(question => question.Expression)]);

        IEnumerable<string> wrong = questions.Zip(answers)
            .Where(pair => pair.First.Mirrored != pair.Second)
            .Select(pair => $"{pair.First.Name} is {pair.First.Mirrored:#,0} (0x{pair.First.Mirrored:x}), in C {pair.Second:#,0} (0x{pair.Second:x})");
        Assert.False(wrong.Any(), string.Join('\n', wrong));
    }

    [Fact]
    public void Every_structure_says_which_C_structure_it_mirrors()
    {
        var unnamed = s_types.Where(type => type is { IsValueType: true, IsEnum: false, IsPublic: true }
            && type.GetCustomAttribute<CStructAttribute>() is null);
        Assert.Empty(unnamed);
    }

    [Fact]
    public void Every_enumeration_says_which_header_defines_it()
    {
        var unnamed = s_types.Where(type => type is { IsEnum: true, IsPublic: true }
            && type.GetCustomAttribute<CConstantsAttribute>() is null);
        Assert.Empty(unnamed);
    }

    private static IEnumerable<(string Name, string Expression, long Mirrored)> StructureQuestions()
    {
        foreach ((Type type, CStructAttribute c) in Structures)
        {
            if (!c.Prefix)
            {
                yield return ($"sizeof({c.Name})", $"sizeof({c.Name})", SizeOf(type));
            }

            foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
            {
                string path = field.GetCustomAttribute<CFieldAttribute>()?.Path ?? field.Name;
                yield return ($"offset of {c.Name}.{path}", $"offsetof({c.Name}, {path})", OffsetOf(field));
                if (path.EndsWith(']'))
                {
                    continue; // a part of a C array: it begins there, and has no size of its own
                }

                yield return ($"size of {c.Name}.{path}", $"sizeof((({c.Name} *)0)->{path})", SizeOf(field.FieldType));
            }
        }
    }

    private static IEnumerable<(string Name, string Expression, long Mirrored)> ConstantQuestions() =>
        from set in ConstantSets
        from field in set.Type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
        where field.IsLiteral
        select (field.Name, field.Name, ToInt64(field.GetRawConstantValue()!));

    private static long ToInt64(object value) =>
        value is ulong large ? unchecked((long)large) : Convert.ToInt64(value, CultureInfo.InvariantCulture);

    private static long SizeOf(Type type) => type.IsPointer || type.IsFunctionPointer
        ? nint.Size
        : (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    // What the JIT lays out, not what Marshal would: the address of the field less that of its structure.
    private static long OffsetOf(FieldInfo field)
    {
        var method = new DynamicMethod("OffsetOf", typeof(nint), null, field.Module, skipVisibility: true);
        ILGenerator il = method.GetILGenerator();
        LocalBuilder structure = il.DeclareLocal(field.DeclaringType!);
        il.Emit(OpCodes.Ldloca, structure);
        il.Emit(OpCodes.Ldflda, field);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldloca, structure);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<nint>>()();
    }

    private static long[] AskCompiler(string[] expressions)
    {
        string directory = Directory.CreateTempSubdirectory("verbena-layout-").FullName;
        try
        {
            string program = Path.Combine(directory, "layout");
            File.WriteAllText(program + ".c", Program(expressions));
            Run("gcc", "-D_GNU_SOURCE", "-w", "-I" + AppContext.BaseDirectory, "-o", program, program + ".c");
            return [.. Run(program).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => long.Parse(line, CultureInfo.InvariantCulture))];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Program(string[] expressions)
    {
        var text = new StringBuilder("#include <stddef.h>\n#include <stdio.h>\n");
        IEnumerable<string> headers = Structures.Select(s => s.C.Header).Concat(ConstantSets.SelectMany(s => s.C.Headers));
        foreach (string header in headers.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"#include <{header}>\n");
        }

        text.Append("int main(void) {\n");
        foreach (string expression in expressions)
        {
            text.Append(CultureInfo.InvariantCulture, $"printf(\"%lld\\n\", (long long)({expression}));\n");
        }

        return text.Append("}\n").ToString();
    }

    private static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{program} refused; if a header is missing, {Install}\n{errors.GetAwaiter().GetResult()}");
            return output;
        }
        catch (System.ComponentModel.Win32Exception absent)
        {
            throw new InvalidOperationException($"{program} is not there; {Install}", absent);
        }
    }
}
