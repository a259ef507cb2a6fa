using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Record;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using Verbena.Interop.Verbs;
using Verbena.Packets;

namespace Verbena.Emulator.Uverbs;

/// <summary>The kernel's side of one RDMA device: who has it open, and the commands of those programs, one at a time.</summary>
internal sealed unsafe partial class UverbsDevice
{
    private readonly Lock _commands = new();
    private readonly FileTable _files;
    private readonly UverbsFaults _faults;
    private readonly ILogger _logger;
    private readonly VerbRecords? _records;
    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);
    private ImmutableArray<UverbsContext> _contexts = [];
    private uint _lastProtectionDomain;
    private uint _lastContext;

    public UverbsDevice(NicDevice nic, int index, FileTable files, UverbsFaults faults, ILogger logger, NicRecorder? recorder = null)
    {
        Nic = nic;
        Index = index;
        _files = files;
        _faults = faults;
        _logger = logger;
        _records = recorder is null ? null : new VerbRecords(recorder, Name);
        nic.Records = recorder is { RecordsWork: true } ? new WorkRecords(recorder, Name) : null;
        nic.LinkChanged = OnLinkChanged;
        nic.Resting = OnResting;
        nic.Failed = OnFailed;
    }

    public NicDevice Nic { get; }

    /// <summary>The n of uverbs<i>n</i> and mlx5_<i>n</i>.</summary>
    public int Index { get; }

    public string Name => $"mlx5_{Index}";

    public NicIdentity Identity => NicIdentity.Of(Nic.Options, Index);

    /// <summary>Kinds and numbers of the objects that programs have and have not destroyed, and of the contexts.</summary>
    public IEnumerable<string> LiveObjects
    {
        get
        {
            lock (_commands)
            {
                return [.. _contexts.SelectMany(context => context.Objects.Select(o => o.GetType().Name)
                    .Concat(Enumerable.Repeat("CompletionChannel", context.CompletionChannels)).Append("Context"))];
            }
        }
    }

    /// <summary>A program opens the device node.</summary>
    public UverbsContext Open()
    {
        lock (_commands)
        {
            long began = NicRecorder.Now();
            var context = new UverbsContext(this, ++_lastContext, _files);
            _contexts = _contexts.Add(context);
            _records?.Opened(context.Number, began);
            return context;
        }
    }

    public void Close(UverbsContext context)
    {
        lock (_commands)
        {
            long began = NicRecorder.Now();
            int objects = context.Objects.Count();
            _contexts = _contexts.Remove(context);
            context.DestroyAll();
            _records?.Closed(context.Number, objects, began);
        }
    }

    /// <summary>Carries out one command. Returns 0, or a negative errno.</summary>
    /// <param name="context">What it is given on.</param>
    /// <param name="header">Where it lies.</param>
    /// <param name="thread">The thread that gives it, whose privileges count.</param>
    public int Ioctl(UverbsContext context, ib_uverbs_ioctl_hdr* header, int thread)
    {
        lock (_commands)
        {
            long began = NicRecorder.Now();
            if (!TryRead(header, thread, out IoctlFrame frame, out Errno errno, out string? reason))
            {
                _records?.Malformed(context.Number, errno, reason, began);
                return -(int)errno;
            }

            (errno, reason) = Run(context, frame);
            _records?.Commanded(context.Number, frame, errno, reason, began);
            return -(int)errno;
        }
    }

    /// <summary>The file and the offset in it that the program is to map for what it asked for; offset -1 where it may not.</summary>
    public (int Descriptor, long Offset) Mapping(UverbsContext context, ulong lengthBytes, long mmapOffset)
    {
        lock (_commands)
        {
            long began = NicRecorder.Now();
            (int Descriptor, long Offset) mapping = lengthBytes == UarRegion.PageBytes ? Mapping(context, mmapOffset) : (-1, -1);
            _records?.Mapped(context.Number, lengthBytes, mmapOffset, mapping.Offset < 0 ? Errno.EINVAL : default, began);
            return mapping;
        }
    }

    /// <summary>A number for a protection domain, by which the NIC compares queues and memory regions.</summary>
    public uint NextProtectionDomain() => ++_lastProtectionDomain;

    private (int Descriptor, long Offset) Mapping(UverbsContext context, long mmapOffset)
    {
        long clock = context.IsOpen ? ClockPages.Offset(mmapOffset) : -1;
        return clock >= 0
            ? (Nic.Clock.FileDescriptor, clock)
            : (Nic.Uar.FileDescriptor, context.Objects.OfType<Uar>().FirstOrDefault(uar => (long)uar.MmapOffset == mmapOffset)?.FileOffset ?? -1);
    }

    private bool TryRead(ib_uverbs_ioctl_hdr* header, int thread, out IoctlFrame frame, out Errno errno, [NotNullWhen(false)] out string? reason)
    {
        try
        {
            (frame, errno, reason) = (new IoctlFrame(header, thread), default, null);
            return true;
        }
        catch (UverbsException refusal)
        {
            LogRefusal(refusal.Message, refusal.Errno);
            (frame, errno, reason) = (default, refusal.Errno, refusal.Message);
            return false;
        }
    }

    private (Errno Errno, string? Reason) Run(UverbsContext context, in IoctlFrame frame)
    {
        try
        {
            Dispatch(context, frame);
            return default;
        }
        catch (UverbsException refusal)
        {
            LogRefusal(refusal.Message, refusal.Errno);
            return (refusal.Errno, refusal.Message);
        }
        catch (NicException refusal)
        {
            LogRefusal(refusal.Message, (Errno)refusal.Errno);
            return ((Errno)refusal.Errno, refusal.Message);
        }
    }

    private void Dispatch(UverbsContext context, in IoctlFrame frame)
    {
        if (frame.ObjectId == (ushort)mlx5_ib_objects.MLX5_IB_OBJECT_DEVX)
        {
            throw new UverbsException(Errno.EPROTONOSUPPORT, "DevX is not there"); // libmlx5 asks at each opening
        }

        if (Commands.FindMethod(frame) is not { } command)
        {
            string name = $"object 0x{frame.ObjectId:x}, method 0x{frame.MethodId:x}";
            LogUnknownOnce(name);
            throw new UverbsException(Errno.EPROTONOSUPPORT, $"{name} is not known");
        }

        frame.Check(command.Required, command.Optional);
        if (command == Commands.InvokeWrite)
        {
            DispatchWrite(context, frame);
            return;
        }

        if (context.IsOpen == (command == ContextCommands.GetContext))
        {
            throw UverbsException.Invalid($"{command.Name}: GET_CONTEXT comes first, and once");
        }

        Admit(command.Name);
        command.Handler(context, frame);
    }

    private void DispatchWrite(UverbsContext context, in IoctlFrame frame)
    {
        uint number = (uint)frame.Number(Attributes.UVERBS_ATTR_WRITE_CMD);
        if (Commands.FindWrite(number) is not { } command)
        {
            string name = $"write command 0x{number:x}";
            LogUnknownOnce(name);
            throw UverbsException.NotSupported($"{name} is not known");
        }

        if (!frame.Holds(command))
        {
            throw new UverbsException(Errno.ENOSPC, $"{command.Name}: the buffers are too short");
        }

        if (!context.IsOpen)
        {
            throw UverbsException.Invalid($"{command.Name}: GET_CONTEXT comes first");
        }

        Admit(command.Name);
        command.Handler(context, frame);
    }

    /// <summary>A device that has failed still lets go of what programs have.</summary>
    private void Admit(string command)
    {
        _faults.Meet(command);
        if (Nic.HasFailed && !command.EndsWith("DESTROY", StringComparison.Ordinal))
        {
            throw new UverbsException(Errno.EIO, $"{command}: the device has failed");
        }
    }

    /// <summary>On the NIC's thread, inside its gate: takes no lock.</summary>
    private void OnResting()
    {
        if (_files.TakeUnmapped() is var address and not 0)
        {
            Nic.Conformance.Report($"the program has unmapped registered memory, or that of a queue, which the NIC used then, at 0x{address:x}");
        }

        foreach (UverbsContext context in _contexts)
        {
            context.FlushEvents();
        }
    }

    /// <summary>On the NIC's thread.</summary>
    private void OnFailed()
    {
        foreach (UverbsContext context in _contexts)
        {
            context.SendPortEvent(ibv_event_type.IBV_EVENT_DEVICE_FATAL);
            context.Disassociate();
        }
    }

    /// <summary>On the NIC's thread, inside its gate: takes no lock.</summary>
    private void OnLinkChanged(LinkState link)
    {
        ibv_event_type type = link.IsUp ? ibv_event_type.IBV_EVENT_PORT_ACTIVE : ibv_event_type.IBV_EVENT_PORT_ERR;
        foreach (UverbsContext context in _contexts)
        {
            context.SendPortEvent(type);
        }
    }

    private void LogUnknownOnce(string name)
    {
        if (_reported.Add(name))
        {
            LogUnknown(name);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "emulated NIC: refused with {Errno}: {Reason}")]
    private partial void LogRefusal(string reason, Errno errno);

    [LoggerMessage(Level = LogLevel.Information, Message = "emulated NIC: {Name} is not known to the emulator; the program gets an error")]
    private partial void LogUnknown(string name);
}
