"""Sockets of this process in a namespace, and checked streams of bytes between them.

A socket belongs for good to the namespace its thread was in when it was made, so one test can hold both ends.
"""

import contextlib
import ctypes
import dataclasses
import errno
import pathlib
import random
import socket
import struct
import sys
import threading

from testbed.namespace import Namespace, wait_until

IPPROTO_MPTCP = 262
PATTERN = random.Random(8684).randbytes(1_000_003)  # a prime: no block of a power of two repeats within 10^12 bytes
_TWICE = PATTERN + PATTERN[: 1 << 19]
_SOL_MPTCP, _MPTCP_INFO = 284, 1
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(namespace: Namespace):
    """While it lasts the calling thread is in `namespace`."""
    with open("/proc/thread-self/ns/net") as home, open(pathlib.Path("/run/netns", namespace.name)) as there:
        _set_namespace(there.fileno())
        try:
            yield
        finally:
            _set_namespace(home.fileno())


def open_socket(namespace: Namespace, family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
    with inside(namespace):
        return socket.socket(family, kind, protocol)


def listen(namespace: Namespace, host: str = "::", port: int = 0, timeout: float = 20) -> socket.socket:
    """A listening socket, at "::" for both families; port 0: any."""
    listener = open_socket(namespace, socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.settimeout(timeout)
    return listener


def abort(connection: socket.socket) -> None:
    """Closes with a reset (MP_FASTCLOSE)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclasses.dataclass
class MptcpInfo:
    """What the kernel says of an MPTCP socket."""

    subflows: int  # beyond the first
    fallback: bool
    checksums: bool


def mptcp_info(connection: socket.socket) -> MptcpInfo:
    try:
        data = connection.getsockopt(_SOL_MPTCP, _MPTCP_INFO, 64)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return MptcpInfo(0, True, False)  # Linux's answer when it has fallen back to TCP
    return MptcpInfo(data[0], bool(int.from_bytes(data[8:12], sys.byteorder) & 1), bool(data[42]))


def send_pattern(connection: socket.socket, size: int, at: int = 0, block: int = 1 << 18) -> None:
    """Sends `size` bytes of the pattern from offset `at`."""
    end = at + size
    while at < end:
        start = at % len(PATTERN)
        count = min(block, end - at, len(PATTERN) - start)
        connection.sendall(PATTERN[start : start + count])
        at += count


def check_pattern(data: bytes, at: int) -> None:
    """ValueError naming the first offset that is wrong."""
    start = at % len(PATTERN)
    expected = _TWICE[start : start + len(data)]
    if data != expected:
        wrong = next(i for i, (a, b) in enumerate(zip(data, expected)) if a != b)
        found = PATTERN.find(data[wrong : wrong + 16])
        raise ValueError(f"wrong byte at {at + wrong}: there is what belongs to offset {found} (modulo {len(PATTERN)})")


def receive_pattern(connection: socket.socket, size: int | None = None, at: int = 0) -> int:
    """Receives `size` bytes of the pattern, or all until the end of the stream; returns how many."""
    received = 0
    while size is None or received < size:
        data = connection.recv(min(1 << 18, size - received) if size is not None else 1 << 18)
        if not data:
            break
        check_pattern(data, at + received)
        received += len(data)
    if size is not None and received != size:
        raise ConnectionError(f"the stream ended after {received} of {size} bytes")
    return received


class Background:
    """A function running in a thread of its own."""

    def __init__(self, function, *arguments):
        self._result = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()

    def _run(self, function, arguments) -> None:
        try:
            self._result = function(*arguments)
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def result(self, timeout: float = 30):
        """What the function returned; raises what it raised, or TimeoutError."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"still running after {timeout:g} s")
        if self._error is not None:
            raise self._error
        return self._result


class Flow:
    """The pattern flowing from `source` to `sink`, checked, until `finish` or for `size` bytes."""

    def __init__(self, source: socket.socket, sink: socket.socket, size: int | None = None):
        self.sent = 0
        self.received = 0
        self._source, self._sink, self._size = source, sink, size
        self._stop = threading.Event()
        self._reading = threading.Event()
        self._reading.set()
        self._sender = Background(self._send)
        self._receiver = Background(self._receive)

    def _send(self) -> None:
        while not self._stop.is_set() and (self._size is None or self.sent < self._size):
            count = 1 << 16 if self._size is None else min(1 << 16, self._size - self.sent)
            start = self.sent % len(PATTERN)
            self.sent += self._source.send(_TWICE[start : start + count])
        self._source.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        while True:
            self._reading.wait()
            data = self._sink.recv(1 << 18)
            if not data:
                return
            check_pattern(data, self.received)
            self.received += len(data)

    def pause_reader(self) -> None:
        self._reading.clear()

    def resume_reader(self) -> None:
        self._reading.set()

    def check(self) -> None:
        """Raises what either end ran into."""
        for end in (self._receiver, self._sender):
            if not end.is_running():
                end.result(0)

    def wait_for(self, size: int, timeout: float = 20) -> None:
        """Until `size` more bytes have been received."""
        goal = self.received + size

        def reached() -> bool:
            self.check()
            return self.received >= goal

        wait_until(reached, timeout, f"{goal} bytes to be received ({self.received} so far, {self.sent} sent)")

    def finish(self, timeout: float = 30) -> int:
        """Ends the stream, unless its size was given, waits until the sink has read its end, and returns the number of
        bytes, all of them right."""
        if self._size is None:
            self._stop.set()

        def ended() -> bool:
            self.check()
            return not (self._sender.is_running() or self._receiver.is_running())

        try:
            wait_until(ended, timeout, "a stream to end")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.sent} bytes sent, {self.received} received") from error
        if self.sent != self.received:
            raise ConnectionError(f"{self.sent} bytes were sent, {self.received} received")
        return self.received
