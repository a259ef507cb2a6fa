using Verbena.Emulator.Eswitch;
using Verbena.Emulator.Nic;
using Verbena.Emulator.Uverbs;

namespace Verbena.Emulator;

/// <content>Virtual functions: they come and go while programs run, as by <c>sriov_numvfs</c>.</content>
public sealed unsafe partial class EmulatedNics
{
    /// <summary>The virtual functions of a device, by their numbers.</summary>
    public IEnumerable<NicDevice> FunctionsOf(NicDevice physical) =>
        _nics.Where(nic => nic.Options.VirtualFunction?.Physical == physical.Options.Name).OrderBy(nic => nic.Options.VirtualFunction!.Number);

    /// <summary>Gives a device so many virtual functions, or takes all away. Programs that use one hear that it has failed.</summary>
    /// <exception cref="InvalidOperationException">It can have none, it has another number of them already, or one can't be made: then there are none.</exception>
    public void SetFunctions(NicDevice physical, int count)
    {
        ArgumentNullException.ThrowIfNull(physical);
        if (_ports is not null || physical.Options.VirtualFunction is not null)
        {
            throw new InvalidOperationException(_ports is null
                ? $"{physical.Options.Name} is a virtual function itself"
                : $"{physical.Options.Name} is another process's, which makes its virtual functions at its start");
        }

        int present = FunctionsOf(physical).Count();
        if (count == present)
        {
            return;
        }

        if (count > 0 && present > 0)
        {
            throw new InvalidOperationException(
                $"EBUSY: {physical.Options.Name} has {present} virtual functions: take them away first, 'emulated-nic {physical.Options.Name} numvfs 0'");
        }

        if (NicOptions.CheckFunctions(physical.Options with { VirtualFunctions = count }) is { Length: > 0 } error)
        {
            throw new InvalidOperationException(error);
        }

        Rest();
        try
        {
            ChangeFunctions(physical, count);
        }
        finally
        {
            Work();
        }
    }

    /// <summary>Sets what the host decides of a virtual function, as <c>ip link set PF vf N</c> does; its netdev gets its address.</summary>
    /// <exception cref="InvalidOperationException">It is none, or Linux refuses the address.</exception>
    public void SetFunction(NicDevice function, VportSettings settings)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(settings);
        function.SetFunction(settings);
        _sysfs?.WriteAddress(function.Options.Name, function.MacAddress);
    }

    private void ChangeFunctions(NicDevice physical, int count)
    {
        try
        {
            RemoveFunctions(physical);
            AddFunctions(physical, count);
        }
        catch
        {
            RemoveFunctions(physical);
            throw;
        }
    }

    private void AddFunctions(NicDevice physical, int count)
    {
        for (int number = 0; number < count; number++)
        {
            NicOptions options = physical.Options.OfFunction(number);
            if (Devices.ContainsKey(options.Name))
            {
                throw new InvalidOperationException($"two emulated NICs are called {options.Name}");
            }

            UverbsDevice added = Add(new NicDevice(options.On(physical.Virtualize()), _panel, _logger, _time));
            _sysfs?.Add(added.Identity);
        }

        _server?.Offer(_devices.Length);
    }

    private void RemoveFunctions(NicDevice physical)
    {
        foreach (NicDevice function in FunctionsOf(physical).ToArray())
        {
            _sysfs?.Remove(function.Options.Name);
            _nics.Remove(function);
            _removed.Add(function);
            function.Remove();
        }

        PublishDevices();
    }
}
