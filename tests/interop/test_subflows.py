"""How many subflows a connection has, and how it lives through the loss of some."""

from harness import MIB, Access
from streams import WEB_IPV4, WEB_IPV6, Flow, StreamCase
from testbed.namespace import wait_until


class FourAccesses(StreamCase):
    """One, two and four subflows."""

    accesses = [Access(60_000_000, 2 + i, f"access{i}") for i in range(4)]

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.set_subflows, 8)

    def set_subflows(self, count: int) -> None:
        """The client opens at most `count` subflows."""
        self.testbed.client.ip(f"mptcp limits set subflow {count - 1} add_addr_accepted 0")

    def check_transfers(self, subflows: int, host: str = WEB_IPV4, size: int = 4 * MIB, **options) -> None:
        self.set_subflows(subflows)
        client, server = self.open_pair(host, **options)
        self.wait_for_subflows(subflows)
        for source, sink, carried in ((server, client, "down"), (client, server, "up")):
            traffic = self.watch_accesses()
            Flow(source, sink, size).finish()
            carried = getattr(traffic, carried)()
            for access, count in enumerate(carried):
                if access < subflows:
                    self.assertGreater(count, 0.3 * size / subflows, f"access {access} of {carried}")
                else:
                    self.assertLess(count, 0.01 * size, f"access {access} of {carried}")

    def test_one_subflow(self):
        self.check_transfers(1)

    def test_two_subflows(self):
        self.check_transfers(2)

    def test_four_subflows(self):
        self.check_transfers(4, size=8 * MIB)

    def test_four_subflows_ipv6(self):
        self.check_transfers(4, WEB_IPV6, size=8 * MIB)

    def test_four_subflows_convert(self):
        self.check_transfers(4, convert=True, size=8 * MIB)

    def test_four_subflows_convert_ipv6(self):
        self.check_transfers(4, WEB_IPV6, convert=True, size=8 * MIB)

    def test_three_of_four_accesses_die(self):
        client, server = self.open_pair()
        self.wait_for_subflows(4)
        flows = [Flow(server, client), Flow(client, server)]
        for flow in flows:
            flow.wait_for(MIB)
        for emulator in self.testbed.emulators[:3]:
            emulator.command("down")
            self.addCleanup(emulator.command, "up")
        for flow in flows:
            flow.wait_for(4 * MIB)
        for flow in flows:
            flow.finish()


class Outages(StreamCase):
    """An access dies in the middle of a transfer, and comes back."""

    accesses = [Access(50_000_000, 3, "dsl"), Access(50_000_000, 6, "lte")]

    def command(self, access: int, line: str) -> None:
        emulator = self.testbed.emulators[access]
        emulator.command(line)
        self.addCleanup(emulator.command, "up")

    def check_outage(self, upload: bool, access: int, command: str = "down", **options) -> None:
        """The transfer goes on while `access` is dead, and uses it again when it is back."""
        client, server = self.open_pair(**options)
        self.wait_for_subflows(2)
        flow = Flow(client, server) if upload else Flow(server, client)
        flow.wait_for(2 * MIB)
        self.command(access, command)
        flow.wait_for(6 * MIB)
        self.command(access, "up")
        traffic = self.watch_accesses()
        carried = lambda: (traffic.up() if upload else traffic.down())[access]  # noqa: E731
        wait_until(lambda: carried() > 2 * MIB, 20, f"access {access} to be used again")
        flow.finish()

    def test_download_first_access(self):
        self.check_outage(False, 0)

    def test_download_second_access(self):
        self.check_outage(False, 1)

    def test_upload_first_access(self):
        self.check_outage(True, 0)

    def test_upload_second_access(self):
        self.check_outage(True, 1)

    def test_download_by_convert(self):
        self.check_outage(False, 0, convert=True)

    def test_upload_by_convert(self):
        self.check_outage(True, 0, convert=True)

    def test_download_with_the_way_up_dead(self):
        self.check_outage(False, 0, "forward down")

    def test_upload_with_the_way_down_dead(self):
        self.check_outage(True, 0, "backward down")

    def test_both_accesses_dead_for_two_seconds(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        flows = [Flow(server, client), Flow(client, server)]
        for flow in flows:
            flow.wait_for(2 * MIB)
        for access in (0, 1):
            self.command(access, "down")
        with self.assertRaises(TimeoutError):
            flows[0].wait_for(20 * MIB, 2)
        for access in (0, 1):
            self.command(access, "up")
        for flow in flows:
            flow.wait_for(2 * MIB)
        for flow in flows:
            flow.finish()

    def test_an_access_that_dies_right_before_the_end(self):
        for upload in (False, True):
            with self.subTest(upload=upload):
                client, server = self.open_pair()
                self.wait_for_subflows(2)
                flow = Flow(client, server, 4 * MIB) if upload else Flow(server, client, 4 * MIB)
                flow.wait_for(4 * MIB - 200_000)
                self.command(0, "down")
                flow.finish()
                client.close()
                server.close()
                self.command(0, "up")
                self.wait_for_relays(0)

    def test_an_idle_connection_does_not_mind(self):
        client, server = self.open_pair()
        self.wait_for_subflows(2)
        self.command(0, "down")
        Flow(client, server, MIB).finish()
        self.command(0, "up")
        Flow(server, client, MIB).finish()

    def test_lossy_accesses(self):
        self.expect_complaint("TcpExtPAWSEstab")  # an overtaken segment looks old
        for emulator in self.testbed.emulators:
            emulator.command("loss 1% reorder 1%")
            self.addCleanup(emulator.command, "loss 0% reorder 0%")
        client, server = self.open_pair()
        flows = [Flow(server, client, 4 * MIB), Flow(client, server, 4 * MIB)]
        for flow in flows:
            flow.finish(40)
