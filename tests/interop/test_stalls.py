"""Readers that stop, tiny windows, and writers of single bytes: what the concentrator holds stays bounded."""

import socket
import time

from harness import MIB
from streams import WAYS, Flow, StreamCase, exchange
from testbed import sockets
from testbed.namespace import wait_until

_SEGMENT = 1400  # payload bytes of a full segment, at least


class Stalls(StreamCase):
    """Slow readers."""

    budget = 1 * MIB
    settings = StreamCase.settings | {"relay": {"budget": "256KiB", "max_budget": f"{budget}"}}

    def data_buffers(self) -> int:
        return self.tributaryd.status()["buffers"]["data_in_use"]

    def wait_until_stalled(self, *flows: Flow) -> None:
        """Until no flow has moved for half a second."""
        sent = [-1]

        def stalled() -> bool:
            before, now = sent[0], sum(flow.sent for flow in flows)
            sent[0] = now
            return before == now

        wait_until(stalled, 20, "the senders to stall", 0.5)

    def check_stalled_reader(self, upload: bool, **options) -> None:
        client, server = self.open_pair(**options)
        (source, sink) = (client, server) if upload else (server, client)
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        flow = Flow(source, sink)
        flow.wait_for(2 * MIB)
        flow.pause_reader()
        self.wait_until_stalled(flow)
        held = self.data_buffers()
        self.assertLessEqual(held, 1.25 * self.budget / _SEGMENT + 64)
        time.sleep(2)
        # Window probes go on, nothing piles up.
        self.assertLessEqual(self.data_buffers(), held + 8)
        flow.resume_reader()
        flow.wait_for(2 * MIB)
        flow.finish()

    def test_a_client_stops_reading(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                self.check_stalled_reader(False, **options)

    def test_a_server_stops_reading(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                self.check_stalled_reader(True, **options)

    def test_an_access_dies_while_the_reader_is_stalled(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        flow = Flow(server, client)
        flow.wait_for(MIB)
        flow.pause_reader()
        self.wait_until_stalled(flow)
        self.testbed.emulators[0].command("down")
        self.addCleanup(self.testbed.emulators[0].command, "up")
        flow.resume_reader()
        flow.wait_for(2 * MIB)
        flow.finish()

    def test_many_stalled_readers_do_not_starve_another(self):
        pairs = [self.open_pair() for _ in range(12)]
        flows = [Flow(server, client) for client, server in pairs]
        for flow in flows:
            flow.wait_for(100_000)
            flow.pause_reader()
        self.wait_until_stalled(*flows)
        self.assertLessEqual(self.data_buffers(), 12 * (1.25 * self.budget / _SEGMENT + 64))
        client, server = self.open_pair()
        exchange(client, server, 2 * MIB)
        for flow in flows:
            flow.resume_reader()
        for flow in flows:
            flow.wait_for(MIB)
        for flow in flows:
            flow.finish()

    def test_a_stalled_client_that_aborts(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(**options)
                sending = sockets.Background(sockets.send_pattern, server, 64 * MIB)
                wait_until(lambda: self.data_buffers() > 150, 10, "buffers to fill")
                sockets.abort(client)
                with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                    sending.result()

    # Windows and writes as small as they get (LX-13).

    def test_a_tiny_receive_buffer_of_the_client(self):
        for name in ("mptcp", "tcp"):
            with self.subTest(way=name):
                client, server = self.open_pair(receive_buffer=4096, **WAYS[name])
                start = time.monotonic()
                Flow(server, client, 400_000).finish()
                self.assertLess(time.monotonic() - start, 10)
                client.close()
                server.close()

    def test_a_tiny_receive_buffer_of_the_server(self):
        listener = self.listen()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for name in ("mptcp", "tcp"):
            with self.subTest(way=name):
                client, server = self.open_pair(listener=listener, **WAYS[name])
                start = time.monotonic()
                Flow(client, server, 400_000).finish()
                self.assertLess(time.monotonic() - start, 10)
                client.close()
                server.close()

    def test_one_byte_writes(self):
        size = 3000
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(**options)
                writers = [sockets.Background(sockets.send_pattern, end, size, 0, 1) for end in (client, server)]
                for end in (server, client):
                    self.assertEqual(sockets.receive_pattern(end, size), size)
                for writer in writers:
                    writer.result()

    def test_one_byte_requests_and_answers(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(**options)
                for i in range(100):
                    for source, sink in ((client, server), (server, client)):
                        source.sendall(bytes([i]))
                        self.assertEqual(sink.recv(10), bytes([i]))

    def test_one_byte_writes_to_a_stalled_reader(self):
        size = 60_000
        for upload in (False, True):
            for name in ("mptcp", "tcp"):
                with self.subTest(way=name, upload=upload):
                    client, server = self.open_pair(**WAYS[name], receive_buffer=None if upload else 8192)
                    (source, sink) = (client, server) if upload else (server, client)
                    if upload:
                        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                    writer = sockets.Background(sockets.send_pattern, source, size, 0, 1)
                    time.sleep(2)
                    # A byte pins a whole buffer while it is in flight; those that wait are gathered.
                    self.assertLess(self.data_buffers(), 6000)
                    self.assertEqual(sockets.receive_pattern(sink, size), size)
                    writer.result()
                    client.close()
                    server.close()
