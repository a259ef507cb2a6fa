"""Two processes and Linux on one port, with a wire to another interface of the host.

Each process is a station: this script once more, with an address of its own. It tells what it receives, a line a frame.
"""
import socket
import struct
import subprocess
import sys
import threading
import unittest

PORT, FAR = 'enp94s0f0', 'far0'
TYPE = 0x88b5  # for experiments (IEEE 802)
BROADCAST = 'ff:ff:ff:ff:ff:ff'
MAC_A, MAC_B, MAC_FAR = '02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0f'
PATIENCE_SECONDS = 30


def to_bytes(mac):
    return bytes.fromhex(mac.replace(':', ''))


def frame(destination, source, text):
    return to_bytes(destination) + to_bytes(source) + struct.pack('!H', TYPE) + text.encode().ljust(50, b'\0')


def text_of(content):
    return content[14:].rstrip(b'\0').decode()


def station(mac):
    """A process on the port: receives for its address and for all, sends what it is told to."""
    import pyverbs.enums as e
    from pyverbs.cq import CQ
    from pyverbs.device import Context
    from pyverbs.flow import Flow, FlowAttr
    from pyverbs.mr import MR
    from pyverbs.pd import PD
    from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
    from pyverbs.spec import EthSpec
    from pyverbs.wr import SGE, RecvWR, SendWR

    slots, slot_bytes = 64, 2048
    context = Context(name='mlx5_0')
    pd = PD(context)
    mr = MR(pd, (slots + 1) * slot_bytes, e.IBV_ACCESS_LOCAL_WRITE)
    received, sent = CQ(context, slots), CQ(context, slots)
    init = QPInitAttr(qp_type=e.IBV_QPT_RAW_PACKET, scq=sent, rcq=received, cap=QPCap(slots, slots, 1, 1, 0))
    qp = QP(pd, init, QPAttr(port_num=1))

    def slot(number, length=slot_bytes):
        return SGE(mr.buf + number * slot_bytes, length, mr.lkey)

    def flow(destination, flags):
        attributes = FlowAttr(num_of_specs=1, port=1, flags=flags)
        attributes.specs.append(EthSpec(dst_mac=destination))
        return Flow(qp, attributes)

    def send(content):
        mr.write(content, len(content), slots * slot_bytes)
        qp.post_send(SendWR(num_sge=1, sg=[slot(slots, len(content))]))
        while sent.poll(1)[0] == 0:
            pass

    for number in range(slots):
        qp.post_recv(RecvWR(wr_id=number, num_sge=1, sg=[slot(number)]))
    flows = [flow(mac, 0), flow(BROADCAST, e.IBV_FLOW_ATTR_FLAGS_DONT_TRAP)]
    orders = []

    def listen():
        for line in sys.stdin:
            orders.append(line.split())
        orders.append(None)

    threading.Thread(target=listen, daemon=True).start()
    print('ready', flush=True)
    while True:
        count, completions = received.poll(1)
        if count:
            number = completions[0].wr_id
            content = mr.read(completions[0].byte_len, number * slot_bytes)
            if content[12:14] == struct.pack('!H', TYPE):
                print(text_of(content), flush=True)
            qp.post_recv(RecvWR(wr_id=number, num_sge=1, sg=[slot(number)]))
        elif orders:
            order = orders.pop(0)
            if order is None:
                break
            send(frame(order[0], mac, order[1]))
    del flows


class Station:
    def __init__(self, mac):
        self.process = subprocess.Popen(
            [sys.executable, '-B', __file__, 'station', mac], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.heard = self.process.stdout.readline().strip()
        assert self.heard == 'ready', self.heard

    def send(self, destination, text):
        self.process.stdin.write(f'{destination} {text}\n')
        self.process.stdin.flush()

    def hears(self):
        """The next frame; a test that waits for one which does not come ends with the watchdog."""
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.stdin.close()
        status = self.process.wait()
        self.process.stdout.close()
        assert status == 0, status


class Interface:
    """What Linux sends and receives through an interface. Frames for others, which the port leaves to Linux, it does not take."""

    def __init__(self, name, *also):
        subprocess.run(['ip', 'link', 'set', name, 'up'], check=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TYPE))
        self.socket.bind((name, TYPE))
        self.socket.settimeout(PATIENCE_SECONDS)
        self.mac = ':'.join(f'{byte:02x}' for byte in self.socket.getsockname()[4])
        self.addresses = [to_bytes(mac) for mac in (self.mac, BROADCAST, *also)]

    def send(self, destination, text, source=None):
        self.socket.send(frame(destination, source or self.mac, text))

    def hears(self):
        while True:
            content, address = self.socket.recvfrom(2048)
            if address[2] != socket.PACKET_OUTGOING and content[:6] in self.addresses:
                return text_of(content)


class SharedPort(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.linux, cls.far = Interface(PORT), Interface(FAR, MAC_FAR)
        cls.a, cls.b = Station(MAC_A), Station(MAC_B)

    @classmethod
    def tearDownClass(cls):
        cls.a.end()
        cls.b.end()

    def expect_nothing_but(self, who, send, text):
        """What was sent before would have come before this."""
        send(text)
        self.assertEqual(text, who.hears())

    def test_each_gets_what_comes_from_the_wire_for_its_own_address(self):
        self.far.send(MAC_A, 'for-a')
        self.far.send(MAC_B, 'for-b')
        self.far.send(self.linux.mac, 'for-linux')
        self.assertEqual(('for-a', 'for-b', 'for-linux'), (self.a.hears(), self.b.hears(), self.linux.hears()))

    def test_all_get_what_comes_from_the_wire_for_all(self):
        self.far.send(BROADCAST, 'for-all')
        self.assertEqual(['for-all'] * 3, [self.a.hears(), self.b.hears(), self.linux.hears()])

    def test_all_others_get_what_one_sends_to_all(self):
        self.a.send(BROADCAST, 'from-a')
        self.assertEqual(['from-a'] * 3, [self.b.hears(), self.linux.hears(), self.far.hears()])
        self.expect_nothing_but(self.a, lambda text: self.far.send(MAC_A, text), 'a-heard-nothing')
        self.linux.send(BROADCAST, 'from-linux')
        self.assertEqual(['from-linux'] * 3, [self.a.hears(), self.b.hears(), self.far.hears()])
        self.expect_nothing_but(self.linux, lambda text: self.far.send(self.linux.mac, text), 'linux-heard-nothing')

    def test_what_one_sends_to_another_on_the_port_does_not_go_to_the_wire(self):
        self.a.send(MAC_B, 'a-to-b')
        self.assertEqual('a-to-b', self.b.hears())
        self.b.send(self.linux.mac, 'b-to-linux')
        self.assertEqual('b-to-linux', self.linux.hears())
        self.linux.send(MAC_A, 'linux-to-a')
        self.assertEqual('linux-to-a', self.a.hears())
        self.expect_nothing_but(self.far, lambda text: self.a.send(MAC_FAR, text), 'a-to-wire')
        self.expect_nothing_but(self.far, lambda text: self.linux.send(MAC_FAR, text), 'linux-to-wire')

    def test_a_killed_process_leaves_nothing_behind(self):
        killed = Station('02:00:00:00:00:0c')
        self.far.send('02:00:00:00:00:0c', 'first')
        self.assertEqual('first', killed.hears())
        killed.kill()
        for number in range(200):
            self.far.send('02:00:00:00:00:0c', 'lost')
        next = Station('02:00:00:00:00:0c')
        self.far.send('02:00:00:00:00:0c', 'second')
        heard = next.hears()
        while heard == 'lost':  # what was on its way when the next one came
            heard = next.hears()
        self.assertEqual('second', heard)
        next.end()
        self.expect_nothing_but(self.b, lambda text: self.far.send(MAC_B, text), 'b-goes-on')


if __name__ == '__main__':
    if sys.argv[1:2] == ['station']:
        station(sys.argv[2])
    else:
        unittest.main()
