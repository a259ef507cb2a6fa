using Verbena.Interop;
using Verbena.Interop.Uverbs;
using static Verbena.Interop.Uverbs.Attributes;

namespace Verbena.Emulator.Uverbs;

/// <summary>One command as a program handed it over: a header and its attributes, in the program's own memory.</summary>
/// <remarks>
/// Linux, include/uapi/rdma/rdma_user_ioctl_cmds.h. Valid during the ioctl only. A kernel answers a bad pointer with EFAULT;
/// here, inside the program, it is the fault that it would be in the program's own code.
/// </remarks>
internal readonly unsafe ref struct IoctlFrame
{
    private readonly ib_uverbs_ioctl_hdr* _header;

    /// <exception cref="UverbsException">EINVAL: the header contradicts itself, or an attribute stands twice.</exception>
    public IoctlFrame(ib_uverbs_ioctl_hdr* header)
    {
        _header = header;
        int lengthBytes = sizeof(ib_uverbs_ioctl_hdr) + (header->num_attrs * sizeof(ib_uverbs_attr));
        bool whole = header->length == lengthBytes && lengthBytes <= 4096;
        if (!whole || header->reserved1 != 0 || header->reserved2 != 0 || header->driver_id != Ioctl.RDMA_DRIVER_MLX5)
        {
            throw UverbsException.Invalid("the command's header is malformed");
        }

        for (int i = 0; i < header->num_attrs; i++)
        {
            if (Find(Attribute(i)->attr_id) != Attribute(i))
            {
                throw UverbsException.Invalid($"attribute 0x{Attribute(i)->attr_id:x} stands twice");
            }
        }
    }

    public ushort ObjectId => _header->object_id;

    public ushort MethodId => _header->method_id;

    public bool Has(ushort id) => Find(id) != null;

    /// <summary>Checks that what must be there is, and that what is there is known.</summary>
    /// <exception cref="UverbsException">EINVAL for a missing attribute, EPROTONOSUPPORT for an unknown one that is mandatory.</exception>
    public void Check(ReadOnlySpan<ushort> required, ReadOnlySpan<ushort> optional)
    {
        foreach (ushort id in required)
        {
            _ = Require(id);
        }

        for (int i = 0; i < _header->num_attrs; i++)
        {
            ib_uverbs_attr* attribute = Attribute(i);
            ushort id = attribute->attr_id;
            bool known = required.Contains(id) || optional.Contains(id) || id is UVERBS_ATTR_UHW_IN or UVERBS_ATTR_UHW_OUT;
            if (!known && attribute->flags.HasFlag(uverbs_attr_flags.UVERBS_ATTR_F_MANDATORY))
            {
                throw new UverbsException(Errno.EPROTONOSUPPORT, $"attribute 0x{id:x} is not known");
            }
        }
    }

    /// <summary>A handle, descriptor or number of up to 8 bytes, or <paramref name="absent"/> if the attribute is not there.</summary>
    public ulong Number(ushort id, ulong absent = 0)
    {
        ib_uverbs_attr* attribute = Find(id);
        if (attribute == null)
        {
            return absent;
        }

        return attribute->len is > 0 and < 8 ? attribute->data & ((1UL << (attribute->len * 8)) - 1) : attribute->data;
    }

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
    public ReadOnlySpan<byte> InputBytes(ushort id)
    {
        ib_uverbs_attr* attribute = Find(id);
        if (attribute == null)
        {
            return default;
        }

        return new ReadOnlySpan<byte>(attribute->len <= 8 ? &attribute->data : (void*)attribute->data, attribute->len);
    }

    public int OutputRoomBytes(ushort id)
    {
        ib_uverbs_attr* attribute = Find(id);
        return attribute == null ? 0 : attribute->len;
    }

    /// <summary>Answers as much of <paramref name="value"/> as there is room for, zeros beyond it, nothing if not asked.</summary>
    public void Output<T>(ushort id, T value)
        where T : unmanaged => Output(id, new ReadOnlySpan<byte>(&value, sizeof(T)));

    public void Output(ushort id, ReadOnlySpan<byte> value)
    {
        ib_uverbs_attr* attribute = Find(id);
        if (attribute == null)
        {
            return;
        }

        var room = new Span<byte>((void*)attribute->data, attribute->len);
        room.Clear();
        value[..Math.Min(value.Length, room.Length)].CopyTo(room);
        attribute->flags |= uverbs_attr_flags.UVERBS_ATTR_F_VALID_OUTPUT;
    }

    /// <summary>Answers the handle or descriptor of a new object, in the attribute itself.</summary>
    public void OutputNew(ushort id, uint handle)
    {
        ib_uverbs_attr* attribute = Require(id);
        attribute->data = handle;
        attribute->flags |= uverbs_attr_flags.UVERBS_ATTR_F_VALID_OUTPUT;
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

    private ib_uverbs_attr* Attribute(int index) => (ib_uverbs_attr*)(_header + 1) + index;

    private ib_uverbs_attr* Find(ushort id)
    {
        for (int i = 0; i < _header->num_attrs; i++)
        {
            if (Attribute(i)->attr_id == id)
            {
                return Attribute(i);
            }
        }

        return null;
    }

    private ib_uverbs_attr* Require(ushort id)
    {
        ib_uverbs_attr* attribute = Find(id);
        return attribute != null ? attribute : throw UverbsException.Invalid($"attribute 0x{id:x} is missing");
    }
}
