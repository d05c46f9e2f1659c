"""What the client's path manager says on the way: ADD_ADDR, REMOVE_ADDR, backup, checksums, and limits."""

import socket

from harness import MIB, Access
from streams import WEB_IPV4, WEB_IPV6, Flow, StreamCase, exchange
from testbed import sockets
from testbed.namespace import wait_until


class Signals(StreamCase):
    """Endpoints of the client come, go, and change their priority."""

    def setUp(self) -> None:
        # Registered first, it comes last: no connection shall see the endpoints go.
        self.addCleanup(self.testbed.set_subflow_accesses, [0, 1])
        super().setUp()
        self._counters = (self.tributaryd.counters(), self.testbed.client.counters())

    def risen(self, name: str) -> int:
        """How much one of our counters has risen in this test."""
        return self.tributaryd.counters()[name] - self._counters[0][name]

    def risen_at_client(self, name: str) -> int:
        return self.testbed.client.counters().get(name, 0) - self._counters[1].get(name, 0)

    def endpoint_ids(self) -> dict[str, str]:
        """Identifiers of the client's endpoints by address."""
        lines = self.testbed.client.run(["ip", "mptcp", "endpoint", "show"]).splitlines()
        return {words[0]: words[words.index("id") + 1] for words in map(str.split, lines)}

    def test_an_announced_address_is_echoed(self):
        for host, own, extra in ((WEB_IPV4, "10.2.0.2", "10.2.0.99"), (WEB_IPV6, "fd00:2::2", "fd00:2::99")):
            with self.subTest(host=host):
                self._counters = (self.tributaryd.counters(), self.testbed.client.counters())
                self.testbed.client.ip("mptcp endpoint flush", f"mptcp endpoint add {own} dev acc1 signal")
                client, server = self.open_pair(host)
                wait_until(lambda: self.risen_at_client("MPTcpExtEchoAdd") == 1, 5, "the echo of ADD_ADDR")
                self.testbed.client.ip(f"address add {extra} dev acc1" + (" nodad" if ":" in extra else ""))
                # Announced in the middle of a transfer.
                flow = Flow(client, server)
                flow.wait_for(MIB)
                self.testbed.client.ip(f"mptcp endpoint add {extra} dev acc1 signal")
                wait_until(lambda: self.risen_at_client("MPTcpExtEchoAdd") == 2, 5, "the second echo")
                flow.finish()
                self.testbed.client.ip(f"address delete {extra} dev acc1")
                self.assertEqual(self.risen("MPTcpExtEchoAddTx"), self.risen("MPTcpExtAddAddr"))
                client.close()
                server.close()
                self.wait_for_relays(0)

    def test_a_lost_announcement_is_repeated_and_echoed(self):
        self.testbed.client.ip("mptcp endpoint flush")
        self.testbed.client.sysctl(net__mptcp__add_addr_timeout=1)
        self.addCleanup(lambda: self.testbed.client.sysctl(net__mptcp__add_addr_timeout=120))
        client, server = self.open_pair()
        exchange_one(client, server)
        emulator = self.testbed.emulators[0]
        emulator.command("down")
        self.addCleanup(emulator.command, "up")
        self.testbed.client.ip("mptcp endpoint add 10.2.0.2 dev acc1 signal")
        wait_until(lambda: self.risen_at_client("MPTcpExtAddAddrTx") >= 1, 5, "ADD_ADDR to be sent")
        emulator.command("up")
        wait_until(lambda: self.risen_at_client("MPTcpExtEchoAdd") == 1, 10, "the echo")
        exchange_one(client, server)

    def test_an_address_removed_in_the_middle_of_a_transfer(self):
        for upload in (False, True):
            with self.subTest(upload=upload):
                self.testbed.set_subflow_accesses([0, 1])
                self._counters = (self.tributaryd.counters(), self.testbed.client.counters())
                client, server = self.open_pair()
                self.wait_for_subflows(2)
                flow = Flow(client, server) if upload else Flow(server, client)
                flow.wait_for(MIB)
                self.testbed.client.ip(f"mptcp endpoint delete id {self.endpoint_ids()['10.2.0.2']}")
                self.wait_for_subflows(1)
                self.assertEqual(self.risen("MPTcpExtRmAddr"), 1)
                flow.wait_for(2 * MIB)
                # And again there.
                self.testbed.client.ip("mptcp endpoint add 10.2.0.2 dev acc1 subflow")
                self.wait_for_subflows(2)
                flow.wait_for(2 * MIB)
                flow.finish()
                client.close()
                server.close()
                self.wait_for_relays(0)

    def test_the_address_of_the_first_subflow_removed(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        flows = [Flow(client, server), Flow(server, client)]
        for flow in flows:
            flow.wait_for(MIB)
        self.testbed.client.ip("mptcp endpoint delete id 0 10.1.0.2")
        (left,) = self.wait_for_subflows(1)
        self.assertTrue(left["remote"].startswith("10.2.0.2:"), left)
        for flow in flows:
            flow.wait_for(2 * MIB)
        for flow in flows:
            flow.finish()

    def use_backup(self) -> None:
        """The second access is for when the first does not work."""
        self.testbed.client.ip(
            "mptcp endpoint flush",
            "mptcp endpoint add 10.1.0.2 dev acc0 subflow",
            "mptcp endpoint add 10.2.0.2 dev acc1 subflow backup",
        )

    def test_a_backup_carries_nothing_until_it_is_needed(self):
        self.use_backup()
        client, server = self.open_pair()
        subflows = self.wait_for_subflows(2)
        self.assertEqual([subflow["backup"] for subflow in subflows], [0, 1])
        for source, sink in ((server, client), (client, server)):
            flow, traffic = Flow(source, sink), self.watch_accesses()
            flow.wait_for(4 * MIB)
            self.assertLess(traffic.up()[1] + traffic.down()[1], 0.02 * 4 * MIB)
            # The first access dies.
            self.testbed.emulators[0].command("down")
            self.addCleanup(self.testbed.emulators[0].command, "up")
            flow.wait_for(8 * MIB)
            self.testbed.emulators[0].command("up")
            # It is the one to use again.
            back = self.watch_accesses()
            wait_until(lambda: sum((back.up()[0], back.down()[0])) > 4 * MIB, 15, "the first access to be used again")
            flow.finish()

    def test_priorities_change_in_the_middle_of_a_download(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        flow = Flow(server, client)
        flow.wait_for(MIB)
        identifier = self.endpoint_ids()["10.2.0.2"]
        self.testbed.client.ip(f"mptcp endpoint change id {identifier} backup")
        wait_until(lambda: self.risen("MPTcpExtMPPrioRx") >= 1, 5, "MP_PRIO")
        flow.wait_for(MIB)  # what was on its way
        traffic = self.watch_accesses()
        flow.wait_for(4 * MIB)
        self.assertLess(traffic.down()[1], 0.02 * 4 * MIB)
        self.testbed.client.ip(f"mptcp endpoint change id {identifier} nobackup")
        wait_until(lambda: self.risen("MPTcpExtMPPrioRx") >= 2, 5, "the second MP_PRIO")
        flow.wait_for(MIB)
        traffic = self.watch_accesses()
        flow.wait_for(4 * MIB)
        self.assertGreater(traffic.down()[1], 0.1 * 4 * MIB)
        flow.finish()

    def test_dss_checksums(self):
        self.testbed.client.sysctl(net__mptcp__checksum_enabled=1)
        self.addCleanup(lambda: self.testbed.client.sysctl(net__mptcp__checksum_enabled=0))
        for host in (WEB_IPV4, WEB_IPV6):
            for convert in (False, True):
                with self.subTest(host=host, convert=convert):
                    client, server = self.open_pair(host, convert=convert)
                    self.wait_for_subflows(2)
                    self.assertTrue(sockets.mptcp_info(client).checksums)
                    exchange(client, server, 2 * MIB)
                    client.close()
                    server.close()
                    self.wait_for_relays(0)

    def test_dss_checksums_of_odd_pieces(self):
        self.testbed.client.sysctl(net__mptcp__checksum_enabled=1)
        self.addCleanup(lambda: self.testbed.client.sysctl(net__mptcp__checksum_enabled=0))
        client, server = self.open_pair()
        for source, sink in ((client, server), (server, client)):
            sending = sockets.Background(send_odd_pieces, source, 300_001)
            self.assertEqual(sockets.receive_pattern(sink, 300_001), 300_001)
            sending.result()


def send_odd_pieces(connection: socket.socket, size: int) -> None:
    """The pattern in pieces of odd and ever different sizes."""
    at, piece = 0, 1
    while at < size:
        count = min(piece, size - at)
        sockets.send_pattern(connection, count, at)
        at += count
        piece = (piece * 7 + 2) % 3001


def exchange_one(client: socket.socket, server: socket.socket) -> None:
    """One byte each way."""
    for source, sink in ((client, server), (server, client)):
        source.sendall(b"x")
        assert sink.recv(1) == b"x"


class ChecksumsWanted(StreamCase):
    """It is the concentrator that asks for DSS checksums, and takes two subflows only."""

    accesses = [Access(100_000_000, 2 + i) for i in range(3)]
    settings = StreamCase.settings | {"mptcp": {"checksum": True, "max_subflows": 2}}

    def test_checksums_and_no_third_subflow(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        self.assertTrue(sockets.mptcp_info(client).checksums)
        exchange(client, server, 2 * MIB)
        self.assertGreaterEqual(self.tributaryd.counters()["MPTcpExtMPJoinRejected"], 1)

    def test_convert(self):
        client, server = self.open_pair(convert=True)
        self.assertTrue(sockets.mptcp_info(client).checksums)
        exchange(client, server, 2 * MIB)


class NoMptcp(StreamCase):
    """The concentrator does not speak MPTCP: what the client asks for is TCP."""

    settings = StreamCase.settings | {"mptcp": {"enabled": False}}
    expected_complaints = {"MPTcpExtMPCapableFallbackSYNACK"}

    def test_every_client_is_served_over_tcp(self):
        for host in (WEB_IPV4, WEB_IPV6):
            for convert in (False, True):
                with self.subTest(host=host, convert=convert):
                    client, server = self.open_pair(host, convert=convert)
                    exchange(client, server, MIB)
                    client.close()
                    server.close()
        self.wait_for_relays(0)
        self.assertEqual(self.tributaryd.counters()["MPTcpExtMPCapableACKRX"], 0)
