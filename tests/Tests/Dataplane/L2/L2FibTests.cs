using CsCheck;
using Verbena.Dataplane;
using Verbena.Dataplane.Graph;
using Verbena.Dataplane.L2;
using Verbena.Packets;

namespace Verbena.Tests.Dataplane.L2;

public sealed class L2FibTests : IDisposable
{
    private readonly TestSwitch _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public void The_table_holds_what_a_dictionary_would_whatever_is_set_and_removed()
    {
        Gen<(int Domain, int Address, int Interface)> step = Gen.Select(Gen.Int[1, 3], Gen.Int[1, 900], Gen.Int[0, 5]);
        step.Array[0, 4000].Sample(
            steps =>
            {
                L2Fib fib = new();
                Dictionary<L2Key, L2Entry> reference = [];
                foreach ((int domain, int address, int behind) in steps)
                {
                    L2Key key = new(domain, new MacAddress((ulong)address));
                    if (behind == 0)
                    {
                        fib.Remove(key);
                        reference.Remove(key);
                    }
                    else
                    {
                        fib.Set(key, L2Entry.Learned(behind, minute: 7));
                        reference[key] = L2Entry.Learned(behind, minute: 7);
                    }
                }

                Assert.Equal(reference.Count, fib.Count);
                Assert.Equal(reference.OrderBy(item => item.Key.Word), fib.Entries.Select(item => KeyValuePair.Create(item.Key, item.Entry)).OrderBy(item => item.Key.Word));
                Assert.All(reference, item => Assert.Equal(item.Value, fib.Find(item.Key)));
            },
            iter: 20);
    }

    [Fact]
    public void A_reader_finds_an_address_that_stays_while_others_come_and_go()
    {
        L2Fib fib = new();
        L2Key stays = new(1, new MacAddress(0xABCDEF));
        fib.Set(stays, L2Entry.Learned(3, minute: 0));
        bool ended = false;
        bool missed = false;
        Thread reader = new(() =>
        {
            while (!Volatile.Read(ref ended))
            {
                missed |= fib.Find(stays) != L2Entry.Learned(3, minute: 0);
            }
        });
        reader.Start();
        for (ulong i = 1; i < 300_000; i++)
        {
            fib.Set(new L2Key(1, new MacAddress(i % 5000)), L2Entry.Learned(4, minute: 0));
            fib.Remove(new L2Key(1, new MacAddress((i + 2500) % 5000)));
        }

        Volatile.Write(ref ended, true);
        reader.Join();
        Assert.False(missed);
    }

    [Fact]
    public void Learned_addresses_are_forgotten_after_the_domains_age_unless_they_are_seen_again()
    {
        BridgeDomain domain = _test.Bridge();
        domain.MacAgeMinutes = 2;
        _test.Bridging.AddAddress(domain, TestSwitch.Host(3), _test.Interfaces[3], isStatic: true);
        _test.LearnAll();
        _test.Advance(2 * TestSwitch.Minute);
        _test.Send(0, 1);
        Assert.Equal("1", _test.SentBy());
        _test.Advance(TestSwitch.Minute);
        Assert.Equal([TestSwitch.Host(0), TestSwitch.Host(3)], _test.Bridging.ReadAddresses(_test.Now).Select(entry => entry.Address));
        Assert.Equal(1, domain.LearnCount);
    }

    [Fact]
    public void Without_an_age_addresses_stay()
    {
        _test.Bridge();
        _test.LearnAll();
        _test.Advance(1000 * TestSwitch.Minute);
        Assert.Equal(4, _test.Bridging.AddressCount);
    }

    [Fact]
    public void No_more_addresses_are_learned_than_the_limit_and_the_rest_is_flooded()
    {
        BridgeDomain domain = _test.Bridge();
        domain.LearnLimit = 2;
        _test.LearnAll();
        Assert.Equal(2, _test.Bridging.AddressCount);
        _test.Send(0, 1);
        Assert.Equal("1", _test.SentBy());
        _test.Send(0, 2);
        Assert.Equal("1 2 3", _test.SentBy());
        _test.Send(3, 0);
        Assert.Equal("0", _test.SentBy());
        Assert.Equal(1ul, _test.Count("l2-learn", Reason.L2LearnLimit));
    }

    [Fact]
    public void Addresses_that_come_in_one_burst_are_all_learned()
    {
        _test.Bridge(members: 2);
        for (uint i = 1; i <= 400; i++)
        {
            _test.Ports[0].Arriving.Enqueue(TestSwitch.Frame(TestSwitch.Host(1), new MacAddress(0x0200_0001_0000ul + i)));
        }

        _test.Run();
        Assert.Equal(400, _test.Bridging.AddressCount);
        Assert.Equal(400, _test.Ports[1].Sent.Count);
    }

    [Fact]
    public void An_address_is_reported_once_however_often_it_sends_before_it_is_recorded()
    {
        _test.Bridge();
        for (int i = 0; i < 200; i++)
        {
            _test.Ports[0].Arriving.Enqueue(TestSwitch.Frame(TestSwitch.Host(1), TestSwitch.Host(0)));
        }

        while (_test.Router.Workers[0].RunOnce(_test.Now))
        {
        }

        Assert.True(_test.Router.Workers[0].Messages.Reports.TryTake(out _));
        Assert.False(_test.Router.Workers[0].Messages.Reports.TryTake(out _));
    }

    [Fact]
    public void A_static_address_stays_where_it_is_and_frames_that_claim_it_elsewhere_are_dropped()
    {
        BridgeDomain domain = _test.Bridge();
        _test.Bridging.AddAddress(domain, TestSwitch.Host(1), _test.Interfaces[1], isStatic: true);
        _test.Receive(2, TestSwitch.Frame(TestSwitch.Host(0), TestSwitch.Host(1)));
        _test.ExpectDropped("l2-learn", Reason.L2MacMoveViolation);
        _test.Send(0, 1);
        Assert.Equal("1", _test.SentBy());
    }

    [Fact]
    public void Frames_from_and_to_a_filtered_address_are_dropped()
    {
        BridgeDomain domain = _test.Bridge();
        _test.LearnAll();
        _test.Bridging.AddFilter(domain, TestSwitch.Host(1));
        _test.Send(0, 1);
        _test.ExpectDropped("l2-fwd", Reason.L2ForwardFilter);
        _test.Send(1, 0);
        _test.ExpectDropped("l2-learn", Reason.L2LearnFilter);
        _test.Bridging.RemoveAddress(domain, TestSwitch.Host(1));
        _test.Send(1, 0);
        Assert.Equal("0", _test.SentBy());
    }

    [Fact]
    public void Flushing_forgets_what_was_learned_and_keeps_what_was_set()
    {
        BridgeDomain domain = _test.Bridge();
        _test.LearnAll();
        _test.Bridging.AddAddress(domain, TestSwitch.Host(1), _test.Interfaces[1], isStatic: true);
        _test.Bridging.Flush(_test.Interfaces[0]);
        Assert.Equal(3, _test.Bridging.AddressCount);
        _test.Bridging.Flush(domain);
        Assert.Equal(TestSwitch.Host(1), Assert.Single(_test.Bridging.ReadAddresses(_test.Now)).Address);
        Assert.Equal(0, domain.LearnCount);
    }

    [Fact]
    public void Only_members_can_be_given_static_addresses()
    {
        BridgeDomain domain = _test.Bridge(members: 1);
        Assert.Throws<RouterException>(() => _test.Bridging.AddAddress(domain, TestSwitch.Host(1), _test.Interfaces[1], isStatic: true));
        Assert.Throws<RouterException>(() => _test.Bridging.AddAddress(domain, MacAddress.Broadcast, _test.Interfaces[0], isStatic: true));
        Assert.Throws<RouterException>(() => _test.Bridging.RemoveAddress(domain, TestSwitch.Host(1)));
        Assert.Equal(0, _test.Bridging.AddressCount);
    }
}
