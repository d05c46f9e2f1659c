"""Frames by hand: what no kernel would send, and a look at what tributaryd answers."""

import ipaddress
import random
import socket
import struct

from testbed.namespace import Namespace
from testbed.sockets import inside

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_ETH_P_ALL = 3


def open_packets(namespace: Namespace, interface: str) -> socket.socket:
    """Sends and receives whole frames."""
    with inside(namespace):
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    packets.bind((interface, _ETH_P_ALL))
    packets.settimeout(0.2)
    return packets


def link_addresses(namespace: Namespace, interface: str, gateway: str) -> tuple[bytes, bytes]:
    """Hardware addresses of the interface and of a neighbour that has been talked to."""
    own = namespace.run(["cat", f"/sys/class/net/{interface}/address"]).strip()
    namespace.run(["ping", "-c5", "-i0.2", "-W1", "-I", interface, gateway])
    neighbour = namespace.run(["ip", "neigh", "show", gateway, "dev", interface]).split()
    return bytes.fromhex(own.replace(":", "")), bytes.fromhex(neighbour[neighbour.index("lladdr") + 1].replace(":", ""))


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pack_tcp(source: tuple[str, int], destination: tuple[str, int], seq: int, ack: int, flags: int, options: bytes = b"",
             payload: bytes = b"", window: int = 65535) -> bytes:  # fmt: skip
    """An IP packet with a TCP segment, checksums right. Options are padded."""
    options += bytes(-len(options) % 4)
    one, other = ipaddress.ip_address(source[0]).packed, ipaddress.ip_address(destination[0]).packed
    header = struct.pack("!HHIIBBHHH", source[1], destination[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                         (5 + len(options) // 4) << 4 & 0xFF, flags, window, 0, 0)  # fmt: skip
    segment = header + options + payload
    pseudo = one + other + struct.pack("!IxxxB", len(segment), 6)
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    if len(one) == 16:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + one + other + segment
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + one + other
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + segment


def pack_frame(own: bytes, neighbour: bytes, packet: bytes) -> bytes:
    return neighbour + own + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def unpack_tcp(frame: bytes) -> dict | None:
    """Ports, numbers, flags and options (kind and whole option, in order) of an IPv4 TCP frame; None for others."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    ip = frame[14:]
    tcp = ip[(ip[0] & 15) * 4 : struct.unpack("!H", ip[2:4])[0]]
    source, destination, seq, ack, offset, flags, window = struct.unpack("!HHIIBBH", tcp[:16])
    size = (offset >> 4) * 4
    options, at = [], 20
    while at < size and tcp[at] != 0:
        length = 1 if tcp[at] == 1 else max(2, tcp[at + 1])
        options.append((tcp[at], tcp[at : at + length]))
        at += length
    return {"source": source, "destination": destination, "seq": seq, "ack": ack, "flags": flags, "window": window,
            "options": options, "payload": tcp[size:]}  # fmt: skip


def random_options(choose: random.Random) -> bytes:
    """Up to 40 bytes of TCP options, most of them well-formed, many of them MPTCP's with random contents."""
    options = b""
    while len(options) < 40 and choose.random() < 0.8:
        kind = choose.choice([1, 2, 3, 4, 5, 8, 30, 30, 30, 30, 34, 254, choose.randrange(256)])
        if kind == 1:
            options += b"\x01"
            continue
        length = choose.choice([2, 3, 4, 8, 10, 12, 16, 18, 20, 22, 24, 26, 28, choose.randrange(256)])
        body = choose.randbytes(max(0, min(length, 41) - 2))
        if kind == 30 and body:
            body = bytes([choose.randrange(10) << 4 | choose.randrange(16)]) + body[1:]
        options += bytes([kind, length]) + body
    return options[:40]
