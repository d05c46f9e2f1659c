"""Other configurations: clients' addresses preserved, VLANs, a route that has to be learnt, another MTU."""

import socket

from harness import MIB, Access
from streams import WAYS, WEB_IPV4, WEB_IPV6, Flow, StreamCase, exchange
from testbed.namespace import wait_until
from testbed.tagger import Tagger
from testbed.tributaryd import make_configuration


def peer_address(connection: socket.socket) -> str:
    """Without the prefix of an IPv4-mapped address."""
    return connection.getpeername()[0].removeprefix("::ffff:")


class SourceAddresses(StreamCase):
    """What servers see by default: an address of the pool."""

    def test_servers_see_the_pool(self):
        for host, source in ((WEB_IPV4, "10.9.0.10"), (WEB_IPV6, "fd00:9::10")):
            for name, options in WAYS.items():
                with self.subTest(host=host, way=name):
                    _, server = self.open_pair(host, **options)
                    self.assertEqual(peer_address(server), source)


class Preserved(StreamCase):
    """Servers see the client's own address."""

    settings = StreamCase.settings | {"server_leg": {"source": "preserve", "pool": []}}

    def test_servers_see_the_client(self):
        for host, source in ((WEB_IPV4, "10.1.0.2"), (WEB_IPV6, "fd00:1::2")):
            for name, options in WAYS.items():
                with self.subTest(host=host, way=name):
                    client, server = self.open_pair(host, **options)
                    self.assertEqual(peer_address(server), source)
                    exchange(client, server, MIB)

    def test_the_address_of_the_first_subflow(self):
        client, server = self.open_pair(address="10.2.0.2")
        self.assertEqual(peer_address(server), "10.2.0.2")
        self.wait_for_subflows(2)
        exchange(client, server, MIB)

    def test_the_first_access_dies(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        flow = Flow(client, server)
        flow.wait_for(MIB)
        self.testbed.emulators[0].command("down")
        self.addCleanup(self.testbed.emulators[0].command, "up")
        flow.wait_for(2 * MIB)
        flow.finish()


class Vlans(StreamCase):
    """The first access is untagged, the second in VLAN 7; on its port VLAN 8 is an interface of its own."""

    accesses = [Access(20_000_000, 3), Access(20_000_000, 6)]

    @classmethod
    def prepare(cls) -> None:
        cls.testbed.client.ip(
            "address add 10.7.0.2/24 dev acc1",
            "route add default via 10.7.0.1 dev acc1 table 107",
            "rule add from 10.7.0.2 lookup 107",
            "mptcp endpoint flush",
            "mptcp endpoint add 10.1.0.2 dev acc0 subflow",
            "mptcp endpoint add 10.2.0.2 dev acc1 subflow",
            "mptcp endpoint add 10.7.0.2 dev acc1 subflow",
        )
        cls.testbed.emulators[1].process.stop()
        cls.tagger = Tagger(cls.testbed.links, "c1", "p1", cls.choose_vlan)
        cls.addClassCleanup(cls.tagger.stop)
        ports = make_configuration(cls.testbed, "")["port"]
        ports[1] |= {"vlan": 7, "addresses": ["10.2.0.1/24"]}
        cls.settings = cls.settings | {
            "port": ports,
            "interface": [{"name": "access8", "port": "access1", "vlan": 8, "addresses": ["10.7.0.1/24"]}],
            "listener": [
                {"name": "transparent", "kind": "transparent", "ports": ["access0", "access1", "access8"]},
                {"name": "convert", "kind": "convert", "ports": ["access0", "access8"]},
            ],
        }
        super().prepare()

    @staticmethod
    def choose_vlan(frame: bytes) -> int:
        """8 for what comes from 10.7.0.2, 9 from 10.9.9.9, 7 for everything else."""
        source = frame[28:32] if frame[12:14] == b"\x08\x06" else frame[26:30]
        return {bytes([10, 7, 0, 2]): 8, bytes([10, 9, 9, 9]): 9}.get(source, 7)

    def describe(self) -> str:
        return f"frames from tributaryd by VLAN: {self.tagger.seen}"

    def test_three_subflows_two_of_them_tagged(self):
        for convert in (False, True):
            with self.subTest(convert=convert):
                client, server = self.open_pair(convert=convert)
                for subflow in self.wait_for_subflows(3):
                    self.assertEqual(subflow["state"], "ESTAB")
                before = dict(self.tagger.seen)
                exchange(client, server, MIB)
                for vlan in (7, 8):
                    self.assertGreater(self.tagger.seen[vlan] - before.get(vlan, 0), 50)
                self.assertNotIn(None, self.tagger.seen)
                client.close()
                server.close()
                self.wait_for_relays(0)

    def test_connections_that_begin_in_a_vlan(self):
        for address in ("10.2.0.2", "10.7.0.2"):
            for mptcp in (True, False):
                with self.subTest(address=address, mptcp=mptcp):
                    client, server = self.open_pair(address=address, mptcp=mptcp)
                    exchange(client, server, 200_000)

    def test_a_vlan_nobody_has_is_not_ours(self):
        before = self.tributaryd.counters()["DropVlan"]
        self.testbed.client.ip("address add 10.9.9.9/24 dev acc1")
        self.addCleanup(self.testbed.client.ip, "address delete 10.9.9.9/24 dev acc1")
        self.testbed.client.run(["ping", "-c2", "-i0.2", "-W0.5", "-I", "10.9.9.9", "10.9.9.1"], check=False)
        self.assertGreater(self.tributaryd.counters()["DropVlan"], before)


class Network(StreamCase):
    """The IP layer among ordinary neighbours."""

    accesses = [Access(100_000_000, 3), Access(100_000_000, 6, mtu=1300)]

    def test_the_smaller_mtu_of_one_access(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        traffic = self.watch_accesses()
        exchange(client, server, 4 * MIB)
        self.assertGreater(min(traffic.up()), MIB / 2)
        self.assertGreater(min(traffic.down()), MIB / 2)
        self.assertEqual(sum(e.stats()[d]["drops"]["oversize"] for e in self.testbed.emulators
                             for d in ("forward", "backward")), 0)  # fmt: skip

    def test_a_connection_that_begins_on_the_access_with_the_smaller_mtu(self):
        for host, address in ((WEB_IPV4, "10.2.0.2"), (WEB_IPV6, "fd00:2::2")):
            for mptcp in (True, False):
                client, server = self.open_pair(host, address=address, mptcp=mptcp)
                exchange(client, server, MIB)

    def test_a_question_for_a_neighbour_that_is_lost_is_asked_again(self):
        # A server on the link itself, not behind the router, that is deaf to ARP at first.
        self.testbed.server.ip("address add 10.9.0.200/24 dev eth0")
        self.addCleanup(self.testbed.server.ip, "address delete 10.9.0.200/24 dev eth0")
        self.testbed.server.sysctl(net__ipv4__conf__eth0__arp_ignore=8)
        self.addCleanup(lambda: self.testbed.server.sysctl(net__ipv4__conf__eth0__arp_ignore=0))
        listener = self.listen()
        client = self.connect("10.9.0.200", listener.getsockname()[1], mptcp=False, wait=False)
        asked = lambda: self.tributaryd.counters()["ArpSent"] - before  # noqa: E731
        before = self.tributaryd.counters()["ArpSent"]
        wait_until(lambda: asked() >= 1, 5, "the question to be asked again")
        self.testbed.server.sysctl(net__ipv4__conf__eth0__arp_ignore=0)
        server = self.keep(listener.accept()[0])
        client.settimeout(10)
        exchange(client, server, 100_000)

    def test_echo(self):
        for host in ("10.1.0.1", "10.2.0.1", "fd00:1::1", "fd00:2::1"):
            for size in (0, 56, 1200):
                output = self.testbed.client.run(["ping", "-c2", "-i0.1", "-W1", "-s", size, host], check=False)
                self.assertIn(" 0% packet loss", output)
