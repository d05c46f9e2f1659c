"""The kernel against listeners that answer every SYN with a cookie (RFC 4987)."""

import errno
import time

from harness import MIB, Access
from streams import StreamCase
from testbed.topology import WEB_IPV4, WEB_IPV6


class SynCookies(StreamCase):
    """Nothing is kept of a SYN; MPTCP with two subflows comes about all the same."""

    accesses = [Access(100_000_000, 5, "dsl"), Access(100_000_000, 10, "lte")]
    settings = StreamCase.settings | {"worker": {"syn_cookies_from": 0}}

    def setUp(self):
        super().setUp()
        self._opened = self.tributaryd.counters()["TcpExtSyncookiesRecv"]

    def check_cookies(self, least: int = 1) -> None:
        counters = self.tributaryd.counters()
        self.assertGreaterEqual(counters["TcpExtSyncookiesRecv"] - self._opened, least)

    def test_download_over_both_accesses_ipv4(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV4, 16 * MIB)
        carried = traffic.down()
        self.assertGreater(min(carried), 0.15 * sum(carried))
        self.check_cookies()

    def test_download_over_both_accesses_ipv6(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV6, 16 * MIB)
        carried = traffic.down()
        self.assertGreater(min(carried), 0.15 * sum(carried))
        self.check_cookies()

    def test_upload(self):
        self.upload(WEB_IPV4, 16 * MIB)
        self.check_cookies()

    def test_a_client_without_mptcp(self):
        self.download(WEB_IPV4, 4 * MIB, mptcp=False)
        self.upload(WEB_IPV6, 4 * MIB, mptcp=False)
        self.check_cookies(2)

    def test_a_client_without_timestamps(self):
        self.testbed.client.sysctl(net__ipv4__tcp_timestamps=0)
        self.addCleanup(self.testbed.client.sysctl, net__ipv4__tcp_timestamps=1)
        self.download(WEB_IPV4, MIB)
        self.check_cookies()

    def test_a_server_that_refuses_resets_the_client(self):
        connection = self.connect(WEB_IPV4, 81)
        time.sleep(0.5)
        with self.assertRaises(OSError) as caught:
            for _ in range(2):
                connection.send(b"x")
                time.sleep(0.2)
        self.assertIn(caught.exception.errno, (errno.ECONNRESET, errno.EPIPE))
        self.check_cookies()
