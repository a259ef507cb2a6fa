namespace Verbena.Emulator.Uverbs;

/// <summary>What a handle of a program stands for.</summary>
/// <remarks>It counts who uses it: a kernel refuses to destroy what is in use. Handles are never used twice in a context.</remarks>
internal abstract class UverbsObject
{
    private UverbsObject[] _uses = [];
    private int _users;

    /// <summary>Adds the object to <paramref name="context"/>; <paramref name="uses"/> can't be destroyed while it lives.</summary>
    protected UverbsObject(UverbsContext context, params IEnumerable<UverbsObject?> uses)
    {
        Context = context;
        UseInstead(uses);
        Handle = context.Add(this);
    }

    public UverbsContext Context { get; }

    public uint Handle { get; }

    public bool InUse => _users != 0;

    protected UverbsDevice Device => Context.Device;

    /// <summary>Takes back what the NIC holds for the object. Called once, when nothing uses it any more.</summary>
    public abstract void Release();

    /// <summary>Lets go of what it used.</summary>
    public void Forget() => UseInstead();

    protected void UseInstead(params IEnumerable<UverbsObject?> uses)
    {
        foreach (UverbsObject used in _uses)
        {
            used._users--;
        }

        _uses = [.. uses.OfType<UverbsObject>()];
        foreach (UverbsObject used in _uses)
        {
            used._users++;
        }
    }
}
