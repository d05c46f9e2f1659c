"""Servers that do not want the connection, or cannot be reached, for transparent and for Convert clients."""

import errno
import os
import time

from streams import WEB_IPV4, WEB_IPV6, StreamCase
from testbed.convert_message import ConvertError
from testbed.sockets import Background
from testbed.topology import SERVER_IPV4, SERVER_IPV6

NETWORK_FAILURE, CONNECTION_RESET, DESTINATION_UNREACHABLE = 65, 96, 97

# Networks behind the server namespace, and what its kernel does about them.
UNREACHABLE = {"10.30.1.1": 1, "fd00:30:1::1": 0}  # destination: code of the ICMP error
PROHIBITED = {"10.30.2.1": 13, "fd00:30:2::1": 1}
SILENT = ["10.30.3.1", "fd00:30:3::1"]
NOBODY = ["10.9.0.77", "fd00:9::77"]  # on the link to the server, and nobody's


class Refusals(StreamCase):
    """No server at the end."""

    settings = StreamCase.settings | {"server_leg": {"connect_timeout_s": 3}}
    # A kernel that had to repeat a SYN with payload sends no keys with its third ACK: both fall back to TCP.
    fallback = ("MPTcpExtMPCapableDataFallback", "MPTcpExtMPCapableFallbackACK")

    @classmethod
    def prepare(cls) -> None:
        # One server that does not answer is no reason to do without MPTCP for an hour.
        cls.testbed.client.sysctl(net__mptcp__blackhole_timeout=0)
        server = cls.testbed.server
        server.sysctl(
            net__ipv4__ip_forward=1,
            net__ipv6__conf__all__forwarding=1,
            net__ipv4__icmp_ratelimit=0,
            net__ipv6__icmp__ratelimit=0,
            net__ipv4__icmp_msgs_per_sec=10000,
        )
        server.ip(
            "route add unreachable 10.30.1.0/24",
            "route add prohibit 10.30.2.0/24",
            "route add blackhole 10.30.3.0/24",
            "-6 route add unreachable fd00:30:1::/64",
            "-6 route add prohibit fd00:30:2::/64",
            "-6 route add blackhole fd00:30:3::/64",
        )
        super().prepare()

    def fail_to_connect(self, host: str, port: int = 80, **options) -> tuple[int, float]:
        """Error number of a connection that must fail, and after how many seconds."""
        start = time.monotonic()
        with self.assertRaises(OSError) as caught:
            self.connect(host, port, **options)
        return caught.exception.errno, time.monotonic() - start

    def convert_error(self, host: str, port: int = 80, **options) -> tuple[int, bytes]:
        """Code and value of the converter's Error TLV."""
        with self.assertRaises(ConvertError) as caught:
            self.connect(host, port, convert=True, **options)
        return caught.exception.code, caught.exception.value

    def test_refused(self):
        for host in (WEB_IPV4, WEB_IPV6):
            for mptcp in (True, False):
                with self.subTest(host=host, mptcp=mptcp):
                    error, seconds = self.fail_to_connect(host, 81, mptcp=mptcp)
                    self.assertEqual(error, errno.ECONNREFUSED, os.strerror(error))
                    self.assertLess(seconds, 0.5)
                    self.assertEqual(self.convert_error(host, 81, mptcp=mptcp)[0], CONNECTION_RESET)

    def test_icmp_says_unreachable(self):
        for host, code in (UNREACHABLE | PROHIBITED).items():
            with self.subTest(host=host):
                error, seconds = self.fail_to_connect(host)
                self.assertEqual(error, errno.ECONNREFUSED, os.strerror(error))
                self.assertLess(seconds, 0.5)
                # Once: the server's kernel sends no more than five such ICMP messages at a time.
                error, value = self.convert_error(host)
                self.assertEqual((error, value[0]), (DESTINATION_UNREACHABLE, code))

    def test_no_neighbour_answers(self):
        self.expect_complaint(*self.fallback)
        for host in NOBODY:
            with self.subTest(host=host):
                converted = Background(self.convert_error, host)
                error, seconds = self.fail_to_connect(host)
                self.assertEqual(error, errno.ECONNREFUSED, os.strerror(error))
                self.assertLess(seconds, 5)
                self.assertIn(converted.result()[0], (NETWORK_FAILURE, DESTINATION_UNREACHABLE))

    def test_silence_ends_after_the_connect_time_out(self):
        self.expect_complaint(*self.fallback)
        ways = [(host, mptcp) for host in SILENT for mptcp in (True, False)]
        failing = [Background(lambda h, m: self.fail_to_connect(h, mptcp=m), *way) for way in ways]
        converted = [Background(lambda h, m: self.convert_error(h, mptcp=m), *way) for way in ways]
        for attempt in failing:
            error, seconds = attempt.result()
            self.assertEqual(error, errno.ECONNREFUSED, os.strerror(error))
            self.assertGreater(seconds, 2.5)
            self.assertLess(seconds, 5)
        for attempt in converted:
            self.assertEqual(attempt.result()[0], NETWORK_FAILURE)

    def test_a_client_that_gives_up_while_the_server_is_asked(self):
        for mptcp in (True, False):
            client = self.connect(SILENT[0], 80, mptcp=mptcp, wait=False)
            self.wait_for_relays(1)
            client.close()
            self.wait_for_relays(0, 5)

    def test_destinations_that_are_the_concentrator_itself(self):
        gateway = self.testbed.accesses[0]
        for host in (gateway.gateway_ipv4, gateway.gateway_ipv6):
            error, _ = self.fail_to_connect(host, 80)
            self.assertEqual(error, errno.ECONNREFUSED, os.strerror(error))
            self.assertEqual(self.convert_error(host, 80)[0], 32)

    def test_the_next_connection_is_as_good_as_ever(self):
        for host in (WEB_IPV4, SERVER_IPV4, WEB_IPV6, SERVER_IPV6):
            self.fail_to_connect(host, 81)
            client, server = self.open_pair(host)
            client.sendall(b"still here")
            self.assertEqual(server.recv(100), b"still here")
