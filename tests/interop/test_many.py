"""Many short connections."""

import concurrent.futures
import socket

from streams import WAYS, WEB_IPV4, WEB_IPV6, StreamCase

_REQUEST = b"GET /small HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
_BODY = b"x" * 64


class ManyConnections(StreamCase):
    """HTTP requests of one small file, each on a connection of its own, from a kernel client."""

    # A reset that a full queue swallows leaves a connection without subflows.
    settings = StreamCase.settings | {"mptcp": {"close_timeout_s": 3}}

    def fetch(self, way: str, host: str) -> None:
        """One request; raises whatever goes wrong."""
        with self.connect(host, 80, **WAYS[way]) as connection:
            connection.sendall(_REQUEST)
            answer = b""
            while block := connection.recv(65536):
                answer += block
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or body != _BODY:
            raise ValueError(f"not what was asked for: {answer!r}")

    def keep(self, connection: socket.socket) -> socket.socket:
        """Each thread closes its own."""
        connection.settimeout(self.socket_seconds)
        return connection

    def check_requests(self, count: int, way: str, hosts=(WEB_IPV4, WEB_IPV6), concurrency: int = 50) -> None:
        before = self.tributaryd.counters()
        with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
            requests = [pool.submit(self.fetch, way, hosts[i % len(hosts)]) for i in range(count)]
            errors = [repr(request.exception()) for request in requests if request.exception()]
        self.assertEqual(errors, [])
        after = self.tributaryd.counters()
        self.assertEqual(after["RelayConnections"] - before["RelayConnections"], count)
        self.assertEqual(after["RelayRefused"], before["RelayRefused"])

    def test_2000_by_mptcp(self):
        self.check_requests(2000, "mptcp")

    def test_500_by_tcp(self):
        self.check_requests(500, "tcp")

    def test_500_by_convert(self):
        # On a busy machine an answer may take more than a second: Linux then repeats its SYN, forgets its keys with the
        # payload it carried, and the connection is TCP.
        repeated = self.testbed.client.counters().get("TcpExtTCPSynRetrans", 0)
        self.expect_complaint("MPTcpExtMPCapableDataFallback", "MPTcpExtMPCapableFallbackACK", "MptcpFallback")
        fell_back = self.tributaryd.counters()["MptcpFallback"]
        self.check_requests(500, "convert")
        repeated = self.testbed.client.counters().get("TcpExtTCPSynRetrans", 0) - repeated
        self.assertLessEqual(self.tributaryd.counters()["MptcpFallback"] - fell_back, repeated)

    def test_500_by_mptcp_over_lossy_accesses(self):
        for emulator in self.testbed.emulators:
            emulator.command("loss 0.5%")
            self.addCleanup(emulator.command, "loss 0%")
        self.check_requests(500, "mptcp")

    def test_clients_that_come_and_vanish(self):
        """Half of the connections are aborted at once, in whatever state they are."""

        def come_and_go(i: int) -> None:
            way = list(WAYS)[i % 2]
            connection = self.connect(WEB_IPV4, 80, wait=False, **WAYS[way])
            if i % 4 < 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            for outcome in [pool.submit(come_and_go, i) for i in range(400)]:
                outcome.result()
        self.wait_for_relays(0)
        self.check_requests(50, "mptcp")
