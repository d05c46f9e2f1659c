"""tributaryd in the proxy namespace: its configuration for the testbed, and what tributaryctl says about it."""

import json
import pathlib

from testbed import topology
from testbed.namespace import Process, run, wait_until
from testbed.paths import find_program

CONVERT_PORT = 5124
_RING_FRAMES = 2048  # of 2 KiB: what arrives while the worker sleeps or another program has its core


def write_configuration(testbed: "topology.Testbed", source: str = "pool", idle_backoff: bool = True, extra: str = "") -> str:
    """TOML for a tributaryd that owns every interface of the proxy namespace, with both kinds of listener."""
    lines = [
        "[eal]",
        "hugepages = false",
        "memory_mb = 512",
        'lcores = "0"',
        "[worker]",
        f"idle_backoff = {str(idle_backoff).lower()}",
    ]

    def add_port(number: int, name: str, addresses: list[str], mtu: int) -> None:
        device = f"net_af_packet{number},iface={name},framecnt={_RING_FRAMES}"
        lines.extend(["[[port]]", f'name = "{name}"', f'device = "{device}"', f"addresses = {json.dumps(addresses)}"])
        if mtu != 1500:
            lines.append(f"mtu = {mtu}")

    for access in testbed.accesses:
        add_port(access.index, f"access{access.index}", [f"{access.gateway_ipv4}/24", f"{access.gateway_ipv6}/64"], access.mtu)
    server_addresses = [f"{topology.PROXY_SERVER_SIDE_IPV4}/24", f"{topology.PROXY_SERVER_SIDE_IPV6}/64"]
    add_port(len(testbed.accesses), "server0", server_addresses, 1500)
    for destination, gateway in (("0.0.0.0/0", topology.SERVER_IPV4), ("::/0", topology.SERVER_IPV6)):
        lines += ["[[route]]", f'destination = "{destination}"', f'gateway = "{gateway}"', 'port = "server0"']
    ports = json.dumps([f"access{access.index}" for access in testbed.accesses])
    lines += ["[[listener]]", 'name = "transparent"', 'kind = "transparent"', f"ports = {ports}"]
    lines += ["[[listener]]", 'name = "convert"', 'kind = "convert"', f"ports = {ports}", f"listen_port = {CONVERT_PORT}"]
    lines += ["[server_leg]", f'source = "{source}"']
    if source == "pool":
        lines.append(f"pool = {json.dumps(topology.POOL)}")
    return "\n".join(lines) + "\n" + extra


class Tributaryd:
    """A running tributaryd. Takes the options of `write_configuration`."""

    def __init__(self, testbed: "topology.Testbed", **options):
        self._testbed = testbed
        directory = testbed.directory / "tributaryd"
        directory.mkdir(exist_ok=True)
        self.configuration = directory / "tributaryd.toml"
        self.configuration.write_text(write_configuration(testbed, **options))
        program = find_program("src/tributaryd")
        self.process: Process = testbed.proxy.start([program, "--config", self.configuration], "tributaryd")
        try:
            for access in testbed.accesses:
                wait_until(lambda: self._answers(access) or not self.process.is_running(), 30, "tributaryd to answer")
            if not self.process.is_running():
                raise RuntimeError("tributaryd ended")
        except Exception as error:
            self.process.stop()
            raise RuntimeError(f"{error}; it printed:\n{self.process.output()}") from error

    def _answers(self, access: "topology.Access") -> bool:
        words = ["ping", "-c1", "-W0.3", "-I", f"acc{access.index}", access.gateway_ipv4]
        return " 1 received" in self._testbed.client.run(words, check=False)

    def _ctl(self, *words: str):
        output = run(
            ["ip", "netns", "exec", self._testbed.proxy.name, find_program("src/tributaryctl"), *words, "--json"], timeout=10
        )
        return json.loads(output)

    def status(self) -> dict:
        return self._ctl("status")

    def connections(self) -> list:
        return self._ctl("connections")

    def counters(self) -> dict[str, int]:
        return self._ctl("counters")

    def stop(self) -> int:
        """SIGTERM; returns the exit status, which is 0 if all is well."""
        return self.process.stop(10)
