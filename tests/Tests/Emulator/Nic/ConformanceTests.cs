using Verbena.Emulator.Nic;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>What hardware may let pass and this NIC does not.</summary>
public sealed unsafe class ConformanceTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";
    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public ConformanceTests()
    {
        _program = new TestProgram(_port.Nic);
        _program.Flow(Mac);
    }

    public void Dispose()
    {
        _port.Dispose();
        _program.Dispose();
    }

    [Fact]
    public void A_receive_record_in_host_byte_order_is_reported() => Expect("wrong byte order", () => _program.Records[4] = 0x0500_0000u);

    [Fact]
    public void A_receive_record_that_says_more_than_fits_is_reported() => Expect("more than", () => _program.Records[4] = TestProgram.Entries + 1u);

    [Fact]
    public void A_receive_record_that_goes_backwards_is_reported()
    {
        _program.PostReceive(3);
        _port.Run();
        Expect("backwards", () => _program.Records[4] = 2u);
    }

    [Fact]
    public void A_consumer_index_ahead_of_the_producer_is_reported() => Expect("producer", () => _program.Records[0] = 1u);

    [Fact]
    public void A_consumer_index_in_host_byte_order_is_reported() => Expect("wrong byte order", () => _program.Records[0] = 0x0100_0000u);

    [Fact]
    public void A_program_that_ignores_overrun_may_say_late_or_never_what_it_has_consumed()
    {
        using ReceiveProgram program = new(_port.Nic, new ReceiveSetup { Completions = 8, IgnoresOverrun = true });
        program.Flow("02:00:00:00:00:09");
        for (int i = 0; i < 20; i++)
        {
            program.Post(1);
            _port.FromWire(TestPort.Frame("02:00:00:00:00:09"));
        }

        program.Records[0] = 20u;
        _port.Run();
        Assert.Equal(20UL, _port[PortCounter.QueueReceived]);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_send_record_behind_the_register_is_reported() => Expect("only 0", () =>
    {
        ushort last = _program.WriteSend([], _program.Pointer(0, 64));
        _program.Ring(last);
        _program.Records[7] = 0u;
    });

    [Fact]
    public void A_send_record_in_host_byte_order_is_reported() => Expect("wrong byte order", () =>
    {
        ushort last = _program.WriteSend([], _program.Pointer(0, 64));
        _program.Ring(last);
        _program.Records[7] = 0x0100_0000u;
    });

    [Fact]
    public void A_register_that_does_not_hold_the_wqes_first_bytes_is_reported() => Expect("beginning of the WQE", () =>
    {
        _program.WriteSend([], _program.Pointer(0, 64));
        _program.Records[7] = 1u;
        Be64 value = (0x0000_000Aul << 32) | (_program.Pair.Number << 8) | 4; // the WQE has 3 units
        _program.WriteRegister(0x800, value.Raw);
    });

    [Fact]
    public void A_register_that_names_no_queue_pair_is_reported() => Expect("does not ring there", () => _program.WriteRegister(0x800, 0x03FF_FF00_0000_0000));

    [Fact]
    public void A_register_that_goes_backwards_is_reported()
    {
        ushort first = _program.WriteSend([], _program.Pointer(0, 64));
        ushort second = _program.WriteSend([], _program.Pointer(0, 64));
        _program.Ring(second);
        _port.Run();
        Expect("backwards", () => _program.Ring(first));
    }

    [Fact]
    public void A_forgotten_register_sends_nothing_and_is_reported_after_a_second()
    {
        _program.WriteSend([], _program.Pointer(0, 64));
        _program.Records[7] = 1u;
        _port.Run();
        Assert.Empty(_port.Nic.Conformance.Violations);
        _port.Time.Advance(TimeSpan.FromSeconds(1.1));
        Expect("for a second", () => { });
        Assert.Empty(_port.Far.Received);
    }

    private void Expect(string words, Action fault)
    {
        fault();
        _port.Run();
        Assert.Contains(_port.Nic.Conformance.Violations, violation => violation.Contains(words, StringComparison.Ordinal));
    }
}
