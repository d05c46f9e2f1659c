"""A link whose right end is 802.1Q: tags go in on the way from left to right, and out on the way back.

For kernels without VLAN interfaces, and slow: some thousand frames a second.
"""

import select
import socket
import struct
import threading

from testbed.namespace import Namespace
from testbed.sockets import inside

_ETH_P_ALL, _ETH_P_8021Q = 3, 0x8100
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_OUTGOING = 263, 8, 4
_TAG_IS_VALID = 1 << 4


class Tagger:
    """Runs until stopped. `choose` says which VLAN a frame from the left goes into; `seen` counts frames from the right by
    their VLAN (None: untagged)."""

    def __init__(self, namespace: Namespace, left: str, right: str, choose):
        self._choose = choose
        self.seen: dict[int | None, int] = {}
        self._left, self._right = (self._open(namespace, name) for name in (left, right))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _open(namespace: Namespace, interface: str) -> socket.socket:
        with inside(namespace):
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        packets.bind((interface, _ETH_P_ALL))
        packets.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        return packets

    @staticmethod
    def _receive(packets: socket.socket) -> tuple[bytes, int | None]:
        """A frame without its tag, and the VLAN; the kernel has taken the tag out and says so beside the frame."""
        frame, ancillary, _, address = packets.recvmsg(65536, 64)
        if address[2] == _PACKET_OUTGOING:
            return b"", None
        for level, kind, data in ancillary:
            if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                status, tag = struct.unpack("=I12xH", data[:18])
                if status & _TAG_IS_VALID:
                    return frame, tag & 0xFFF
        return frame, None

    def _run(self) -> None:
        while not self._stop.is_set():
            for packets in select.select([self._left, self._right], [], [], 0.1)[0]:
                frame, vlan = self._receive(packets)
                if not frame:
                    continue
                if packets is self._left:
                    tag = struct.pack("!HH", _ETH_P_8021Q, self._choose(frame))
                    self._right.send(frame[:12] + tag + frame[12:])
                else:
                    self.seen[vlan] = self.seen.get(vlan, 0) + 1
                    self._left.send(frame)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._left.close()
        self._right.close()
