using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Emulator.Nic;
using Verbena.Interop.Mlx5;

namespace Verbena.Tests.Emulator.Nic;

public sealed class CompletionArmTests : IDisposable
{
    private const string Mac = "02:00:00:00:00:01";
    private readonly TestPort _port = new();
    private readonly TestProgram _program;

    public CompletionArmTests()
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
    public void An_armed_completion_queue_reports_one_event_and_at_once_if_completions_wait()
    {
        _program.PostReceive(3);
        _program.Arm(0);
        _port.FromWire(TestPort.Frame(Mac), TestPort.Frame(Mac));
        Assert.Equal(1, _program.Events);

        _program.Arm(1u << 28); // consumer index still 0: two completions wait
        _port.Run();
        Assert.Equal(2, _program.Events);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void An_arm_command_that_crossed_its_event_wakes_nobody_a_second_time()
    {
        _program.PostReceive(3);
        _program.Arm(0);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(1, _program.Events);
        _program.Arm(1); // the program has seen the completion, and not yet the event
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(1, _program.Events);
        _program.Arm((1u << 28) | 2);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(2, _program.Events);
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_program_that_does_not_count_its_events_is_reported()
    {
        _program.PostReceive(3);
        for (uint i = 0; i < 2; i++)
        {
            _program.Arm((i << 28) | i);
            _port.FromWire(TestPort.Frame(Mac));
        }

        _program.Arm(2); // the sequence number should be 2, or at least 1
        _port.Run();
        Assert.Contains(_port.Nic.Conformance.Violations, violation => violation.Contains("sequence number", StringComparison.Ordinal));
    }

    [Fact]
    public void A_command_for_solicited_completions_is_answered_by_an_error_only()
    {
        _program.PostReceive(1);
        _program.PostReceive(1, lengthBytes: 20);
        _program.Arm(Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL);
        _port.FromWire(TestPort.Frame(Mac));
        _program.Arm(Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL); // once more, with a completion there that is none of these
        _port.Run();
        Assert.Equal(0, _program.Events);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal(1, _program.Events);
        _program.Arm(Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL | (1u << 28) | 1); // the error is there, and not consumed
        _port.Run();
        Assert.Equal(2, _program.Events);
        _program.Arm(Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL | (2u << 28) | 2);
        _port.Run();
        Assert.Equal(2, _program.Events);
    }

    [Fact]
    public void A_command_for_solicited_completions_is_not_answered_by_any_number_of_others()
    {
        CompletionArm arm = new(1, new ConformanceLog(NullLogger.Instance));
        const uint Batch = 1 << 20; // indices have 24 bits
        for (uint producer = Batch; producer < 64 * Batch; producer += Batch)
        {
            Assert.False(arm.Completed(producer, isSolicited: false));
            Assert.False(arm.Take(Mlx5Cqe.MLX5_CQ_DB_REQ_NOT_SOL | (producer & 0xFF_FFFF), producer), $"all {producer} are consumed");
        }
    }

    [Fact]
    public void A_moderated_event_waits_for_completions_or_for_time_since_the_last_one()
    {
        _program.PostReceive(7);
        _port.Nic.Moderate(_program.ReceiveCompletions, completions: 3, periodMicroseconds: 100);
        _port.Time.Advance(TimeSpan.FromMilliseconds(1));
        AssertEvents(1, arm: 0); // after a rest: at once
        AssertEvents(1, arm: (1u << 28) | 1);
        AssertEvents(1);
        AssertEvents(2); // the third

        AssertEvents(2, arm: (2u << 28) | 4);
        _port.Time.Advance(TimeSpan.FromMicroseconds(99));
        _port.Run();
        Assert.Equal(2, _program.Events);
        _port.Time.Advance(TimeSpan.FromMicroseconds(2));
        _port.Run();
        Assert.Equal(3, _program.Events);

        AssertEvents(3, arm: (3u << 28) | 5);
        _port.Nic.Moderate(_program.ReceiveCompletions, completions: 0, periodMicroseconds: 100); // no moderation any more
        _port.Run();
        Assert.Equal(4, _program.Events);
        AssertEvents(5, arm: 6);
        Assert.Empty(_port.Nic.Conformance.Violations);

        void AssertEvents(int expected, uint? arm = null)
        {
            if (arm is { } command)
            {
                _program.Arm(command);
            }

            _port.FromWire(TestPort.Frame(Mac));
            Assert.Equal(expected, _program.Events);
        }
    }

    [Fact]
    public void The_first_commands_of_queues_whose_register_writes_follow_each_other_at_once_all_count()
    {
        using ReceiveProgram one = new(_port.Nic, new ReceiveSetup(), _program.Page);
        using ReceiveProgram other = new(_port.Nic, new ReceiveSetup(), _program.Page);
        one.Flow("02:00:00:00:00:02");
        other.Flow("02:00:00:00:00:02");
        one.Post(1);
        other.Post(1);
        one.Arm(0);
        other.Arm(0); // before the NIC looked
        _port.FromWire(TestPort.Frame("02:00:00:00:00:02"));
        Assert.Equal((1, 1), (one.Events, other.Events));
    }

    [Fact]
    public void A_queue_that_nobody_armed_sends_no_event_when_another_on_its_page_is_armed()
    {
        using ReceiveProgram silent = new(_port.Nic, new ReceiveSetup(), _program.Page);
        silent.Flow(Mac);
        silent.Post(1);
        _program.PostReceive(1);
        _program.Arm(0);
        _port.FromWire(TestPort.Frame(Mac));
        Assert.Equal((1, 0), (_program.Events, silent.Events));
    }
}
