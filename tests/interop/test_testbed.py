"""The testbed itself: the network does what it is told, and the Convert client puts its Connect into the SYN."""

import json
import sys
import time

from harness import MIB, Access, TestbedCase
from testbed.convert_message import CONNECT, parse_message, unpack_connect
from testbed.namespace import wait_until
from testbed.nginx import sha256_of
from testbed.paths import ROOT
from testbed.topology import WEB_IPV4, WEB_IPV6


class EmulatedAccesses(TestbedCase):
    """The kernel routes where tributaryd would be."""

    accesses = [Access(50_000_000, 10, "dsl"), Access(20_000_000, 30, "lte")]

    @classmethod
    def prepare(cls) -> None:
        cls.testbed.give_proxy_to_kernel()
        for access in range(2):
            cls.testbed.wait_for_path(access)

    def ping(self, access: int, count: int = 10) -> list[float]:
        """Round-trip times in ms."""
        words = ["ping", "-n", "-c", count, "-i", "0.05", "-W", "1", "-I", f"10.{access + 1}.0.2", WEB_IPV4]
        output = self.testbed.client.run(words, check=False)
        return [float(part.split()[0]) for part in output.split("time=")[1:]]

    def test_delay_is_exact_and_steady(self):
        for access, round_trip in ((0, 20), (1, 60)):
            times = self.ping(access, 20)
            self.assertEqual(len(times), 20)
            median = sorted(times)[10]
            self.assertGreaterEqual(min(times), round_trip)
            self.assertLess(median, round_trip + 2)
            self.assertLess(sorted(times)[15] - sorted(times)[5], 1.0)

    def test_rate_is_what_tcp_gets(self):
        for access, rate in ((0, 50), (1, 20)):
            result = self.download(WEB_IPV4, 8 * MIB, mptcp=False, address=f"10.{access + 1}.0.2")
            self.assertLess(result.mbps, rate)
            self.assertGreater(result.mbps, rate * 0.75)

    def test_frames_arrive_with_finished_checksums_and_none_is_lost_by_the_emulator_itself(self):
        self.download(WEB_IPV4, MIB, mptcp=False)
        for emulator in self.testbed.emulators:
            for direction in ("forward", "backward"):
                stats = emulator.stats()[direction]
                self.assertEqual(stats["checksum_unfinished"], 0)
                for reason in ("pool", "oversize", "receive", "transmit", "loss"):
                    self.assertEqual(stats["drops"][reason], 0, reason)

    def test_a_link_that_is_down_swallows_everything_until_it_is_up(self):
        emulator = self.testbed.emulators[0]
        emulator.command("down")
        try:
            self.assertEqual(self.ping(0, 3), [])
        finally:
            emulator.command("up")
        self.assertEqual(len(self.ping(0, 3)), 3)

    def test_one_direction_can_die_alone(self):
        emulator = self.testbed.emulators[0]
        before = emulator.stats()["backward"]["drops"]["down"]
        emulator.command("backward down")
        try:
            self.assertEqual(self.ping(0, 3), [])
        finally:
            emulator.command("up")
        self.assertGreaterEqual(emulator.stats()["backward"]["drops"]["down"] - before, 3)

    def test_a_destination_can_be_dropped_alone(self):
        emulator = self.testbed.emulators[0]
        emulator.command(f"drop-dst {WEB_IPV4}")
        try:
            self.assertEqual(self.ping(0, 3), [])
            self.testbed.wait_for_path(0, timeout=2)
        finally:
            emulator.command("drop-dst none")
        self.assertEqual(len(self.ping(0, 3)), 3)

    def test_a_bad_command_is_refused(self):
        with self.assertRaisesRegex(ValueError, "colour"):
            self.testbed.emulators[0].command("colour red")

    def test_ipv6_goes_the_same_way(self):
        traffic = self.watch_accesses()
        self.download(WEB_IPV6, MIB, mptcp=False)
        self.assertGreater(traffic.down()[0], MIB)


class UnlimitedAccess(TestbedCase):
    """The emulator must not be the bottleneck of what runs through it."""

    accesses = [Access()]

    @classmethod
    def prepare(cls) -> None:
        cls.testbed.give_proxy_to_kernel()
        cls.testbed.wait_for_path(0)

    def test_it_carries_a_gigabit_a_second(self):
        # The best of three: the machine may be busy with something else.
        best = max(self.download(WEB_IPV4, 256 * MIB, mptcp=False).mbps for _ in range(3))
        self.assertGreater(best, 1000)


class ConvertClient(TestbedCase):
    """Our Convert client against a converter made of kernel sockets."""

    accesses = [Access(50_000_000, 5)]

    @classmethod
    def prepare(cls) -> None:
        cls.testbed.give_proxy_to_kernel()
        cls.testbed.wait_for_path(0)
        cls.testbed.proxy.sysctl(net__ipv4__tcp_fastopen=0x207)
        words = [sys.executable, ROOT / "testbed/kernel_converter.py", "--port", "5124"]
        converter = cls.testbed.proxy.start(words, "kernel-converter")
        cls.addClassCleanup(converter.stop)
        wait_until(lambda: "listening" in converter.output(), 5, "the kernel converter")

    def convert(self, *words: str) -> dict:
        command = [sys.executable, ROOT / "testbed/convert_client.py", "--converter", "10.1.0.1:5124", *words]
        return json.loads(self.testbed.client.run(command, check=False).splitlines()[-1])

    def test_the_connect_travels_in_the_syn_beside_mp_capable(self):
        file = self.testbed.directory / "syn.pcap"
        capture = self.testbed.client.capture("acc0", file)
        report = self.convert("--server", f"{WEB_IPV4}:80", "get", "small")
        time.sleep(0.2)
        capture.stop()
        self.assertTrue(report["ok"], report)
        text = self.testbed.client.run(
            ["tcpdump", "-nr", file, "-x", "tcp dst port 5124 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"]
        )
        self.assertIn("mptcp", text, self.testbed.client.run(["tcpdump", "-nr", file]))
        packet = bytes.fromhex("".join("".join(line.split()[1:]) for line in text.splitlines() if "0x" in line.split(":")[0]))
        payload = packet[20 + (packet[32] >> 4) * 4 :]
        connect = parse_message(payload).find(CONNECT)
        self.assertEqual(unpack_connect(connect), (WEB_IPV4, 80))

    def test_an_upload_arrives(self):
        name, sha256 = self.web_file(2 * MIB)
        report = self.convert("--server", f"{WEB_IPV4}:80", "put", "up/converted", str(self.web.files / name))
        self.assertTrue(report["ok"], report)
        self.assertEqual(report["sha256"], sha256)
        self.assertEqual(sha256_of(self.web.received("converted")), sha256)

    def test_plain_tcp_works_too(self):
        name, sha256 = self.web_file(2 * MIB)
        report = self.convert("--tcp", "--server", f"{WEB_IPV4}:80", "get", name)
        self.assertTrue(report["ok"], report)
        self.assertEqual(report["sha256"], sha256)

    def test_an_error_tlv_is_reported(self):
        report = self.convert("--server", f"{WEB_IPV4}:81", "get", "small")
        self.assertFalse(report["ok"])
        self.assertEqual(report["convert_error"], 96)
