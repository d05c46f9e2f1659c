"""Ordinary transfers through the transparent listener."""

from harness import MIB, Access, InteropCase
from testbed import transfer
from testbed.topology import WEB_IPV4, WEB_IPV6


class Transparent(InteropCase):
    """Kernel MPTCP over two accesses to a server that speaks plain TCP."""

    accesses = [Access(100_000_000, 5, "dsl"), Access(100_000_000, 10, "lte")]

    def check_both_used(self, carried: list[int]) -> None:
        for access, size in zip(self.testbed.accesses, carried):
            self.assertGreater(size, 0.15 * sum(carried), f"{access.name} of {carried}")

    def test_download_ipv4(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV4, 16 * MIB)
        self.check_both_used(traffic.down())

    def test_upload_ipv4(self):
        traffic = self.watch_accesses()
        self.upload(WEB_IPV4, 16 * MIB)
        self.check_both_used(traffic.up())

    def test_download_ipv6(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV6, 16 * MIB)
        self.check_both_used(traffic.down())

    def test_upload_ipv6(self):
        traffic = self.watch_accesses()
        self.upload(WEB_IPV6, 16 * MIB)
        self.check_both_used(traffic.up())

    def test_download_and_upload_at_once(self):
        name, sha256 = self.web_file(8 * MIB)
        client = self.testbed.client
        transfers = [
            transfer.start_download(client, WEB_IPV4, name, sha256),
            transfer.start_upload(client, self.web, WEB_IPV4, self.web.files / name, sha256),
        ]
        for result in [running.finish(self.seconds) for running in transfers]:
            self.assertTrue(result.ok, result.error)

    def test_a_client_without_mptcp(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV4, 4 * MIB, mptcp=False)
        self.assertGreater(traffic.down()[0], 4 * MIB)
        self.upload(WEB_IPV4, 4 * MIB, mptcp=False)
        self.assertLess(traffic.up()[1], 0.1 * MIB)

    def test_the_smallest_file(self):
        self.download(WEB_IPV4, 1)
