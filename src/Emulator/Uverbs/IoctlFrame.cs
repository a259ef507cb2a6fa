using System.Runtime.InteropServices;
using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>One command as a program handed it over: a header and its attributes, copied from the program's memory.</summary>
/// <remarks>
/// Linux, include/uapi/rdma/rdma_user_ioctl_cmds.h. What an attribute points to is read when it is asked for, and answers
/// are written at once: only while the program waits for the command to end. A bad pointer is EFAULT.
/// </remarks>
internal readonly unsafe struct IoctlFrame
{
    private const int MaxBytes = 4096;

    private readonly ib_uverbs_ioctl_hdr* _program;
    private readonly ib_uverbs_ioctl_hdr _header;
    private readonly ib_uverbs_attr[] _attributes;

    /// <exception cref="UverbsException">
    /// As Linux, drivers/infiniband/core/uverbs_ioctl.c: EINVAL: the header contradicts itself, or an attribute stands twice.
    /// EPROTONOSUPPORT: it holds what is not known yet. EFAULT: there is no such memory.
    /// </exception>
    public IoctlFrame(ib_uverbs_ioctl_hdr* program, int thread)
    {
        CallingThread = thread;
        _program = program;
        fixed (ib_uverbs_ioctl_hdr* header = &_header)
        {
            UserMemory.Read((ulong)program, new Span<byte>(header, sizeof(ib_uverbs_ioctl_hdr)));
        }

        int lengthBytes = sizeof(ib_uverbs_ioctl_hdr) + (_header.num_attrs * sizeof(ib_uverbs_attr));
        if (_header.length != lengthBytes || lengthBytes > MaxBytes)
        {
            throw UverbsException.Invalid($"the command's header says {_header.length} bytes and {_header.num_attrs} attributes");
        }

        if (_header.reserved1 != 0 || _header.reserved2 != 0)
        {
            throw new UverbsException(Errno.EPROTONOSUPPORT, "the command's header has reserved fields set");
        }

        if (_header.driver_id != Ioctl.RDMA_DRIVER_MLX5)
        {
            throw UverbsException.Invalid($"the command is for driver {_header.driver_id}");
        }

        _attributes = new ib_uverbs_attr[_header.num_attrs];
        UserMemory.Read((ulong)(program + 1), MemoryMarshal.AsBytes(_attributes.AsSpan()));
        for (int i = 0; i < _attributes.Length; i++)
        {
            if (Find(_attributes[i].attr_id) != i)
            {
                throw UverbsException.Invalid($"attribute 0x{_attributes[i].attr_id:x} stands twice");
            }
        }
    }

    /// <summary>The thread of the program that gave the command, as gettid(2) names it.</summary>
    public int CallingThread { get; }

    public ushort ObjectId => _header.object_id;

    public ushort MethodId => _header.method_id;

    /// <summary>All attributes, as the program gave them and the command has left them.</summary>
    public ReadOnlySpan<ib_uverbs_attr> Attributes => _attributes;

    public bool Has(ushort id) => Find(id) >= 0;

    /// <summary>Checks that what must be there is, and that what is there is known and has its length.</summary>
    /// <exception cref="UverbsException">
    /// EINVAL for a missing attribute or one of a wrong length, EPROTONOSUPPORT for an unknown one that is mandatory,
    /// EFAULT for an answer that has nowhere to go.
    /// </exception>
    public void Check(AttributeSpec[] required, AttributeSpec[] optional)
    {
        foreach (ref readonly ib_uverbs_attr attribute in _attributes.AsSpan())
        {
            if (AttributeSpec.Find(attribute.attr_id, required, optional) is { } spec)
            {
                spec.Check(attribute);
            }
            else if (attribute.flags.HasFlag(uverbs_attr_flags.UVERBS_ATTR_F_MANDATORY))
            {
                throw new UverbsException(Errno.EPROTONOSUPPORT, $"attribute 0x{attribute.attr_id:x} is not known");
            }
        }

        foreach (AttributeSpec spec in required)
        {
            _ = Require(spec.Id);
        }
    }

    /// <summary>Whether input and output of a command of the older form have at least their lengths.</summary>
    public bool Holds(WriteCommand command)
    {
        foreach (AttributeSpec spec in command.Attributes)
        {
            if (LengthBytes(spec.Id) < spec.MinBytes)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A handle, descriptor or number of up to 8 bytes, or <paramref name="absent"/> if the attribute is not there.</summary>
    public ulong Number(ushort id, ulong absent = 0)
    {
        int index = Find(id);
        if (index < 0)
        {
            return absent;
        }

        ib_uverbs_attr attribute = _attributes[index];
        return attribute.len is > 0 and < 8 ? attribute.data & ((1UL << (attribute.len * 8)) - 1) : attribute.data;
    }

    /// <summary>Which variant of an attribute that has several was chosen.</summary>
    public byte Variant(ushort id) => (byte)_attributes[Require(id)].enum_data;

    /// <summary>A structure.</summary>
    /// <exception cref="UverbsException">EINVAL: it is too short. EOPNOTSUPP: it is longer, and the rest is not zero.</exception>
    public T Input<T>(ushort id)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = InputBytes(id);
        return bytes.Length >= sizeof(T) ? Read<T>(bytes) : throw UverbsException.Invalid($"attribute 0x{id:x} is too short");
    }

    /// <summary>The driver's part, mlx5-abi.h; what an older library leaves out reads as zero.</summary>
    public T DriverInput<T>()
        where T : unmanaged => Read<T>(InputBytes(UVERBS_ATTR_UHW_IN));

    /// <summary>All bytes of an input.</summary>
    /// <exception cref="UverbsException">EFAULT: they are not there.</exception>
    public ReadOnlySpan<byte> InputBytes(ushort id)
    {
        int index = Find(id);
        if (index < 0)
        {
            return default;
        }

        ib_uverbs_attr attribute = _attributes[index];
        if (attribute.len <= sizeof(ulong))
        {
            return new ReadOnlySpan<byte>(&attribute.data, attribute.len).ToArray();
        }

        byte[] bytes = new byte[attribute.len];
        UserMemory.Read(attribute.data, bytes);
        return bytes;
    }

    /// <summary>Length of an input, room for an output, 0 if it is not there.</summary>
    public int LengthBytes(ushort id)
    {
        int index = Find(id);
        return index < 0 ? 0 : _attributes[index].len;
    }

    /// <summary>Answers as much of <paramref name="value"/> as there is room for, zeros beyond it, nothing if not asked.</summary>
    public void Output<T>(ushort id, T value)
        where T : unmanaged => Output(id, new ReadOnlySpan<byte>(&value, sizeof(T)));

    public void Output(ushort id, ReadOnlySpan<byte> value)
    {
        int index = Find(id);
        if (index < 0)
        {
            return;
        }

        byte[] answer = new byte[_attributes[index].len];
        value[..Math.Min(value.Length, answer.Length)].CopyTo(answer);
        UserMemory.Write(_attributes[index].data, answer);
        Answered(index);
    }

    /// <summary>Answers the handle or descriptor of a new object, in the attribute itself.</summary>
    public void OutputNew(ushort id, uint handle)
    {
        int index = Require(id);
        _attributes[index].data = handle;
        Answered(index);
    }

    private static T Read<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged
    {
        T value = default;
        var room = new Span<byte>(&value, sizeof(T));
        int known = Math.Min(bytes.Length, room.Length);
        if (bytes[known..].ContainsAnyExcept((byte)0))
        {
            throw UverbsException.NotSupported($"{typeof(T).Name} is longer than known");
        }

        bytes[..known].CopyTo(room);
        return value;
    }

    /// <summary>Marks an attribute as answered, in the program's memory too.</summary>
    private void Answered(int index)
    {
        _attributes[index].flags |= uverbs_attr_flags.UVERBS_ATTR_F_VALID_OUTPUT;
        UserMemory.Write((ulong)((ib_uverbs_attr*)(_program + 1) + index), MemoryMarshal.AsBytes(_attributes.AsSpan(index, 1)));
    }

    /// <summary>The index of an attribute, or -1.</summary>
    private int Find(ushort id)
    {
        for (int i = 0; i < _attributes.Length; i++)
        {
            if (_attributes[i].attr_id == id)
            {
                return i;
            }
        }

        return -1;
    }

    private int Require(ushort id)
    {
        int index = Find(id);
        return index >= 0 ? index : throw UverbsException.Invalid($"attribute 0x{id:x} is missing");
    }
}
