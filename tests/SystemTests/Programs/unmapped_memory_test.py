"""A program that unmaps memory before it deregisters it, and lets the NIC use it meanwhile."""
import ctypes
import mmap
import unittest

import pyverbs.enums as e
from pyverbs.mr import MR
from pyverbs.wr import SGE, RecvWR, SendWR

import raw_packet_test as raw

BYTES = 2 * mmap.PAGESIZE
PLACES = (0x200000000000, 0x400000000000)  # far from where Linux puts what may go anywhere: nobody else maps something there
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def unmapped_segment(end, place, length):
    """A segment in a region of the end that was mapped when it was registered."""
    memory = libc.mmap(place, BYTES, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    assert memory == place
    region = MR(end.pd, BYTES, e.IBV_ACCESS_LOCAL_WRITE, address=place)
    assert libc.munmap(place, BYTES) == 0
    return region, SGE(place, length, region.lkey)


class UnmappedMemory(unittest.TestCase):
    def test_the_nic_sends_and_receives_nevertheless(self):
        raw.mac = '02:00:00:00:00:01'
        one, other = raw.End(), raw.End()
        flow = other.listen()
        region, segment = unmapped_segment(other, PLACES[0], BYTES)
        other.qp.post_recv(RecvWR(num_sge=1, sg=[segment]))
        one.send(raw.frame(1))
        self.assertEqual([c.status for c in other.completions(1)], [e.IBV_WC_SUCCESS])
        self.assertEqual(ctypes.string_at(PLACES[0], 100), raw.frame(1))

        sending, segment = unmapped_segment(one, PLACES[1], 100)
        one.qp.post_send(SendWR(num_sge=1, sg=[segment]))
        self.assertEqual([c.status for c in one.completions(2)], [e.IBV_WC_SUCCESS] * 2)
        for resource in flow, region, sending:
            resource.close()


if __name__ == '__main__':
    unittest.main()
