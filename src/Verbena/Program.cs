using System.CommandLine;
using System.CommandLine.Invocation;
using Verbena;

ParseResult result = CommandLine.Create().Parse(args);
if (result.Action is ParseErrorAction error)
{
    error.ShowHelp = false; // the sentence that says what is wrong is the answer
}

return await result.InvokeAsync(CommandLine.Invocation).ConfigureAwait(false);
