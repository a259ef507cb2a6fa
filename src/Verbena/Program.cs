using Verbena;

return await CommandLine.Create().Parse(args).InvokeAsync(CommandLine.Invocation).ConfigureAwait(false);
