"""The stack in a program of somebody else's: examples/echo, with the kernel as its client."""

import os
import signal
import socket

from harness import TestbedCase
from testbed import sockets
from testbed.namespace import wait_until
from testbed.paths import find_program

PORT = 7


class Embedding(TestbedCase):
    @classmethod
    def prepare(cls) -> None:
        gateway = cls.testbed.accesses[0].gateway_ipv4
        words = [find_program("echo"), "net_af_packet0,iface=access0", f"{gateway}/24", str(PORT)]
        cls.echo = cls.testbed.proxy.start(words, "echo")
        cls.addClassCleanup(cls.echo.stop)
        wait_until(lambda: "echo: port" in cls.echo.output() or not cls.echo.is_running(), 10, "the echo server to start")

    def connect(self, protocol: int) -> socket.socket:
        connection = sockets.open_socket(self.testbed.client, socket.AF_INET, protocol=protocol)
        self.addCleanup(connection.close)
        connection.settimeout(10)
        connection.connect((self.testbed.accesses[0].gateway_ipv4, PORT))
        return connection

    def check_echo(self, connection: socket.socket) -> None:
        for size in (1, 1400, 100_000, 1_000_000):
            sent = os.urandom(size)
            sender = sockets.Background(lambda: connection.sendall(sent))  # noqa: B023
            received = b""
            while len(received) < size:
                piece = connection.recv(1 << 16)
                self.assertTrue(piece, f"the end after {len(received)} of {size} bytes")
                received += piece
            sender.result()
            self.assertEqual(received, sent)
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(connection.recv(1), b"")

    def test_mptcp(self):
        before = self.testbed.client.counters()
        connection = self.connect(sockets.IPPROTO_MPTCP)
        self.check_echo(connection)
        after = self.testbed.client.counters()
        risen = {name for name in after if after[name] != before.get(name, 0)}
        self.assertIn("MPTcpExtMPCapableSYNACKRX", risen)
        self.assertFalse({name for name in risen if "Fallback" in name}, risen)

    def test_tcp(self):
        self.check_echo(self.connect(0))

    def test_ends_on_sigterm(self):
        self.echo.popen.send_signal(signal.SIGTERM)
        self.assertEqual(self.echo.popen.wait(5), 0, self.echo.output())
        type(self).prepare()
