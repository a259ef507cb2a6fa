using Microsoft.Extensions.Logging.Abstractions;
using Verbena.Dataplane;
using Verbena.Dataplane.Cli;
using Verbena.Packets;

namespace Verbena.Commands;

/// <summary>docs/cli.md, made from the command table: <c>verbena docs > docs/cli.md</c>.</summary>
internal static class CommandReference
{
    private const string Differences = """

        ## Where it differs from VPP

        Words, columns and numbers are those of VPP v26.10-rc0. These lines do something else, or answer otherwise:

        | line | in VPP | here |
        | --- | --- | --- |
        | any | an ambiguous word is an unknown one; what a command leaves unread runs as the next command | the error names what would fit; a line is understood whole before anything is done |
        | any | most options stand in any order | those of `create interface rdma`, `create bridge-domain`, `ping` and `show l2fib` do, the others in the order above |
        | `vppctl` | exits with 0 whatever happened | `verbena ctl` exits with 1 if a command failed |
        | `exec` | what its lines print goes to the daemon's output | to the session, and an error names file and line |
        | `create interface rdma` | prints nothing | prints the interface's name, and a warning if there is one |
        | `create interface rdma` where buffers are short | leaves receive queues empty | is refused, with the `--buffers` that would do |
        | `create bridge-domain` without an id | takes a random free one | takes the lowest free one |
        | `set interface mtu <bytes>` | is the port's MTU, which rdma interfaces refuse; the L3 MTU is 9000 at first | is the L3 MTU, as with `packet`; it is 1500 at first |
        | `set interface rss` | is `set interface rss queues <interface> list <list>`, which rdma interfaces refuse | sets the key of the hash and the table, too |
        | `set interface rx-placement … main` | is allowed | the control thread polls no queues |
        | `show interface` | can count unicast, multicast and broadcast apart | counts packets and bytes; what a full or stopped queue refuses is `tx-error` and not `tx` |
        | `show interface rx-placement`, `show runtime`, `show hardware-interfaces` | name a worker's thread `vpp_wk_0` | name it `worker_0` |
        | `show hardware-interfaces` | tells the hash by which packets are spread over transmit queues | each worker has its own transmit queue, so there is none; queues tell their errors |
        | `show runtime` | has a block for the main thread; the second time is that since the last update of statistics; `brief`, `max`, `summary` | workers only; both times are that since `clear runtime`; `time` and `verbose` only |
        | `show runtime`, states of input nodes | `polling`, `interrupt wait`, `disabled` | `polling`, `interrupt`, `adaptive`, like the most wakeful of the worker's queues |
        | `show buffers` | a pool for each NUMA node | one pool; `Reserved` tells what receive queues hold when they are full, and the most that they may |
        | `show errors` | a line for each thread; `verbose` | summed over the workers |
        | `ip route add` | adds another path; takes several paths, weights, tables, `drop`, an interface alone | replaces the route; takes one next hop on a connected network, and refuses reserved networks |
        | `ip route add`, while the next hop's interface is down or has lost its address | packets are dropped without a word, or go the way of a shorter prefix | the route stays, `show ip fib` says `unresolved`, and packets are answered with network unreachable |
        | `show ip fib` | names flow hash, locks and uRPF; `to:` counts each entry's packets; an address is answered with sources and paths | packets are counted for adjacencies: `to:` is there where no other entry has the adjacency, `counts:` below a neighbor is of all entries that lead to it; an address is answered with its entry; `index` is the adjacency's |
        | `set ip neighbor` | `del` wants the Ethernet address; without `static` a neighbor is dynamic | `del` does not; what is set by hand is static |
        | `show ip neighbors` | neighbors stay, unless `set ip neighbor-config` gives an age | one that is silent for a minute is asked, and forgotten if it does not answer (RFC 1122, 2.3.2.1) |
        | `ping` | `116 bytes from …` for 60 bytes of payload; no line for a reply that does not come; succeeds always; `source` is an interface; up to 32768 bytes; `burst`, `verbose`, `table-id` | `68 bytes from …` as Linux's ping counts; `No reply from …`; round-trip times at the end; fails if nothing answered; `source` may be an own address; up to 2020 bytes; `count` is `repeat` |
        | `show bridge-domain … int` | ISN counts an interface's flushes | ISN stays 0; BSN counts the domain's |
        | `show l2fib` | ends with the time of the last scan and the limit; `raw` | ends with the numbers of addresses |

        `set interface all-multicast`, `show interface rss`, `emulated-nic` and `show emulated-nic` are Verbena's own, as are `force` behind Ethernet
        addresses and the options `rss6`, `metadata` and `cqe-compression` of `create interface rdma`.

        ## What is missing

        Of VPP's commands for what Verbena does, these are not there:

        | line | instead |
        | --- | --- |
        | `trace add`, `show trace`, `clear trace` | `show errors` says which node dropped packets and why, `show runtime` how many each node has seen |
        | `pcap trace` | where the NIC is emulated, the wire `pcap:` writes what is sent into a file, and tcpdump sees what passes a TAP |
        | `ip table`, `set interface ip table` | none: there is one table |
        | `set interface unnumbered` | none: an interface that routes has an address |
        | all of IPv6: `set interface ip address` with one, `ip6`, `show ip6` | none |
        | `set ip neighbor-config`, `show adj` | none: neighbors age after a minute; `show ip fib` shows adjacencies |
        | `clear hardware-interfaces` | `clear interfaces`; the errors that queues tell are those since the interface was made |
        | `set interface tx-queue`, `show interface tx-queues` | none: each worker has its own transmit queue of every port |
        | `show cli`, `history` | `help`; arrow keys and ^R in the session |
        | `echo`, `wait`, `define`, `show clock`, `show memory`, `set logging` | the shell's, around `verbena ctl` |

        """;

    public static string Write()
    {
        using var buffers = new BufferPool(1);
        using var router = new Router(buffers);
        using var log = new LogRing(TimeProvider.System);
        var table = new CommandTable(NullLogger.Instance);
        using var rdma = new RdmaCommands(router, new MacAddressPolicy(), new Random(0), NullLogger.Instance);
        DataPlane.AddCommands(table, router, rdma, log);
        new EmulatedNicCommands(nics: null).AddTo(table);
        return Write(table);
    }

    private static string Write(CommandTable table)
    {
        var text = new StringWriter();
        text.WriteLine("""
            # Commands

            Words may be shortened to any unambiguous prefix (`sh int` is `show interface`); arguments are typed in full.
            `?` lists what may come next, Tab completes. `verbena docs` makes this file, and a test compares the two.

            | command | what it does |
            | --- | --- |
            """);
        foreach (Command command in table.Commands)
        {
            text.WriteLine($"| `{command.Usage.Replace("|", "\\|", StringComparison.Ordinal)}` | {command.Summary} |");
        }

        text.Write(Differences);
        return text.ToString();
    }
}
