"""A Convert client on kernel MPTCP (RFC 8803): the Connect travels in the SYN, then HTTP over the connection.

    convert_client.py --converter 10.1.0.1:5124 --server 10.20.0.1:80 get big.bin --output FILE
    convert_client.py --converter 10.1.0.1:5124 --server 10.20.0.1:80 put up/name FILE
    convert_client.py --direct --server 10.20.0.1:80 get small          # the same without a converter, for comparison

Prints JSON lines: progress while it runs, at the end {"ok", "bytes", "seconds", "sha256", "setup_ms", "reply_ms", ...}.
`setup_ms` runs from the connect to the first byte of the HTTP response, `reply_ms` to the first byte of the converter's.
"""

import argparse
import hashlib
import json
import os
import pathlib
import socket
import sys
import time

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from testbed.convert_message import ConvertError, Message, pack_connect, pack_message, receive_message

IPPROTO_MPTCP = 262
MSG_FASTOPEN = 0x20000000
TCP_FASTOPEN_NO_COOKIE = 34
_BLOCK = 1 << 18
_PROGRESS_SECONDS = 0.5


def parse_endpoint(text: str) -> tuple[str, int]:
    """"192.0.2.1:80" or "[2001:db8::1]:80"."""
    host, _, port = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"no port in {text!r}")
    return host.strip("[]"), int(port)


def open_socket(host: str, address: str | None, mptcp: bool, timeout: float) -> socket.socket:
    """An unconnected stream socket for `host`, bound to `address` if one is given."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP if mptcp else 0)
    if address:
        connection.bind((address, 0))
    connection.settimeout(timeout)
    return connection


def connect_through(converter: tuple[str, int], server: tuple[str, int], address: str | None = None, mptcp: bool = True,
                    early_data: bytes = b"", timeout: float = 30) -> socket.socket:  # fmt: skip
    """Sends a SYN whose payload is the Connect to `server`, and what is given as `early_data`. The reply is not yet read."""
    return connect_with_payload(converter, pack_message(pack_connect(*server)) + early_data, address, mptcp, timeout)


def connect_with_payload(
    peer: tuple[str, int], payload: bytes, address: str | None = None, mptcp: bool = True, timeout: float = 30
) -> socket.socket:
    """A connection to `peer` with `payload` in its SYN."""
    connection = open_socket(peer[0], address, mptcp, timeout)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    except OSError:
        pass  # before Linux 6.2 MPTCP sockets lack the option: the sysctl net.ipv4.tcp_fastopen with bit 0x4 does the same
    # Python's time-out would make the socket non-blocking, and a non-blocking send does not wait for the handshake.
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(timeout))
    try:
        sent = connection.sendto(payload, MSG_FASTOPEN, peer)
    except OSError:
        connection.close()
        raise
    if sent != len(payload):
        connection.close()
        raise ConnectionError(f"the kernel took {sent} of {len(payload)} bytes into the SYN")
    return connection


def _timeval(seconds: float) -> bytes:
    return int(seconds).to_bytes(8, sys.byteorder) + int(seconds % 1 * 1e6).to_bytes(8, sys.byteorder)


def read_reply(connection: socket.socket) -> Message:
    """The converter's message; on an error it resets the connection, as section 6.2.8 asks, and raises ConvertError."""
    reply = receive_message(connection)
    error = reply.error()
    if error:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
        raise ConvertError(*error)
    return reply


class Progress:
    """A JSON line now and then."""

    def __init__(self):
        self._last = time.monotonic()

    def update(self, size: int) -> None:
        now = time.monotonic()
        if now - self._last >= _PROGRESS_SECONDS:
            self._last = now
            print(json.dumps({"progress": size}), flush=True)


def _read_head(connection: socket.socket) -> tuple[int, int | None, bytes, float]:
    """HTTP status, content length, the bytes of the body that came along, and when the first byte came."""
    data, first = b"", 0.0
    while b"\r\n\r\n" not in data:
        block = connection.recv(_BLOCK)
        if not block:
            raise ConnectionError("the stream ended in the HTTP header")
        first = first or time.monotonic()
        data += block
        if len(data) > 65536 and b"\r\n\r\n" not in data:
            raise ValueError("endless HTTP header")
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = int(fields["content-length"]) if "content-length" in fields else None
    return int(lines[0].split()[1]), length, body, first


def _get(connection: socket.socket, output: str | None, report: dict, start: float) -> None:
    status, length, block, first = _read_head(connection)
    report |= {"status": status, "setup_ms": (first - start) * 1000}
    digest, size, progress = hashlib.sha256(), 0, Progress()
    with open(output or os.devnull, "wb") as file:
        while True:
            digest.update(block)
            file.write(block)
            size += len(block)
            progress.update(size)
            if length is not None and size >= length:
                break
            block = connection.recv(_BLOCK)
            if not block:
                break
    complete = length is None or size == length
    report |= {"ok": complete and status == 200, "bytes": size, "sha256": digest.hexdigest()}


def _put(connection: socket.socket, file: pathlib.Path, report: dict, start: float) -> None:
    digest, size, progress = hashlib.sha256(), 0, Progress()
    with open(file, "rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
            connection.sendall(block)
            size += len(block)
            progress.update(size)
    status, _, _, first = _read_head(connection)
    report |= {"status": status, "setup_ms": (first - start) * 1000}
    report |= {"ok": status in (201, 204), "bytes": size, "sha256": digest.hexdigest()}


def transfer(options: argparse.Namespace) -> dict:
    """One GET or PUT; the report, with "error" in it if it failed."""
    host = f"[{options.server[0]}]" if ":" in options.server[0] else options.server[0]
    length = f"Content-Length: {options.file.stat().st_size}\r\n" if options.method == "put" else ""
    request = f"{options.method.upper()} /{options.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}\r\n".encode()
    report: dict = {"ok": False}
    start = time.monotonic()
    try:
        if options.direct:
            connection = open_socket(options.server[0], options.address, not options.tcp, options.timeout)
            connection.connect(options.server)
            connection.sendall(request)
        else:
            early = request if options.early_request else b""
            connection = connect_through(
                options.converter, options.server, options.address, not options.tcp, early, options.timeout
            )
            report["connect_ms"] = (time.monotonic() - start) * 1000
            # The reply need not be waited for to send the request: the converter relays only once the server is there.
            if not early:
                connection.sendall(request)
            reply = read_reply(connection)
            report |= {"reply_ms": (time.monotonic() - start) * 1000, "reply_tlvs": [kind for kind, _ in reply.tlvs]}
        with connection:
            if options.method == "get":
                _get(connection, options.output, report, start)
            else:
                _put(connection, options.file, report, start)
    except (OSError, ValueError, ConvertError) as error:
        report["error"] = f"{type(error).__name__}: {error}"
        if isinstance(error, ConvertError):
            report["convert_error"] = error.code
    report["seconds"] = time.monotonic() - start
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--converter", type=parse_endpoint, metavar="ADDRESS:PORT")
    where.add_argument("--direct", action="store_true", help="connect to the server itself")
    parser.add_argument("--server", type=parse_endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--address", help="local address of the first subflow")
    parser.add_argument("--tcp", action="store_true", help="plain TCP in place of MPTCP")
    parser.add_argument("--early-request", action="store_true", help="put the HTTP request into the SYN too")
    parser.add_argument("--timeout", type=float, default=30, help="seconds without progress")
    methods = parser.add_subparsers(dest="method", required=True)
    get = methods.add_parser("get")
    get.add_argument("path")
    get.add_argument("--output")
    put = methods.add_parser("put")
    put.add_argument("path")
    put.add_argument("file", type=pathlib.Path)
    report = transfer(parser.parse_args())
    print(json.dumps(report), flush=True)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
