"""Garbage on the wire, from the side of the clients and from that of the servers, while honest transfers run."""

import random
import time

from harness import MIB
from streams import WEB_IPV4, Flow, StreamCase, exchange
from testbed import frames, sockets
from testbed.convert_message import pack_connect, pack_message
from testbed.tributaryd import CONVERT_PORT


class Hostile(StreamCase):
    """Nothing that comes in may stop the daemon, leave something behind, or hurt connections it does not belong to."""

    settings = {
        "tcp": {"time_wait_s": 1, "fin_wait2_s": 1, "syn_ack_retries": 1, "data_retries": 3, "initial_rto_ms": 300},
        "mptcp": {"close_timeout_s": 1, "join_timeout_s": 1},
        "server_leg": {"connect_timeout_s": 1},
    }
    expected_complaints = {
        "DropMalformed", "DropIpChecksum", "TcpInCsumErrors", "MPTcpExtMPCapableFallbackACK", "MptcpFallback",
        "MPTcpExtMPJoinAckHMacFailure", "MPTcpExtDSSNotMatching", "MPTcpExtDataCsumErr", "MptcpAddAddrBadHmac",
        "MPTcpExtMPFailRx", "MPTcpExtMPFailTx", "TcpExtTCPAbortOnTimeout", "MPTcpExtMPFallbackTokenInit", "TcpExtPAWSEstab",
        "MPTcpExtMPCapableFallbackSYNACK",
    }  # fmt: skip
    settle_seconds = 20
    socket_seconds = 8  # a socket is really closed when no thread waits for it any more
    throw_seconds = 1.5

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(8684)
        self.addCleanup(self.testbed.client.ip, "neigh flush all")
        self.addCleanup(self.testbed.server.ip, "neigh flush all")

    def open_side(self, client_side: bool):
        """A packet socket, and the hardware addresses of it and of tributaryd there."""
        if client_side:
            where, interface, gateway = self.testbed.client, "acc0", self.testbed.accesses[0].gateway_ipv4
        else:
            where, interface, gateway = self.testbed.server, "eth0", "10.9.0.2"
        own, neighbour = frames.link_addresses(where, interface, gateway)
        packets = frames.open_packets(where, interface)
        self.addCleanup(packets.close)
        return packets, own, neighbour

    def throw(self, packets, make) -> int:
        """Frames of `make` for a while; returns how many."""
        thrown, end = 0, time.monotonic() + self.throw_seconds
        while time.monotonic() < end:
            for _ in range(20):
                try:
                    packets.send(make()[:1514])
                    thrown += 1
                except OSError:
                    pass  # a full queue, or a frame the kernel finds too short
            time.sleep(0.002)
        return thrown

    def check_honest_transfers(self, make_thrower, *noticed: str) -> None:
        """Transfers run while frames are thrown; `make_thrower` gets both ends of an honest connection. The counters
        `noticed` show that tributaryd saw them."""
        before = self.tributaryd.counters()
        client, server = self.open_pair()
        plain_client, plain_server = self.open_pair(mptcp=False)
        time.sleep(0.3)  # for the second subflow
        flows = [Flow(client, server), Flow(server, client), Flow(plain_client, plain_server), Flow(plain_server, plain_client)]
        for packets, make in make_thrower(client, server):
            self.assertGreater(self.throw(packets, make), 200)
            for flow in flows:
                flow.wait_for(100_000)
        after = self.tributaryd.counters()
        for name in noticed:
            self.assertGreater(after[name] - before[name], 3, name)
        for flow in flows:
            flow.finish()
        self.assertTrue(self.tributaryd.process.is_running())
        exchange(*self.open_pair(), MIB)

    def test_random_frames(self):
        types = [b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00", b"\x88\xa8", b"\x88\xcc"]

        def make_throwers(_client, _server):
            for client_side in (True, False):
                packets, own, neighbour = self.open_side(client_side)

                def make() -> bytes:
                    destination = self.random.choice([neighbour, b"\xff" * 6, b"\x33\x33" + self.random.randbytes(4)])
                    kind = self.random.choice([*types, self.random.randbytes(2)])
                    body = bytearray(self.random.randbytes(self.random.choice([0, 1, 20, 40, 60, 100, 1000, 1500])))
                    if body and kind in types[:2]:
                        body[0] = self.random.choice([0x45, 0x46, 0x4F, 0x60, body[0]])
                    return destination + own + kind + bytes(body)

                yield packets, make

        self.check_honest_transfers(make_throwers, "DropMalformed", "DropProtocol", "DropVlan")

    def test_segments_with_random_options(self):
        """From addresses of the client and of strangers, to listeners and to nobody, checksums right."""

        def make_throwers(_client, _server):
            packets, own, neighbour = self.open_side(True)
            gateway = self.testbed.accesses[0].gateway_ipv4
            destinations = [(WEB_IPV4, 80), (WEB_IPV4, 81), (gateway, CONVERT_PORT), (gateway, 1), ("10.30.0.1", 80)]
            connect = pack_message(pack_connect(WEB_IPV4, 80))

            def make() -> bytes:
                source = (f"10.1.0.{self.random.choice([2, 2, 2, 77, 255, 1])}", self.random.randrange(1, 65536))
                flags = self.random.choice([frames.SYN, frames.SYN, frames.SYN, frames.ACK, frames.SYN | frames.ACK,
                                            frames.RST, frames.FIN | frames.ACK, self.random.randrange(256)])  # fmt: skip
                payload = self.random.choice([b"", b"", connect, connect[:9], self.random.randbytes(30)])
                packet = frames.pack_tcp(source, self.random.choice(destinations), self.random.getrandbits(32),
                                         self.random.getrandbits(32), flags, frames.random_options(self.random), payload)  # fmt: skip
                return frames.pack_frame(own, neighbour, packet)

            yield packets, make

        self.check_honest_transfers(make_throwers, "RelayConnections", "ConvertErrors", "TcpOutRsts", "MPTcpExtMPCapableSYNRX")

    def test_blind_segments_into_an_honest_connection(self):
        """The right addresses and ports, numbers that are guesses: resets, SYNs, data and every option."""

        def make_throwers(client, server):
            ends = [(True, client.getsockname(), client.getpeername()),
                    (False, (WEB_IPV4, server.getsockname()[1]), ("10.9.0.10", server.getpeername()[1]))]  # fmt: skip
            for client_side, source, destination in ends:
                packets, own, neighbour = self.open_side(client_side)

                def make(source=source, destination=destination, own=own, neighbour=neighbour) -> bytes:
                    flags = self.random.choice([frames.RST, frames.RST | frames.ACK, frames.SYN, frames.ACK,
                                                frames.FIN | frames.ACK, frames.PSH | frames.ACK])  # fmt: skip
                    # Not in the lucky millionths of the sequence space that would be believed: no timestamps either.
                    options = b"\x1e" + frames.random_options(self.random)[:30][1:] if self.random.random() < 0.5 else b""
                    packet = frames.pack_tcp(source, destination, self.random.getrandbits(32), self.random.getrandbits(32),
                                             flags, options, self.random.randbytes(self.random.choice([0, 1, 100])))  # fmt: skip
                    return frames.pack_frame(own, neighbour, packet)

                yield packets, make

        self.check_honest_transfers(make_throwers)

    def test_mutated_copies_of_honest_segments(self):
        """Live segments with some bytes changed, sent again: with wrong checksums they must be dropped."""

        def make_throwers(_client, _server):
            for client_side in (True, False):
                packets, own, _ = self.open_side(client_side)

                def make(packets=packets, own=own) -> bytes:
                    for _ in range(50):
                        frame = bytearray(packets.recv(2048))
                        if frame[6:12] == own and len(frame) > 54 and frame[12:14] == b"\x08\x00":
                            break
                    # Within the TCP header: its checksum covers that.
                    at = self.random.randrange(34, min(len(frame), 90))
                    frame[at] ^= self.random.randrange(1, 256)
                    return bytes(frame)

                yield packets, make

        self.check_honest_transfers(make_throwers, "TcpInCsumErrors")

    def test_connections_whose_own_segments_are_forged(self):
        """Mutations with right checksums: those connections may die of it, the daemon must not, and nothing stays."""
        packets, own, neighbour = self.open_side(True)
        pairs = [self.open_pair(mptcp=i % 3 != 0) for i in range(12)]
        flows = [Flow(client, server) for client, server in pairs] + [Flow(server, client) for client, server in pairs]

        def make() -> bytes:
            for _ in range(200):
                frame = packets.recv(2048)
                parsed = frames.unpack_tcp(frame)
                if parsed and frame[6:12] == own:
                    break
            else:
                return b""
            options = b"".join(option for _, option in parsed["options"])
            if self.random.random() < 0.7:
                mutable = bytearray(options)
                for _ in range(self.random.randrange(3)):
                    if mutable:
                        mutable[self.random.randrange(len(mutable))] = self.random.randrange(256)
                options = bytes(mutable)
            else:
                timestamps = b"".join(option for kind, option in parsed["options"] if kind == 8)
                options = (b"\x01\x01" + timestamps + frames.random_options(self.random))[:40]
            ip = frame[14:]
            source = (".".join(map(str, ip[12:16])), parsed["source"])
            destination = (".".join(map(str, ip[16:20])), parsed["destination"])
            flags = self.random.choice([parsed["flags"]] * 8 + [frames.ACK | frames.FIN, frames.ACK | frames.SYN, frames.RST])
            shift = self.random.choice([0, 0, 0, 1, len(parsed["payload"]), -1, 100, 60000])
            payload = parsed["payload"][: self.random.choice([0, 1, 100, 1400])]
            packet = frames.pack_tcp(source, destination, parsed["seq"] + shift, parsed["ack"], flags, options, payload,
                                     self.random.choice([parsed["window"], 0, 65535]))  # fmt: skip
            return frames.pack_frame(own, neighbour, packet)

        self.assertGreater(self.throw(packets, make), 100)  # made from what those connections send, as long as they live
        for client, server in pairs:
            for end in (client, server):
                sockets.abort(end)
        del flows
        self.assertTrue(self.tributaryd.process.is_running())
        self.wait_for_relays(0, 15)
        exchange(*self.open_pair(), MIB)
