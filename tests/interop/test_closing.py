"""Ends of connections: half-closes, aborts and servers that do not come, for every way a client can come."""

import socket

from harness import MIB
from streams import WAYS, WEB_IPV4, WEB_IPV6, Flow, StreamCase, exchange
from testbed import sockets
from testbed.namespace import wait_until


class Closing(StreamCase):
    """One end or the other ends its stream."""

    def for_each_way(self, check) -> None:
        """`check(client, server)` on a fresh connection for each of the ways, and again over IPv6."""
        for name, options in WAYS.items():
            for host in (WEB_IPV4, WEB_IPV6):
                with self.subTest(way=name, host=host):
                    client, server = self.open_pair(host, **options)
                    check(client, server)
                    client.close()
                    server.close()
        self.wait_for_relays(0)

    def test_both_directions_at_once_to_the_end_of_both(self):
        self.for_each_way(lambda client, server: exchange(client, server, MIB))

    def test_the_client_ends_its_stream_and_reads_on(self):
        def check(client, server):
            sockets.send_pattern(client, 100_000)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(sockets.receive_pattern(server), 100_000)
            # The other direction has only just begun.
            Flow(server, client, MIB).finish()

        self.for_each_way(check)

    def test_the_server_ends_its_stream_and_reads_on(self):
        def check(client, server):
            sockets.send_pattern(server, 100_000)
            server.shutdown(socket.SHUT_WR)
            self.assertEqual(sockets.receive_pattern(client), 100_000)
            Flow(client, server, MIB).finish()

        self.for_each_way(check)

    def test_a_half_closed_connection_outlives_fin_wait_2(self):
        client, server = self.open_pair()
        tcp_client, tcp_server = self.open_pair(mptcp=False)
        for end in (client, tcp_client):
            end.shutdown(socket.SHUT_WR)
        for end in (server, tcp_server):
            self.check_ended(end)
        seconds = self.settings["tcp"]["fin_wait2_s"] + 2
        with self.assertRaises(TimeoutError):
            wait_until(lambda: self.tributaryd.status()["connections"]["relayed"] != 2, seconds, "an end too early", 0.5)
        for one, other in ((server, client), (tcp_server, tcp_client)):
            Flow(one, other, 100_000).finish()

    def test_an_empty_connection_closed_by_the_client(self):
        def check(client, server):
            client.close()
            self.check_ended(server)

        self.for_each_way(check)

    def test_an_empty_connection_closed_by_the_server(self):
        def check(client, server):
            server.close()
            self.check_ended(client)

        self.for_each_way(check)

    def test_both_close_at_the_same_time(self):
        def check(client, server):
            sockets.send_pattern(client, 1000)
            sockets.send_pattern(server, 1000)
            client.shutdown(socket.SHUT_WR)
            server.shutdown(socket.SHUT_WR)
            self.assertEqual(sockets.receive_pattern(client), 1000)
            self.assertEqual(sockets.receive_pattern(server), 1000)

        self.for_each_way(check)

    def test_a_server_that_speaks_first(self):
        def check(client, server):
            sockets.send_pattern(server, 200_000)
            self.assertEqual(sockets.receive_pattern(client, 200_000), 200_000)

        self.for_each_way(check)

    def test_a_server_that_speaks_and_leaves_before_the_client_knows_it_is_there(self):
        def serve(listener):
            with listener.accept()[0] as connection:
                sockets.send_pattern(connection, 20_000)

        for name, options in WAYS.items():
            with self.subTest(way=name):
                listener = self.listen()
                server = sockets.Background(serve, listener)
                client = self.connect(WEB_IPV4, listener.getsockname()[1], **options)
                self.assertEqual(sockets.receive_pattern(client), 20_000)
                client.close()
                server.result()

    # Aborts.

    def test_the_client_aborts_an_idle_connection(self):
        def check(client, server):
            sockets.send_pattern(client, 1000)
            sockets.receive_pattern(server, 1000)
            sockets.abort(client)
            self.check_reset(server)

        before = self.tributaryd.counters()["MPTcpExtMPFastcloseRx"]
        self.for_each_way(check)
        # Kernel MPTCP says so on every subflow; one of them is enough, twice for each protocol.
        self.assertGreaterEqual(self.tributaryd.counters()["MPTcpExtMPFastcloseRx"] - before, 4)

    def test_the_client_aborts_in_the_middle_of_a_download(self):
        def check(client, server):
            sending = sockets.Background(sockets.send_pattern, server, 64 * MIB)
            sockets.receive_pattern(client, MIB)
            sockets.abort(client)
            with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                sending.result()

        self.for_each_way(check)

    def test_the_client_aborts_in_the_middle_of_an_upload(self):
        def check(client, server):
            sending = sockets.Background(sockets.send_pattern, client, 64 * MIB)
            sockets.receive_pattern(server, MIB)
            sockets.abort(client)
            with self.assertRaises(OSError):
                sending.result()
            self.check_reset(server)

        self.for_each_way(check)

    def test_the_server_aborts_an_idle_connection(self):
        def check(client, server):
            sockets.send_pattern(server, 1000)
            sockets.receive_pattern(client, 1000)
            sockets.abort(server)
            self.check_reset(client)

        self.for_each_way(check)

    def test_the_server_aborts_in_the_middle_of_a_download(self):
        def check(client, server):
            sending = sockets.Background(sockets.send_pattern, server, 64 * MIB)
            sockets.receive_pattern(client, MIB)
            sockets.abort(server)
            with self.assertRaises(OSError):
                sending.result()
            self.check_reset(client)

        self.for_each_way(check)

    def test_the_server_aborts_in_the_middle_of_an_upload(self):
        def check(client, server):
            sending = sockets.Background(sockets.send_pattern, client, 64 * MIB)
            sockets.receive_pattern(server, MIB)
            sockets.abort(server)
            with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                sending.result()

        self.for_each_way(check)

    def test_the_client_aborts_after_a_half_close(self):
        def check(client, server):
            client.shutdown(socket.SHUT_WR)
            self.check_ended(server)
            sockets.abort(client)
            # Its stream had ended already: only writing tells.
            with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                sockets.send_pattern(server, 64 * MIB)

        self.for_each_way(check)
