"""What rdma-core's own tests of pyverbs try with RC and UD queue pairs only, tried with raw packet queue pairs.

Each test has two ends with a context of their own on one port. What one sends, the NIC hands to the other, which has a flow
for the frames' destination address.
"""
import ctypes
import itertools
import os
import time
import unittest

import pyverbs.enums as e
import pyverbs.mem_alloc as mem
import pyverbs.providers.mlx5.mlx5_enums as dve
from pyverbs.cq import CQ, CQEX, CompChannel, CqInitAttrEx, PollCqAttr
from pyverbs.device import Context
from pyverbs.flow import Flow, FlowAttr
from pyverbs.mr import MR
from pyverbs.pd import PD, ParentDomain, ParentDomainContext, ParentDomainInitAttr
from pyverbs.providers.mlx5.mlx5dv import Mlx5CQ, Mlx5Context, Mlx5DVContextAttr, Mlx5DVCQInitAttr
from pyverbs.pyverbs_error import PyverbsRDMAError
from pyverbs.qp import QP, DataBuffer, QPAttr, QPCap, QPEx, QPInitAttr, QPInitAttrEx
from pyverbs.spec import EthSpec
from pyverbs.wq import WQ, RwqIndTable, RwqIndTableInitAttr, RxHashConf, WQAttr, WQInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

DEVICE = 'mlx5_0'
SLOTS = 64
SLOT_BYTES = 2048
PATIENCE_SECONDS = 30
ALL_STANDARD_FIELDS = e.IBV_WC_STANDARD_FLAGS
EMPTY = 2  # ENOENT of ibv_start_poll and ibv_next_poll

addresses = itertools.count(1)
mac = None  # where the frames of this test go; each test has another, for what one has sent may arrive in the next


def frame(number, length=100):
    """An Ethernet frame of an experimental type, told from others by its content."""
    header = bytes.fromhex(mac.replace(':', '')) + bytes.fromhex('0200000000aa88b5')
    return (header + bytes((number + i) & 0xff for i in range(length)))[:length]


def wait_for(attempt):
    """What attempt returns as soon as it is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        result = attempt()
        if result:
            return result
    raise AssertionError('it did not happen in time')


class End:
    """One end: context, protection domain, a registered buffer cut into slots, a completion queue and a queue pair."""

    def __init__(self, make_context=lambda: Context(name=DEVICE), make_pd=PD, make_cq=lambda end: CQ(end.ctx, 256), make_qp=None):
        self.ctx = make_context()
        self.pd = make_pd(self.ctx)
        self.mr = MR(self.pd, SLOTS * SLOT_BYTES, e.IBV_ACCESS_LOCAL_WRITE)
        self.cq = make_cq(self)
        self.qp = (make_qp or End.plain_qp)(self)

    def plain_qp(self):
        init = QPInitAttr(qp_type=e.IBV_QPT_RAW_PACKET, scq=self.cq, rcq=self.cq, cap=QPCap(SLOTS, SLOTS, 4, 4, 128))
        return QP(self.pd, init, QPAttr(port_num=1))

    def extended_qp(self):
        """A queue pair for the ibv_wr_… functions, TSO among them."""
        init = QPInitAttrEx(
            qp_type=e.IBV_QPT_RAW_PACKET, scq=self.cq, rcq=self.cq, cap=QPCap(SLOTS, SLOTS, 4, 4, 128), pd=self.pd, max_tso_header=64,
            comp_mask=e.IBV_QP_INIT_ATTR_PD | e.IBV_QP_INIT_ATTR_SEND_OPS_FLAGS | e.IBV_QP_INIT_ATTR_MAX_TSO_HEADER,
            send_ops_flags=e.IBV_QP_EX_WITH_SEND | e.IBV_QP_EX_WITH_TSO)
        return QPEx(self.ctx, init, QPAttr(port_num=1))

    def listen(self, qp=None):
        """Asks for the frames to mac. The flow lives as long as what is returned."""
        attributes = FlowAttr(num_of_specs=1, port=1)
        attributes.specs.append(EthSpec(dst_mac=mac))
        return Flow(qp or self.qp, attributes)

    def sge(self, slot, length=SLOT_BYTES):
        return SGE(self.mr.buf + slot * SLOT_BYTES, length, self.mr.lkey)

    def post_receives(self, count, queue=None):
        for slot in range(count):
            (queue or self.qp).post_recv(RecvWR(wr_id=slot, num_sge=1, sg=[self.sge(slot)]))

    def send(self, content, slot=SLOTS - 1):
        self.mr.write(content, len(content), slot * SLOT_BYTES)
        self.qp.post_send(SendWR(num_sge=1, sg=[self.sge(slot, len(content))]))

    def read(self, slot, length):
        return self.mr.read(length, slot * SLOT_BYTES)

    def completions(self, count, cq=None):
        """So many completions, as soon as they are there."""
        found = []

        def poll():
            found.extend((cq or self.cq).poll(count - len(found))[1])
            return len(found) == count
        wait_for(poll)
        return found


def extended_cq(flags):
    return lambda end: CQEX(end.ctx, CqInitAttrEx(cqe=256, wc_flags=flags))


def read_all(cqex, count, read):
    """What read gives for each of so many completions, taken in batches."""
    found = []

    def poll():
        result = cqex.start_poll(PollCqAttr())
        if result == EMPTY:
            return False
        while result == 0:
            found.append(read(cqex))
            result = cqex.poll_next()
        cqex.end_poll()
        return len(found) >= count
    wait_for(poll)
    return found


class RawPacketTest(unittest.TestCase):
    def setUp(self):
        global mac
        mac = f'02:00:00:00:01:{next(addresses):02x}'

    def exchange(self, client, server, count=8, lengths=None):
        """Sends frames from end to end and compares what arrives with what was sent. The server's CQ is a plain one."""
        lengths = lengths or [60 + 7 * i for i in range(count)]
        flow = server.listen()
        server.post_receives(len(lengths))
        for i, length in enumerate(lengths):
            client.send(frame(i, length))
            self.assertEqual(client.completions(1)[0].status, e.IBV_WC_SUCCESS)
        for i, completion in enumerate(server.completions(len(lengths))):
            self.assertEqual((completion.status, completion.wr_id, completion.byte_len), (e.IBV_WC_SUCCESS, i, lengths[i]))
            self.assertEqual(server.read(i, lengths[i]), frame(i, lengths[i]))
        flow.close()


class CompletionEvents(RawPacketTest):
    def setUp(self):
        super().setUp()
        self.client = End()
        self.channel = None
        self.server = End(make_cq=self.cq_with_channel)
        self.flow = self.server.listen()
        self.server.post_receives(8)

    def cq_with_channel(self, end):
        self.channel = CompChannel(end.ctx)
        return CQ(end.ctx, 256, None, self.channel)

    def send(self, count=1):
        for i in range(count):
            self.client.send(frame(i))
            self.client.completions(1)

    def test_an_armed_queue_reports_one_event_for_many_completions(self):
        self.server.cq.req_notify()
        self.send(3)
        self.channel.get_cq_event(self.server.cq)
        self.server.cq.ack_events(1)
        self.assertEqual(len(self.server.completions(3)), 3)
        self.send(2)
        self.server.completions(2)
        self.server.cq.req_notify()
        self.send()
        self.channel.get_cq_event(self.server.cq)
        self.server.completions(1)

    def test_a_completion_that_waits_is_reported_at_once_when_the_queue_is_armed(self):
        self.send()
        wait_for(lambda: self.server.mr.read(6, 0) == frame(0)[:6])
        self.server.cq.req_notify()
        self.channel.get_cq_event(self.server.cq)
        self.assertEqual(self.server.completions(1)[0].byte_len, 100)

    def test_a_send_completion_is_reported_too(self):
        self.server.cq.req_notify()
        self.server.send(frame(1))
        self.channel.get_cq_event(self.server.cq)
        self.assertEqual(self.server.completions(1)[0].opcode, e.IBV_WC_SEND)


class ExtendedCompletionQueues(RawPacketTest):
    def test_every_field_of_a_completion_can_be_read(self):
        flags = ALL_STANDARD_FIELDS | e.IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | e.IBV_WC_EX_WITH_CVLAN | e.IBV_WC_EX_WITH_FLOW_TAG
        client, server = End(), End(make_cq=extended_cq(flags))
        flow = server.listen()
        server.post_receives(4)
        for i in range(4):
            client.send(frame(i, 100 + i))
        client.completions(4)

        found = read_all(server.cq, 4, lambda cq: (
            cq.status, cq.wr_id, cq.read_opcode(), cq.read_byte_len(), cq.read_flow_tag(), cq.read_timestamp()))
        for i, (*fields, _) in enumerate(found):
            self.assertEqual(fields, [e.IBV_WC_SUCCESS, i, e.IBV_WC_RECV, 100 + i, 0])
        times = [time for *_, time in found]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        flow.close()

    def test_the_checksum_of_a_good_packet_is_reported_as_good(self):
        client, server = End(), End(make_cq=extended_cq(ALL_STANDARD_FIELDS))
        flow = server.listen()
        server.post_receives(2)
        # IPv4 and UDP without payload, from 10.0.0.1 to 10.0.0.2; a UDP sum of 0 is none.
        good = frame(0)[:12] + bytes.fromhex('08004500001c000000004011') + bytes.fromhex('66cf0a0000010a00000203e807d000080000') + bytes(18)
        client.send(good)
        client.send(good[:25] + b'\xff' + good[26:], slot=SLOTS - 2)
        found = read_all(server.cq, 2, lambda cq: bool(cq.read_wc_flags() & e.IBV_WC_IP_CSUM_OK))
        self.assertEqual(found, [True, False])
        flow.close()


class DirectVerbsCompletionQueues(RawPacketTest):
    def dv_end(self, **attributes):
        def make(end):
            return Mlx5CQ(end.ctx, CqInitAttrEx(cqe=256, wc_flags=ALL_STANDARD_FIELDS), Mlx5DVCQInitAttr(**attributes))
        return End(make_context=lambda: Mlx5Context(Mlx5DVContextAttr(), name=DEVICE), make_cq=make)

    def expect_traffic(self, batch=32, **attributes):
        client, server = End(), self.dv_end(**attributes)
        flow = server.listen()
        server.post_receives(32)
        for first in range(0, 32, batch):
            sent = range(first, first + batch)
            for i in sent:
                client.send(frame(i, 60 + i), slot=SLOTS - 1 - i)
            client.completions(batch)
            found = read_all(server.cq, batch, lambda cq: (cq.status, cq.wr_id, cq.read_byte_len()))
            self.assertEqual(found, [(e.IBV_WC_SUCCESS, i, 60 + i) for i in sent])
        flow.close()

    def test_completions_of_64_and_128_bytes(self):
        for size in (64, 128):
            self.expect_traffic(comp_mask=dve.MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE, cqe_size=size)

    def test_padded_completions(self):
        self.expect_traffic(
            comp_mask=dve.MLX5DV_CQ_INIT_ATTR_MASK_FLAGS | dve.MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE,
            flags=dve.MLX5DV_CQ_INIT_ATTR_FLAGS_CQE_PAD, cqe_size=128)

    def test_each_format_of_compressed_completions(self):
        """One at a time, for libmlx5 can't read what is compressed, and one completion alone is not."""
        mask = dve.MLX5DV_CQ_INIT_ATTR_MASK_COMPRESSED_CQE
        for form in (dve.MLX5DV_CQE_RES_FORMAT_HASH, dve.MLX5DV_CQE_RES_FORMAT_CSUM, dve.MLX5DV_CQE_RES_FORMAT_CSUM_STRIDX):
            self.expect_traffic(batch=1, comp_mask=mask, cqe_comp_res_format=form)
        with self.assertRaises(PyverbsRDMAError):
            self.dv_end(comp_mask=mask, cqe_comp_res_format=dve.MLX5DV_CQE_RES_FORMAT_HASH | dve.MLX5DV_CQE_RES_FORMAT_CSUM)


class ParentDomains(RawPacketTest):
    """A pyverbs object must not outlive the allocators of its parent domain, so all is closed in order."""

    def setUp(self):
        super().setUp()
        self.held = {}
        self.freed = 0

    def allocate(self, pd, context, size, alignment, resource_type):
        address = mem.posix_memalign(size, alignment)
        self.held[address] = resource_type
        return address

    def free(self, pd, context, address, resource_type):
        self.assertEqual(self.held.pop(address), resource_type)
        mem.free(address)
        self.freed += 1

    def run_with(self, allocate, free):
        client, server = End(), End()
        base = PD(server.ctx)
        context = ParentDomainContext(base, allocate, free)
        domain = ParentDomain(server.ctx, ParentDomainInitAttr(base, context))
        server.qp.close()
        server.pd, server.mr = domain, MR(domain, SLOTS * SLOT_BYTES, e.IBV_ACCESS_LOCAL_WRITE)
        server.qp = server.plain_qp()
        self.exchange(client, server)
        for made in (server.qp, server.mr, domain, base):
            made.close()

    def test_rings_lie_where_the_programs_allocator_puts_them(self):
        self.run_with(self.allocate, self.free)
        self.assertEqual(self.held, {})
        self.assertGreaterEqual(self.freed, 2)  # the rings and the doorbell record

    def test_the_allocator_may_leave_it_to_the_library(self):
        self.run_with(lambda *_: e._IBV_ALLOCATOR_USE_DEFAULT, lambda *_: e._IBV_ALLOCATOR_USE_DEFAULT)

    def test_an_extended_completion_queue_of_a_parent_domain(self):
        ctx = Context(name=DEVICE)
        base = PD(ctx)
        context = ParentDomainContext(base, self.allocate, self.free)
        domain = ParentDomain(ctx, ParentDomainInitAttr(base, context))
        mask = e.IBV_CQ_INIT_ATTR_MASK_FLAGS | e.IBV_CQ_INIT_ATTR_MASK_PD
        cq = CQEX(ctx, CqInitAttrEx(cqe=2000, wc_flags=ALL_STANDARD_FIELDS, parent_domain=domain, comp_mask=mask))
        self.assertEqual(len(self.held), 2)  # the ring and the doorbell record
        for made in (cq, domain, base, ctx):
            made.close()
        self.assertEqual(self.held, {})


class Resizing(RawPacketTest):
    def test_a_completion_queue_keeps_what_is_in_it_and_holds_more(self):
        client, server = End(), End(make_cq=lambda end: CQ(end.ctx, 7))
        flow = server.listen()
        server.post_receives(40)
        for i in range(5):
            client.send(frame(i))
            client.completions(1)
        wait_for(lambda: server.read(4, 100) == frame(4))
        server.cq.resize(63)
        for i in range(5, 40):
            client.send(frame(i))
            client.completions(1)
        self.assertEqual([c.wr_id for c in server.completions(40)], list(range(40)))
        server.cq.resize(7)
        server.post_receives(1)
        client.send(frame(1))
        self.assertEqual(server.completions(1)[0].byte_len, 100)
        flow.close()


class Regions(RawPacketTest):
    def test_a_region_is_registered_anew_elsewhere(self):
        client, server = End(), End()
        length = SLOTS * SLOT_BYTES
        elsewhere = mem.mmap(length=length)
        server.mr.rereg(e.IBV_REREG_MR_CHANGE_TRANSLATION, server.pd, elsewhere, length, 0)
        self.assertEqual(server.mr.buf, elsewhere)
        self.exchange(client, server)
        server.mr.close()
        mem.munmap(elsewhere, length)

    def test_a_region_that_may_not_be_written_is_not(self):
        client, server = End(), End()
        flow = server.listen()
        server.post_receives(1)
        server.mr.rereg(e.IBV_REREG_MR_CHANGE_ACCESS, server.pd, 0, 0, 0)
        client.send(frame(3))
        self.assertEqual(server.completions(1)[0].status, e.IBV_WC_LOC_PROT_ERR)
        self.assertEqual(server.read(0, 100), bytes(100))
        flow.close()

    def test_a_region_goes_with_its_new_protection_domain(self):
        client, server = End(), End()
        other = PD(server.ctx)
        server.mr.rereg(e.IBV_REREG_MR_CHANGE_PD, other, 0, 0, 0)
        flow = server.listen()
        server.post_receives(1)
        client.send(frame(3))
        self.assertEqual(server.completions(1)[0].status, e.IBV_WC_LOC_PROT_ERR)
        server.mr.rereg(e.IBV_REREG_MR_CHANGE_PD, server.pd, 0, 0, 0)
        flow.close()

    def test_a_context_imports_another_ones_domain_and_region(self):
        client, server = End(), End()
        ctx = Context(cmd_fd=os.dup(server.ctx.cmd_fd))
        pd = PD(ctx, handle=server.pd.handle)
        mr = MR(pd, handle=server.mr.handle, address=server.mr.buf)
        self.assertEqual((mr.lkey, mr.length), (server.mr.lkey, SLOTS * SLOT_BYTES))
        cq = CQ(ctx, 256)
        init = QPInitAttr(qp_type=e.IBV_QPT_RAW_PACKET, scq=cq, rcq=cq, cap=QPCap(SLOTS, SLOTS, 1, 1, 0))
        qp = QP(pd, init, QPAttr(port_num=1))
        flow = server.listen(qp)
        server.post_receives(1, qp)
        client.send(frame(9))
        self.assertEqual(server.completions(1, cq)[0].byte_len, 100)
        self.assertEqual(server.read(0, 100), frame(9))
        for made in (flow, qp, cq):
            made.close()
        mr.unimport()
        pd.unimport()


class QueuePairStates(RawPacketTest):
    def test_a_wrong_key_stops_the_queue_and_reset_recovers_it(self):
        client, server = End(), End()
        bad = SGE(client.mr.buf, 100, client.mr.lkey + 1)
        client.qp.post_send(SendWR(wr_id=1, num_sge=1, sg=[bad]))
        client.qp.post_send(SendWR(wr_id=2, num_sge=1, sg=[client.sge(0, 100)]))
        found = [(c.wr_id, c.status) for c in client.completions(2)]
        self.assertEqual(found, [(1, e.IBV_WC_LOC_PROT_ERR), (2, e.IBV_WC_WR_FLUSH_ERR)])
        client.qp.modify(QPAttr(qp_state=e.IBV_QPS_RESET), e.IBV_QP_STATE)
        self.assertEqual(client.qp.query(e.IBV_QP_STATE)[0].qp_state, e.IBV_QPS_RESET)
        client.qp.to_rts(QPAttr(port_num=1))
        self.assertEqual(client.qp.query(e.IBV_QP_STATE)[0].qp_state, e.IBV_QPS_RTS)
        self.exchange(client, server)

    def test_what_waits_is_flushed_in_the_error_state(self):
        server = End()
        server.post_receives(3)
        server.qp.modify(QPAttr(qp_state=e.IBV_QPS_ERR), e.IBV_QP_STATE)
        self.assertEqual([(c.wr_id, c.status) for c in server.completions(3)], [(i, e.IBV_WC_WR_FLUSH_ERR) for i in range(3)])


class ExtendedQueuePairs(RawPacketTest):
    """The ibv_wr_… functions, which write work requests without going through struct ibv_send_wr."""

    def setUp(self):
        super().setUp()
        self.client, self.server = End(make_qp=End.extended_qp), End()
        self.flow = self.server.listen()
        self.server.post_receives(32)

    def send(self, *requests):
        qp = self.client.qp
        qp.wr_start()
        for i, request in enumerate(requests):
            qp.wr_id, qp.wr_flags = i, e.IBV_SEND_SIGNALED
            request(qp)
        qp.wr_complete()
        found = self.client.completions(len(requests))
        self.assertEqual([(c.wr_id, c.status) for c in found], [(i, e.IBV_WC_SUCCESS) for i in range(len(requests))])

    def test_segments_and_inline_data(self):
        content = frame(1)
        here = ctypes.create_string_buffer(content, len(content))
        self.client.mr.write(content, len(content), 0)

        def one(qp):
            qp.wr_send()
            qp.wr_set_sge(self.client.sge(0, 100))

        def gathered(qp):
            qp.wr_send()
            start, key = self.client.mr.buf, self.client.mr.lkey
            qp.wr_set_sge_list(3, [SGE(start, 20, key), SGE(start + 20, 1, key), SGE(start + 21, 79, key)])

        def inline(qp):
            qp.wr_send()
            qp.wr_set_inline_data(ctypes.addressof(here), 100)

        def inline_list(qp):
            qp.wr_send()
            at = ctypes.addressof(here)
            qp.wr_set_inline_data_list(2, [DataBuffer(at, 33), DataBuffer(at + 33, 67)])

        self.send(one, gathered, inline, inline_list)
        for i, completion in enumerate(self.server.completions(4)):
            self.assertEqual((completion.byte_len, self.server.read(i, 100)), (100, content))

    def test_a_batch_that_is_aborted_sends_nothing(self):
        qp = self.client.qp
        qp.wr_start()
        qp.wr_id, qp.wr_flags = 77, e.IBV_SEND_SIGNALED
        qp.wr_send()
        qp.wr_set_sge(self.client.sge(0, 100))
        qp.wr_abort()
        self.client.mr.write(frame(5), 100, 0)

        def one(qp):
            qp.wr_send()
            qp.wr_set_sge(self.client.sge(0, 100))
        self.send(one)
        self.assertEqual(self.server.completions(1)[0].byte_len, 100)
        self.assertEqual(self.server.cq.poll(1)[0], 0)

    def test_a_large_tcp_packet_is_cut_into_segments(self):
        payload = bytes(i & 0xff for i in range(2500))
        ip = bytearray.fromhex('4500000000004000400600000a0000010a000002')
        ip[2:4] = (40 + len(payload)).to_bytes(2, 'big')
        headers = frame(0)[:12] + b'\x08\x00' + bytes(ip) + bytes.fromhex('03e807d00000000000000000501004000000 0000')
        self.assertEqual(len(headers), 54)
        here = ctypes.create_string_buffer(headers, len(headers))
        self.client.mr.write(payload, len(payload), 0)

        def cut(qp):
            qp.wr_send_tso(ctypes.addressof(here), len(headers), 1000)
            qp.wr_set_sge(SGE(self.client.mr.buf, len(payload), self.client.mr.lkey))

        self.send(cut)
        found = self.server.completions(3)
        self.assertEqual([c.byte_len for c in found], [1054, 1054, 554])
        arrived = b''.join(self.server.read(i, c.byte_len)[54:] for i, c in enumerate(found))
        self.assertEqual(arrived, payload)


class WorkQueues(RawPacketTest):
    def test_a_work_queue_takes_the_vlan_tag_out(self):
        client, server = End(), End()
        init = WQInitAttr(
            wq_pd=server.pd, wq_cq=server.cq, max_wr=16, max_sge=1,
            comp_mask=e.IBV_WQ_INIT_ATTR_FLAGS, create_flags=e.IBV_WQ_FLAGS_CVLAN_STRIPPING)
        wqs = [WQ(server.ctx, init) for _ in range(2)]
        for wq in wqs:
            wq.modify(WQAttr(attr_mask=e.IBV_WQ_ATTR_STATE, wq_state=e.IBV_WQS_RDY))
        table = RwqIndTable(server.ctx, RwqIndTableInitAttr(1, wqs))
        rss = QPEx(server.ctx, QPInitAttrEx(
            qp_type=e.IBV_QPT_RAW_PACKET, pd=server.pd, ind_table=table,
            hash_conf=RxHashConf(
                rx_hash_function=e.IBV_RX_HASH_FUNC_TOEPLITZ, rx_hash_key_len=40, rx_hash_key=list(range(40)),
                rx_hash_fields_mask=e.IBV_RX_HASH_SRC_IPV4 | e.IBV_RX_HASH_DST_IPV4),
            comp_mask=e.IBV_QP_INIT_ATTR_PD | e.IBV_QP_INIT_ATTR_RX_HASH | e.IBV_QP_INIT_ATTR_IND_TABLE))
        flow = server.listen(rss)
        server.post_receives(1, wqs[0])  # where a frame goes that has nothing to hash
        plain = frame(4)
        client.send(plain[:12] + bytes.fromhex('8100000a') + plain[12:])
        self.assertEqual(server.completions(1)[0].byte_len, 100)
        self.assertEqual(server.read(0, 100), plain)
        for made in (flow, rss, table, *wqs):
            made.close()


class AsynchronousEvents(RawPacketTest):
    def test_a_completion_queue_that_overruns_is_reported(self):
        client, server = End(), End(make_cq=lambda end: CQ(end.ctx, 3))
        flow = server.listen()
        server.post_receives(16)
        for i in range(16):
            client.send(frame(i))
            client.completions(1)
        event = server.ctx.get_async_event()
        self.assertEqual(event.event_type, e.IBV_EVENT_CQ_ERR)
        event.ack()
        flow.close()


if __name__ == '__main__':
    unittest.main()
