"""For tests that hold both ends of the relayed connections in their hands."""

import contextlib
import socket

from harness import Access, InteropCase
from testbed import sockets
from testbed.convert_client import connect_through, read_reply
from testbed.namespace import wait_until
from testbed.sockets import Flow
from testbed.topology import WEB_IPV4, WEB_IPV6
from testbed.tributaryd import CONVERT_PORT

# Ways for a client to get to the server: keywords of StreamCase.open_pair.
WAYS = {
    "mptcp": {},
    "tcp": {"mptcp": False},
    "convert": {"convert": True},
    "convert tcp": {"convert": True, "mptcp": False},
}


class StreamCase(InteropCase):
    """Two fast accesses, and pairs of connected sockets with tributaryd between them."""

    accesses = [Access(100_000_000, 3, "dsl"), Access(100_000_000, 6, "lte")]
    socket_seconds = 20

    def setUp(self) -> None:
        super().setUp()
        self._sockets = contextlib.ExitStack()
        self.addCleanup(self._sockets.close)

    def keep(self, connection: socket.socket) -> socket.socket:
        """Closes it after the test."""
        connection.settimeout(self.socket_seconds)
        return self._sockets.enter_context(connection)

    def listen(self, **options) -> socket.socket:
        """A server that takes connections to WEB_IPV4 and WEB_IPV6."""
        return self.keep(sockets.listen(self.testbed.server, timeout=self.socket_seconds, **options))

    def connect(self, host: str, port: int, mptcp: bool = True, convert: bool = False, address: str | None = None,
                receive_buffer: int | None = None, wait: bool = True) -> socket.socket:  # fmt: skip
        """A connection of the client; with `convert`, after the converter's answer. Without `wait`, it may not be there yet."""
        gateway = self.testbed.accesses[0]
        ipv6 = ":" in host
        if convert:
            converter = (gateway.gateway_ipv6 if ipv6 else gateway.gateway_ipv4, CONVERT_PORT)
            with sockets.inside(self.testbed.client):
                connection = connect_through(converter, (host, port), address, mptcp, timeout=self.socket_seconds)
            if wait:
                read_reply(connection)
            return self.keep(connection)
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        connection = sockets.open_socket(self.testbed.client, family, protocol=sockets.IPPROTO_MPTCP if mptcp else 0)
        self.keep(connection)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if address:
            connection.bind((address, 0))
        if wait:
            connection.connect((host, port))
        else:
            connection.setblocking(False)
            connection.connect_ex((host, port))
        return connection

    def open_pair(self, host: str = WEB_IPV4, listener: socket.socket | None = None, **options):
        """Client's and server's end of a new connection."""
        listener = listener or self.listen()
        client = self.connect(host, listener.getsockname()[1], **options)
        server = self.keep(listener.accept()[0])
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, server

    def relay(self) -> dict:
        """What tributaryctl shows of the only connection."""
        relays = self.tributaryd.connections()
        self.assertEqual(len(relays), 1, relays)
        return relays[0]

    def wait_for_subflows(self, count: int) -> list[dict]:
        """Until the only connection has `count` established subflows."""

        def subflows() -> list[dict] | None:
            relays = self.tributaryd.connections()
            found = [s for relay in relays for s in relay["access"]["subflows"] if s["state"] == "ESTAB"]
            return found if len(found) == count else None

        return wait_until(subflows, 5, f"{count} subflows")

    def wait_for_relays(self, count: int, timeout: float = 10) -> None:
        """Until tributaryd relays `count` connections."""
        relayed = lambda: self.tributaryd.status()["connections"]["relayed"]  # noqa: E731
        wait_until(lambda: relayed() == count, timeout, f"{count} relayed connections", 0.05)

    def check_ended(self, connection: socket.socket) -> None:
        """The peer has ended its stream properly, and nothing was left in it."""
        self.assertEqual(connection.recv(1), b"")

    def check_reset(self, connection: socket.socket, error: type = ConnectionResetError) -> None:
        """Reading ends with a reset, after whatever had arrived before it."""
        with self.assertRaises(error):
            while connection.recv(1 << 18):
                pass


def exchange(client: socket.socket, server: socket.socket, size: int) -> None:
    """`size` bytes in both directions at once, to the end of both streams."""
    flows = [Flow(client, server, size), Flow(server, client, size)]
    for flow in flows:
        flow.finish()


__all__ = ["WAYS", "WEB_IPV4", "WEB_IPV6", "Flow", "StreamCase", "exchange"]
