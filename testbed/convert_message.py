"""RFC 8803 messages: what the client sends and how it reads the converter's answer."""

import dataclasses
import ipaddress
import socket
import struct

VERSION, MAGIC = 1, 0x2263
CONNECT, EXTENDED_TCP_HEADER, SUPPORTED_TCP_EXTENSIONS, COOKIE, ERROR = 10, 20, 21, 22, 30

ERRORS = {
    0: "unsupported version",
    1: "malformed message",
    2: "unsupported message",
    3: "missing cookie",
    32: "not authorized",
    33: "unsupported TCP option",
    64: "resource exceeded",
    65: "network failure",
    96: "connection reset",
    97: "destination unreachable",
}


def pack_message(*tlvs: bytes) -> bytes:
    """The fixed header and `tlvs`, each of whole 32-bit words."""
    body = b"".join(tlvs)
    return struct.pack("!BBH", VERSION, (4 + len(body)) // 4, MAGIC) + body


def pack_connect(host: str, port: int, options: bytes = b"") -> bytes:
    """A Connect TLV to an address literal; `options` are TCP options, which make it an extended one."""
    address = ipaddress.ip_address(host)
    packed = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    options += bytes(-len(options) % 4)
    return struct.pack("!BBH", CONNECT, 5 + len(options) // 4, port) + packed + options


def unpack_connect(tlv: bytes) -> tuple[str, int]:
    """Host and port of a Connect TLV."""
    address = ipaddress.IPv6Address(tlv[4:20])
    return str(address.ipv4_mapped or address), struct.unpack("!H", tlv[2:4])[0]


@dataclasses.dataclass
class Message:
    """TLVs of a Convert message, type and the whole TLV."""

    tlvs: list[tuple[int, bytes]]

    def find(self, kind: int) -> bytes | None:
        return next((tlv for found, tlv in self.tlvs if found == kind), None)

    def error(self) -> tuple[int, bytes] | None:
        """Code and value of the Error TLV, if there is one."""
        tlv = self.find(ERROR)
        return None if tlv is None else (tlv[2], tlv[3:])


class ConvertError(Exception):
    """The converter refused; `code` is that of RFC 8803 section 6.2.8."""

    def __init__(self, code: int, value: bytes):
        super().__init__(f"converter: {ERRORS.get(code, 'unknown error')} ({code}), value {value.hex()}")
        self.code = code
        self.value = value


def parse_message(data: bytes) -> Message:
    """A whole message; ValueError if it breaks a rule of section 6."""
    version, words, magic = struct.unpack("!BBH", data[:4])
    if version != VERSION or magic != MAGIC or words * 4 != len(data) or words == 0:
        raise ValueError(f"not a Convert message: {data[:8].hex()}, {len(data)} bytes")
    tlvs, at = [], 4
    while at < len(data):
        kind, length = data[at], data[at + 1] * 4
        if kind == 0 or length == 0 or at + length > len(data) or any(kind == found for found, _ in tlvs):
            raise ValueError(f"bad TLV at {at} in {data.hex()}")
        tlvs.append((kind, data[at : at + length]))
        at += length
    return Message(tlvs)


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes; ConnectionError if the stream ends before."""
    data = b""
    while len(data) < size:
        block = connection.recv(size - len(data))
        if not block:
            raise ConnectionError(f"the stream ended after {len(data)} of {size} bytes")
        data += block
    return data


def receive_message(connection: socket.socket) -> Message:
    """Reads exactly one message from the start of a stream."""
    header = receive_exactly(connection, 4)
    return parse_message(header + receive_exactly(connection, max(0, header[1] * 4 - 4)))
