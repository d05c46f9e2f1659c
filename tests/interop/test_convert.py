"""Transfers through the Convert listener (RFC 8803)."""

import json
import sys

from harness import MIB, Access, InteropCase
from testbed.nginx import sha256_of
from testbed.paths import ROOT
from testbed.topology import WEB_IPV4, WEB_IPV6
from testbed.tributaryd import CONVERT_PORT


class Convert(InteropCase):
    """The Connect in the SYN, two accesses."""

    accesses = [Access(100_000_000, 5, "dsl"), Access(100_000_000, 10, "lte")]

    def convert(self, server: str, *words: str) -> dict:
        """Runs the Convert client to `server` ("10.20.0.1:80") and returns its report."""
        gateway = self.testbed.accesses[0]
        converter = f"[{gateway.gateway_ipv6}]" if server.startswith("[") else gateway.gateway_ipv4
        command = [sys.executable, ROOT / "testbed/convert_client.py", "--converter", f"{converter}:{CONVERT_PORT}"]
        output = self.testbed.client.run([*command, "--server", server, *words], timeout=self.seconds, check=False)
        return json.loads(output.splitlines()[-1])

    def check_download(self, server: str, *options: str, size: int = 16 * MIB) -> dict:
        name, sha256 = self.web_file(size)
        report = self.convert(server, *options, "get", name)
        self.assertTrue(report["ok"], report)
        self.assertEqual(report["sha256"], sha256)
        return report

    def check_upload(self, server: str, size: int = 16 * MIB) -> dict:
        name, sha256 = self.web_file(size)
        path = f"converted.{self.id()}"
        report = self.convert(server, "put", f"up/{path}", str(self.web.files / name))
        self.assertTrue(report["ok"], report)
        self.assertEqual(sha256_of(self.web.received(path)), sha256)
        return report

    def test_download_ipv4(self):
        self.check_download(f"{WEB_IPV4}:80")

    def test_upload_ipv4(self):
        self.check_upload(f"{WEB_IPV4}:80")

    def test_download_ipv6(self):
        self.check_download(f"[{WEB_IPV6}]:80")

    def test_upload_ipv6(self):
        self.check_upload(f"[{WEB_IPV6}]:80")

    def test_plain_tcp_client(self):
        self.check_download(f"{WEB_IPV4}:80", "--tcp", size=4 * MIB)

    def test_the_request_in_the_syn_too(self):
        self.check_download(f"{WEB_IPV4}:80", "--early-request", size=MIB)

    def test_first_byte_comes_after_two_round_trips(self):
        report = self.check_download(f"{WEB_IPV4}:80", size=1)
        # The SYN with the Connect, then the request: 10 ms each, and what programs take.
        self.assertLess(report["setup_ms"], 30)

    def test_a_server_that_refuses_is_error_96(self):
        report = self.convert(f"{WEB_IPV4}:81", "get", "nothing")
        self.assertEqual(report.get("convert_error"), 96, report)
