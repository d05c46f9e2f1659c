"""What an operator sees and does: tables and numbers in mid-transfer, stopping, clients that vanish."""

import json
import socket
import time

from harness import MIB
from streams import WAYS, WEB_IPV4, WEB_IPV6, Flow, StreamCase, exchange
from testbed import sockets
from testbed.convert_client import connect_with_payload
from testbed.namespace import wait_until
from testbed.paths import find_program
from testbed.tributaryd import CONVERT_PORT


class Views(StreamCase):
    """tributaryctl in the middle of transfers."""

    def test_both_legs_and_every_subflow_of_a_connection(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        flows = [Flow(client, server), Flow(server, client)]
        for flow in flows:
            flow.wait_for(2 * MIB)
        relay = self.relay()
        self.assertEqual((relay["listener"], relay["state"]), ("transparent", "relaying"))
        access, leg = relay["access"], relay["server"]
        self.assertEqual((access["mptcp"], access["fallback"], leg["mptcp"]), (1, 0, 0))
        port = client.getpeername()[1]
        self.assertEqual({subflow["local"] for subflow in access["subflows"]}, {f"{WEB_IPV4}:{port}"})
        self.assertEqual([subflow["remote"].split(":")[0] for subflow in access["subflows"]], ["10.1.0.2", "10.2.0.2"])
        self.assertEqual(access["subflows"][0]["remote"], f"10.1.0.2:{client.getsockname()[1]}")
        (server_subflow,) = leg["subflows"]
        self.assertEqual(server_subflow["remote"], f"{WEB_IPV4}:{port}")
        self.assertEqual(server_subflow["local"], f"10.9.0.10:{server.getpeername()[1]}")
        for subflow, least_ms in ((access["subflows"][0], 6), (access["subflows"][1], 12)):
            self.assertEqual(subflow["state"], "ESTAB")
            self.assertGreater(subflow["srtt_us"], least_ms * 1000)
            self.assertLess(subflow["srtt_us"], 500_000)
            self.assertGreaterEqual(subflow["rto_us"], 200_000)
            self.assertGreater(subflow["cwnd"], 1460)
            self.assertGreater(subflow["bytes_received"], 100_000)
            self.assertGreater(subflow["bytes_sent"], 100_000)
        # What arrives on one side leaves on the other, but for what is held or in flight.
        for one, other in ((access, leg), (leg, access)):
            self.assertGreater(one["bytes_received"], 2 * MIB)
            self.assertGreaterEqual(one["bytes_received"], other["bytes_sent"])
            self.assertLess(one["bytes_received"] - other["bytes_sent"], 9 * MIB)
        for flow in flows:
            flow.finish()

    def test_the_numbers_of_a_finished_transfer_are_exact(self):
        before = self.tributaryd.counters()
        client, server = self.open_pair()
        exchange(client, server, 3 * MIB + 1)
        after = self.tributaryd.counters()
        for name in ("RelayBytesUp", "RelayBytesDown"):
            self.assertEqual(after[name] - before[name], 3 * MIB + 1)
        self.assertEqual(after["RelayConnections"] - before["RelayConnections"], 1)

    def test_a_convert_connection_and_one_over_tcp(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(WEB_IPV6, **options)
                sockets.send_pattern(client, 1000)
                sockets.receive_pattern(server, 1000)
                relay = self.relay()
                self.assertEqual(relay["listener"], "convert" if "convert" in name else "transparent")
                self.assertEqual(relay["access"]["mptcp"], int("tcp" not in name.split()))
                local = f"[fd00:1::1]:{CONVERT_PORT}" if "convert" in name else f"[{WEB_IPV6}]:{client.getpeername()[1]}"
                self.assertEqual(relay["access"]["subflows"][0]["local"], local)
                self.assertEqual(relay["server"]["bytes_sent"], 1000)
                client.close()
                server.close()
                self.wait_for_relays(0)

    def test_tables_for_people(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)

        def show(*words: str) -> str:
            directory = self.testbed.directory / "tributaryd"
            return self.testbed.proxy.run([find_program("tributaryctl"), *words, "--socket-dir", directory])

        table = show("connections")
        for text in ("10.1.0.2:", "10.2.0.2:", "10.9.0.10:", f"{WEB_IPV4}:{client.getpeername()[1]}", "ESTAB"):
            self.assertIn(text, table)
        for text in ("access0", "access1", "server0", "transparent", "convert"):
            self.assertIn(text, show("status"))
        self.assertIn("RelayConnections", show("counters"))
        exchange(client, server, 1000)

    def test_many_connections_are_all_shown(self):
        pairs = [self.open_pair(mptcp=i % 2 == 0) for i in range(60)]
        self.wait_for_relays(60)
        shown = self.tributaryd.connections()
        self.assertEqual({relay["access"]["subflows"][0]["remote"] for relay in shown},
                         {"{}:{}".format(*client.getsockname()) for client, _ in pairs})  # fmt: skip
        self.assertEqual(len({relay["id"] for relay in shown}), 60)
        json.dumps(shown)


class Stopping(StreamCase):
    """SIGTERM. Each test stops the daemon of the one before, and starts another."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.restart)

    def restart(self) -> None:
        if not self.tributaryd.process.is_running():
            self._start_tributaryd()
            self._start_levels = self.tributaryd.levels()
            self._start_complaints = self._complaints()

    def test_a_stop_in_the_middle_of_transfers(self):
        flows = []
        for options in WAYS.values():
            client, server = self.open_pair(**options)
            flows += [Flow(client, server), Flow(server, client)]
        for flow in flows:
            flow.wait_for(200_000)
        start = time.monotonic()
        self.assertEqual(self.tributaryd.stop(), 0, self.tributaryd.process.output()[-2000:])
        self.assertLess(time.monotonic() - start, 5)  # control.grace_s is 2
        for flow in flows:
            with self.assertRaises(ConnectionError):
                flow.wait_for(64 * MIB, 5)

    def test_an_idle_daemon_stops_at_once(self):
        start = time.monotonic()
        self.assertEqual(self.tributaryd.stop(), 0)
        self.assertLess(time.monotonic() - start, 1.5)

    def test_connections_may_end_within_the_grace(self):
        client, server = self.open_pair()
        stopping = sockets.Background(self.tributaryd.stop)
        time.sleep(0.3)
        # New ones are refused, this one goes on.
        with self.assertRaises(ConnectionRefusedError):
            self.connect(WEB_IPV4, 80)
        exchange(client, server, 500_000)
        client.close()
        server.close()
        self.assertEqual(stopping.result(), 0)


class Vanishing(StreamCase):
    """Clients and servers that are gone without a word: the other end is told, and nothing stays."""

    settings = {
        "tcp": {"time_wait_s": 1, "data_retries": 3, "syn_ack_retries": 1},
        "mptcp": {"close_timeout_s": 2, "join_timeout_s": 1},
    }
    expected_complaints = {"TcpExtTCPAbortOnTimeout", "MPTcpExtMPCapableFallbackACK", "MPTcpExtMPCapableDataFallback"}

    def vanish(self, *accesses: int) -> None:
        """Nothing goes through these accesses until the end of the test."""
        for access in accesses:
            self.testbed.emulators[access].command("down")
            self.addCleanup(self.testbed.emulators[access].command, "up")

    def test_a_client_vanishes_in_the_middle_of_a_download(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(**options)
                flow = Flow(server, client)
                flow.wait_for(500_000)
                self.vanish(0, 1)
                with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                    flow._sender.result(20)
                self.wait_for_relays(0)
                sockets.abort(client)
                for emulator in self.testbed.emulators:
                    emulator.command("up")

    def test_a_client_vanishes_while_its_window_is_shut(self):
        for name in ("mptcp", "tcp"):
            with self.subTest(way=name):
                client, server = self.open_pair(receive_buffer=20_000, **WAYS[name])
                sending = sockets.Background(sockets.send_pattern, server, 64 * MIB)
                time.sleep(1)
                self.vanish(0, 1)
                with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                    sending.result(20)
                self.wait_for_relays(0)
                sockets.abort(client)
                for emulator in self.testbed.emulators:
                    emulator.command("up")

    def test_a_client_that_fell_back_vanishes(self):
        # Its SYN is repeated without the payload while the server takes its time: no keys, plain TCP from the third ACK on.
        self.testbed.server.ip("route add blackhole 10.9.0.10/32")
        listener = self.listen()
        converting = sockets.Background(lambda: self.connect(WEB_IPV4, listener.getsockname()[1], convert=True))
        time.sleep(1.5)
        self.testbed.server.ip("route delete blackhole 10.9.0.10/32")
        server = self.keep(listener.accept()[0])
        client = converting.result()
        relay = self.relay()
        self.assertTrue(sockets.mptcp_info(client).fallback)
        self.assertEqual((relay["access"]["mptcp"], relay["access"]["fallback"]), (1, 1))
        flow = Flow(server, client)
        flow.wait_for(MIB)
        self.vanish(0, 1)
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            flow._sender.result(20)
        self.wait_for_relays(0)

    def test_a_transfer_over_a_connection_that_fell_back(self):
        self.testbed.server.ip("route add blackhole 10.9.0.10/32")
        listener = self.listen()
        converting = sockets.Background(lambda: self.connect(WEB_IPV4, listener.getsockname()[1], convert=True))
        time.sleep(1.5)
        self.testbed.server.ip("route delete blackhole 10.9.0.10/32")
        server = self.keep(listener.accept()[0])
        client = converting.result()
        self.assertTrue(sockets.mptcp_info(client).fallback)
        exchange(client, server, 4 * MIB)
        client.close()
        server.close()

    def test_a_server_vanishes(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                client, server = self.open_pair(**options)
                flow = Flow(client, server)
                flow.wait_for(500_000)
                self.testbed.server.ip("link set eth0 arp off", "link set eth0 down")
                try:
                    with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                        flow._sender.result(20)
                    self.wait_for_relays(0)
                    sockets.abort(server)
                finally:
                    self.testbed.server.ip("link set eth0 arp on", "link set eth0 up",
                                           "route replace default via 10.9.0.2 dev eth0")  # fmt: skip

    def test_a_client_without_subflows_is_forgotten(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        self.vanish(0, 1)
        sending = sockets.Background(sockets.send_pattern, server, 8 * MIB)
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            sending.result(20)
        self.wait_for_relays(0)

    def test_a_client_that_vanishes_in_the_handshake(self):
        gateway = self.testbed.accesses[0].gateway_ipv4
        self.testbed.emulators[0].command("backward down")
        self.addCleanup(self.testbed.emulators[0].command, "up")
        clients = [self.connect(WEB_IPV4, 80, mptcp=mptcp, wait=False) for mptcp in (True, False)]
        converting = sockets.Background(self.convert_in_vain, (gateway, CONVERT_PORT))
        self.wait_for_relays(3)
        for client in clients:
            client.close()
        wait_until(lambda: not converting.is_running(), 20, "the client to give up", 0.2)
        self.wait_for_relays(0)

    def convert_in_vain(self, converter: tuple[str, int]) -> None:
        with sockets.inside(self.testbed.client):
            try:
                connect_with_payload(converter, b"\x01\x06\x22\x63" + b"\x0a\x05\x00\x50" + bytes(10) + b"\xff\xff"
                                     + socket.inet_aton(WEB_IPV4), timeout=2).close()  # fmt: skip
            except OSError:
                pass
