using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator;
using Verbena.Emulator.Nic;
using Verbena.Interop.Verbs;
using static Verbena.Interop.Verbs.Libibverbs;

namespace Verbena.Tests.Emulator.Uverbs;

/// <summary>What the real libibverbs and libmlx5 are told about an emulated NIC.</summary>
[Collection(EmulatedNicCollection.Name)]
public sealed unsafe class QueryTests
{
    private readonly string _name = $"vt{RandomNumberGenerator.GetHexString(8, true)}";

    private EmulatedNics Attach(string options)
    {
        Assert.True(NicOptions.TryParse($"{_name},{options}", out NicOptions parsed, out string error), error);
        return EmulatedNics.Attach([parsed], NullLogger.Instance, stepped: true);
    }

    [Theory]
    [InlineData("connectx-4", 4115, "12.28.2006")]
    [InlineData("connectx-5", 4119, "16.35.2000")]
    [InlineData("connectx-5-ex", 4121, "16.35.2000")]
    public void The_model_is_what_the_options_say(string model, int part, string firmware)
    {
        using EmulatedNics nics = Attach($"model={model}");
        ibv_context* context = VerbsProgram.Open(0);
        ibv_device_attr device;
        Assert.Equal(0, ibv_query_device(context, &device));
        Assert.Equal((0x2C9u, (uint)part), (device.vendor_id, device.vendor_part_id));
        Assert.Equal(firmware, Marshal.PtrToStringUTF8((nint)device.fw_ver));
        Assert.Equal(0, ibv_close_device(context));
    }
}
