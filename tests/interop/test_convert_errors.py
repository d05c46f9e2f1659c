"""What the converter answers to messages it cannot or must not serve (RFC 8803 section 6.2.8), and to odd but right ones."""

import socket
import struct

from harness import MIB
from streams import WEB_IPV4, WEB_IPV6, StreamCase, exchange
from testbed import sockets
from testbed.convert_client import connect_with_payload, read_reply
from testbed.convert_message import (
    COOKIE, ERROR, EXTENDED_TCP_HEADER, MAGIC, SUPPORTED_TCP_EXTENSIONS, Message, pack_connect, pack_message, receive_message,
)  # fmt: skip
from testbed.tributaryd import CONVERT_PORT

INFO = b"\x01\x01\x00\x00"
FASTOPEN_COOKIE_REQUEST, SACK_PERMITTED, EXPERIMENT = b"\x22\x02", b"\x04\x02", b"\xfd\x04\x12\x34"


def message(*tlvs: bytes, version: int = 1, words: int | None = None) -> bytes:
    """Like pack_message, but anything can be wrong with it."""
    body = b"".join(tlvs)
    return struct.pack("!BBH", version, (4 + len(body)) // 4 if words is None else words, MAGIC) + body


class ConvertMessages(StreamCase):
    """Each message in the payload of a SYN."""

    settings = StreamCase.settings | {"server_leg": {"connect_timeout_s": 2}}
    expected_complaints = {"MPTcpExtMPCapableDataFallback", "MPTcpExtMPCapableFallbackACK"}  # where a SYN is not answered

    def send(self, payload: bytes, mptcp: bool = True, timeout: float = 10) -> socket.socket:
        converter = (self.testbed.accesses[0].gateway_ipv4, CONVERT_PORT)
        with sockets.inside(self.testbed.client):
            connection = connect_with_payload(converter, payload, mptcp=mptcp, timeout=timeout)
        return self.keep(connection)

    def ask(self, payload: bytes, **options) -> Message:
        connection = self.send(payload, **options)
        reply = receive_message(connection)
        self.assertEqual(connection.recv(1), b"", "the converter closes after an error")
        connection.close()
        return reply

    def check_error(self, code: int, payload: bytes) -> bytes:
        """Value of the Error TLV."""
        for mptcp in (True, False):
            error = self.ask(payload, mptcp=mptcp).error()
            self.assertIsNotNone(error)
            self.assertEqual(error[0], code)
        return error[1]

    def test_unsupported_versions_are_told_the_supported_one(self):
        for version in (0, 2, 255):
            value = self.check_error(0, message(pack_connect(WEB_IPV4, 80), version=version))
            self.assertEqual(value.rstrip(b"\0"), b"\x01")

    def test_malformed_messages(self):
        connect = pack_connect(WEB_IPV4, 80)
        cases = {
            "port 0": message(pack_connect(WEB_IPV4, 0)),
            "multicast": message(pack_connect("224.0.0.1", 80)),
            "multicast, IPv6": message(pack_connect("ff02::1", 80)),
            "unspecified": message(pack_connect("0.0.0.0", 80)),
            "broadcast": message(pack_connect("255.255.255.255", 80)),
            "loopback": message(pack_connect("127.0.0.1", 80)),
            "two Connects": message(connect, connect),
            "two Infos": message(INFO, INFO, connect),
            "TLV of no length": message(b"\x0a\x00" + connect[2:]),
            "TLV beyond the message": message(b"\x0a\x09" + connect[2:]),
            "Connect too short": message(b"\x0a\x04" + connect[2:16]),
            "no TLV": message(),
            "option of no length": message(pack_connect(WEB_IPV4, 80, b"\x04\x00\x00\x00")),
            "option beyond the TLV": message(pack_connect(WEB_IPV4, 80, b"\x04\x09\x00\x00")),
        }
        for name, payload in cases.items():
            with self.subTest(name):
                value = self.check_error(1, payload)
                self.assertEqual(value[0], 0)
                self.assertEqual(value[1 : 1 + len(payload)], payload, "the message is echoed")

    def test_unsupported_tlvs(self):
        for kind in (0, 2, EXTENDED_TCP_HEADER, SUPPORTED_TCP_EXTENSIONS, 99, 255):
            with self.subTest(kind):
                self.check_error(2, message(bytes([kind, 1, 0, 0]), pack_connect(WEB_IPV4, 80)))

    def test_forbidden_destinations(self):
        gateway = self.testbed.accesses[1]
        for host in (gateway.gateway_ipv4, gateway.gateway_ipv6, "10.9.0.2", "10.9.0.10", "169.254.1.1", "fe80::1"):
            with self.subTest(host):
                self.check_error(32, message(pack_connect(host, 80)))

    def test_unsupported_options_are_listed(self):
        value = self.check_error(33, message(pack_connect(WEB_IPV4, 80, EXPERIMENT + SACK_PERMITTED + b"\x1d\x04\x00\x00")))
        self.assertEqual(value.rstrip(b"\0"), bytes([253, 29]))

    def test_no_route(self):
        # The only IPv6 and IPv4 routes lead to the server: it is its kernel that knows no way.
        self.testbed.server.sysctl(net__ipv4__ip_forward=1)
        self.testbed.server.ip("route add unreachable 10.66.0.0/16")
        self.addCleanup(self.testbed.server.ip, "route delete unreachable 10.66.0.0/16")
        self.check_error(97, message(pack_connect("10.66.0.1", 80)))

    def test_a_length_of_zero_is_reset(self):
        for mptcp in (True, False):
            with self.assertRaises(ConnectionError):
                self.send(message(pack_connect(WEB_IPV4, 80), words=0), mptcp)

    def test_an_error_in_a_request_is_reset(self):
        with self.assertRaises(ConnectionError):
            self.send(message(bytes([ERROR, 1, 1, 0])))

    def test_what_is_no_convert_message_is_not_served(self):
        # The SYN with it gets no answer; Linux repeats it without payload, and then sends the payload as data.
        with self.assertRaises(ConnectionError):
            connection = self.send(b"GET / HTTP/1.1\r\n\r\n", mptcp=False)
            self.assertEqual(connection.recv(1), b"")
            raise ConnectionError("the stream ended")

    def test_info(self):
        reply = self.ask(message(INFO))
        kinds = reply.find(SUPPORTED_TCP_EXTENSIONS)[4:].rstrip(b"\0")
        self.assertIn(30, kinds)
        self.assertTrue(set(kinds).isdisjoint({1, 2, 3, 5, 29}))

    # Odd, and yet right.

    def check_served(self, tlvs: list[bytes], listener: socket.socket, mptcp: bool = True) -> Message:
        client = self.send(pack_message(*tlvs), mptcp)
        server = self.keep(listener.accept()[0])
        reply = read_reply(client)
        exchange(client, server, 100_000)
        client.close()
        server.close()
        return reply

    def test_connects_with_more_in_them(self):
        listener = self.listen()
        port = listener.getsockname()[1]
        cases = {
            "options": [pack_connect(WEB_IPV4, port, SACK_PERMITTED + FASTOPEN_COOKIE_REQUEST)],
            "info too": [INFO, pack_connect(WEB_IPV4, port)],
            "info behind": [pack_connect(WEB_IPV6, port), INFO],
            "a cookie nobody asked for": [pack_connect(WEB_IPV4, port), bytes([COOKIE, 2, 0, 0]) + b"1234"],
        }
        for name, tlvs in cases.items():
            for mptcp in (True, False):
                with self.subTest(name, mptcp=mptcp):
                    reply = self.check_served(tlvs, listener, mptcp)
                    self.assertIsNotNone(reply.find(EXTENDED_TCP_HEADER))

    def test_ipv4_clients_reach_ipv6_servers(self):
        listener = self.listen()
        self.check_served([pack_connect(WEB_IPV6, listener.getsockname()[1])], listener)

    def test_data_behind_the_connect(self):
        listener = self.listen()
        early = sockets.PATTERN[:900]
        for mptcp in (True, False):
            client = self.send(pack_message(pack_connect(WEB_IPV4, listener.getsockname()[1])) + early, mptcp)
            server = self.keep(listener.accept()[0])
            read_reply(client)
            sending = sockets.Background(sockets.send_pattern, client, MIB, 900)
            self.assertEqual(sockets.receive_pattern(server, MIB + 900), MIB + 900)
            sending.result()
            client.close()
            server.close()

    def test_a_request_that_comes_after_the_handshake(self):
        listener = self.listen()
        for mptcp in (True, False):
            client = self.connect(self.testbed.accesses[0].gateway_ipv4, CONVERT_PORT, mptcp=mptcp)
            client.sendall(pack_message(pack_connect(WEB_IPV4, listener.getsockname()[1])))
            server = self.keep(listener.accept()[0])
            read_reply(client)
            exchange(client, server, 100_000)
            client.close()
            server.close()

    def test_a_late_request_to_a_server_that_refuses(self):
        for mptcp in (True, False):
            client = self.connect(self.testbed.accesses[0].gateway_ipv4, CONVERT_PORT, mptcp=mptcp)
            client.sendall(pack_message(pack_connect(WEB_IPV4, 81)))
            self.assertEqual(receive_message(client).error()[0], 96)
            self.assertEqual(client.recv(1), b"")

    def test_a_client_that_asks_nothing_and_stays(self):
        clients = [self.connect(self.testbed.accesses[0].gateway_ipv4, CONVERT_PORT, mptcp=mptcp) for mptcp in (True, False)]
        self.wait_for_relays(2)
        self.wait_for_relays(0, 4)
        for client in clients:
            self.check_reset(client)

    def test_a_client_that_stays_after_an_error(self):
        client = self.send(message(pack_connect(WEB_IPV4, 0)))
        self.assertEqual(receive_message(client).error()[0], 1)
        self.wait_for_relays(0, 4)

    def test_a_client_that_never_asks(self):
        for mptcp in (True, False):
            client = self.connect(self.testbed.accesses[0].gateway_ipv4, CONVERT_PORT, mptcp=mptcp)
            self.wait_for_relays(1)
            client.close()
            self.wait_for_relays(0)
