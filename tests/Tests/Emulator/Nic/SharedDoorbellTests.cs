using System.Runtime.InteropServices;
using Verbena.Emulator.Nic;
using Verbena.Interop;
using Verbena.Interop.Mlx5;
using Verbena.Packets;

namespace Verbena.Tests.Emulator.Nic;

/// <summary>Doorbell registers: their halves, copies of WQEs into them, and queues that share one.</summary>
public sealed unsafe class SharedDoorbellTests : IDisposable
{
    private const int Register = 0x800;
    private readonly TestPort _port = new();
    private readonly int _page;
    private readonly byte* _registers;

    public SharedDoorbellTests()
    {
        _page = _port.Nic.Uar.AllocatePage();
        _registers = (byte*)Libc.mmap(null, UarRegion.PageBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED,
            _port.Nic.Uar.FileDescriptor, (long)_page * UarRegion.PageBytes);
    }

    public void Dispose()
    {
        _ = Libc.munmap(_registers, UarRegion.PageBytes);
        _port.Dispose();
    }

    public static TheoryData<int> Slots => [.. Enumerable.Range(0, UarRegion.RegistersPerPage).Select(i => Register + (i * 0x100))];

    [Theory]
    [MemberData(nameof(Slots))]
    public void Every_half_of_every_register_rings(int offset)
    {
        using var sender = new Sender(_port.Nic, _page);
        for (int i = 0; i < 40; i++)
        {
            sender.Write(units: 1);
            sender.Ring(_registers + offset);
            _port.Run();
            Assert.True(sender.TryTakeCompletion(), $"WQE {i} completes");
        }

        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(16)] // fills the half
    public void A_copy_of_the_wqe_rings_as_its_first_bytes_do(int units)
    {
        using var sender = new Sender(_port.Nic, _page);
        int half = 0;
        for (int i = 0; i < 40; i++, half ^= 0x100)
        {
            sender.Write(units);
            sender.CopyTo(_registers + Register + half);
            _port.Run();
            Assert.True(sender.TryTakeCompletion(), $"WQE {i} completes");
            Assert.False(sender.TryTakeCompletion(), "it is executed once");
        }

        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    [Fact]
    public void A_half_that_was_written_before_the_other_one_and_is_found_after_it_is_no_violation()
    {
        using var sender = new Sender(_port.Nic, _page);
        ulong first;
        sender.Write(units: 1);
        sender.Ring((byte*)&first);
        sender.Write(units: 1);
        sender.Ring(_registers + Register + 0x100);
        _port.Run();
        *(ulong*)(_registers + Register) = first;
        _port.Run();
        Assert.True(sender.TryTakeCompletion() && sender.TryTakeCompletion(), "both WQEs complete");
        Assert.False(sender.TryTakeCompletion(), "once");
        Assert.Empty(_port.Nic.Conformance.Violations);
        *(ulong*)(_registers + Register) = first; // a half itself does not go back
        _port.Run();
        Assert.Contains("went backwards", Assert.Single(_port.Nic.Conformance.Violations), StringComparison.Ordinal);
    }

    /// <summary>Both write when they please, so that one's value is often overwritten before the NIC has seen it.</summary>
    [Fact]
    public void Two_threads_that_share_a_register_lose_no_doorbell()
    {
        const int Count = 20_000;
        using var one = new Sender(_port.Nic, _page);
        using var other = new Sender(_port.Nic, _page);
        using var stop = new CancellationTokenSource();
        Thread[] threads = [.. new[] { one, other }.Select(sender => new Thread(() => sender.Run(_registers + Register, Count, stop.Token)))];
        Array.ForEach(threads, thread => thread.Start());
        int idle = 0;
        for (int before = 0; one.Completed + other.Completed < 2 * Count && idle < 1_000_000;)
        {
            int now = one.Completed + other.Completed;
            idle = _port.Nic.Step() || now != before ? 0 : idle + 1;
            before = now;
            if (idle > 1000)
            {
                Thread.Sleep(0);
            }
        }

        stop.Cancel();
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal((Count, Count), (one.Completed, other.Completed));
        Assert.Empty(_port.Nic.Conformance.Violations);
    }

    /// <summary>A queue pair that sends NOPs.</summary>
    private sealed class Sender : IDisposable
    {
        private const int Blocks = 8;
        private const int Completions = 16;
        private readonly NicDevice _nic;
        private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc(4096, 4096);
        private readonly QueuePair _pair;
        private ushort _next;
        private ushort _last;
        private int _lastUnits;
        private int _completed;

        public Sender(NicDevice nic, int page)
        {
            _nic = nic;
            NativeMemory.Clear(_memory, 4096);
            new Span<byte>(CompletionRing, Completions * 64).Fill(0xF0);
            CompletionQueue completions = nic.CreateCompletionQueue(new CompletionQueueParameters
            {
                BufferAddress = (ulong)CompletionRing,
                DoorbellRecordAddress = (ulong)Records,
                Entries = Completions,
                UarPage = page,
            });
            _pair = nic.CreateQueuePair(new QueuePairParameters
            {
                Context = new NicContext(),
                ProtectionDomain = 1,
                DoorbellRecordAddress = (ulong)(Records + 2),
                UarPage = page,
                UserIndex = 1,
                SendBufferAddress = (ulong)_memory,
                SendBlocks = Blocks,
                SendCompletions = completions,
            });
            nic.Modify(_pair, QueuePairState.ReadyToSend);
        }

        public int Completed => Volatile.Read(ref _completed);

        private byte* CompletionRing => _memory + 1024;

        private Be32* Records => (Be32*)(_memory + 2048);

        /// <summary>Writes a NOP whose bytes behind the control segment look like doorbells.</summary>
        public void Write(int units)
        {
            for (int i = 4; i < units * 4; i++)
            {
                *(Be32*)(_memory + (((_next * 64) + (i * 4)) % (Blocks * 64))) = i % 2 == 0 ? 0xA0A0_A00Au : 0xB0B0_B0B0u;
            }

            *Control(_next) = new mlx5_wqe_ctrl_seg
            {
                opmod_idx_opcode = ((uint)_next << 8) | Mlx5Wqe.MLX5_OPCODE_NOP,
                qpn_ds = (_pair.Number << 8) | (uint)units,
                fm_ce_se = Mlx5Wqe.MLX5_WQE_CTRL_CQ_UPDATE,
            };
            (_last, _lastUnits) = (_next, units);
            _next += (ushort)((units + 3) / 4);
            Volatile.Write(ref *(uint*)(Records + 3), new Be32(_next).Raw);
        }

        public void Ring(byte* register) => Volatile.Write(ref *(ulong*)register, *(ulong*)Control(_last));

        /// <summary>As libmlx5 does: blocks of 64 bytes, ascending, from a ring that may wrap.</summary>
        public void CopyTo(byte* register)
        {
            for (int i = 0; i < (_lastUnits + 3) / 4 * 64; i += 8)
            {
                Volatile.Write(ref *(ulong*)(register + i), *(ulong*)(_memory + (((_last * 64) + i) % (Blocks * 64))));
            }
        }

        public bool TryTakeCompletion()
        {
            byte owner = Volatile.Read(ref *(CompletionRing + (_completed % Completions * 64) + 63));
            if (owner >> 4 == Mlx5Cqe.MLX5_CQE_INVALID || (owner & 1) != (_completed / Completions & 1))
            {
                return false;
            }

            Assert.Equal(Mlx5Cqe.MLX5_CQE_REQ, owner >> 4);
            Volatile.Write(ref _completed, _completed + 1);
            Volatile.Write(ref *(uint*)Records, new Be32((uint)_completed).Raw);
            return true;
        }

        public void Run(byte* register, int count, CancellationToken stop)
        {
            for (int i = 0; i < count && !stop.IsCancellationRequested; i++)
            {
                Write(units: 1);
                Ring(register);
                while (!TryTakeCompletion() && !stop.IsCancellationRequested)
                {
                    Thread.SpinWait(1);
                }
            }
        }

        public void Dispose()
        {
            _nic.Destroy(_pair);
            NativeMemory.AlignedFree(_memory);
        }

        private mlx5_wqe_ctrl_seg* Control(ushort index) => (mlx5_wqe_ctrl_seg*)(_memory + (index % Blocks * 64));
    }
}
