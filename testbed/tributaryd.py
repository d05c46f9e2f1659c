"""tributaryd in the proxy namespace: its configuration for the testbed, and what tributaryctl says about it."""

import json

from testbed import topology
from testbed.namespace import wait_until
from testbed.paths import find_program

CONVERT_PORT = 5124
_RING_FRAMES = 2048  # of 2 KiB: what arrives while the worker sleeps or another program has its core
_ANSWER_SECONDS = 30


def make_configuration(testbed: "topology.Testbed", socket_directory: str) -> dict:
    """For a tributaryd that owns every interface of the proxy namespace, with both kinds of listener: sections of keys,
    lists of sections where there are several."""
    accesses = testbed.accesses

    def port(number: int, name: str, addresses: list[str], mtu: int) -> dict:
        device = f"net_af_packet{number},iface={name},framecnt={_RING_FRAMES}"
        return {"name": name, "device": device, "addresses": addresses, "mtu": mtu}

    names = [f"access{access.index}" for access in accesses]
    ports = [
        port(a.index, name, [f"{a.gateway_ipv4}/24", f"{a.gateway_ipv6}/64"], a.mtu) for a, name in zip(accesses, names)
    ]
    server_addresses = [f"{topology.PROXY_SERVER_SIDE_IPV4}/24", f"{topology.PROXY_SERVER_SIDE_IPV6}/64"]
    return {
        "eal": {"hugepages": False, "memory_mb": 512},
        "port": [*ports, port(len(accesses), "server0", server_addresses, 1500)],
        "route": [
            {"destination": "0.0.0.0/0", "gateway": topology.SERVER_IPV4, "port": "server0"},
            {"destination": "::/0", "gateway": topology.SERVER_IPV6, "port": "server0"},
        ],
        "listener": [
            {"name": "transparent", "kind": "transparent", "ports": names},
            {"name": "convert", "kind": "convert", "ports": names, "listen_port": CONVERT_PORT},
        ],
        "server_leg": {"source": "pool", "pool": topology.POOL},
        "control": {"socket_dir": socket_directory},
    }


def write_toml(configuration: dict) -> str:
    """Sections and lists of sections, one level deep; values as JSON writes them, which TOML reads."""
    lines = []
    for name, sections in configuration.items():
        several = isinstance(sections, list)
        for section in sections if several else [sections]:
            lines.append(f"[[{name}]]" if several else f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in section.items()]
    return "\n".join(lines) + "\n"


class Tributaryd:
    """A running tributaryd. `settings` adds to the configuration: {"tcp": {"time_wait_s": 1}}; a list replaces a list."""

    def __init__(self, testbed: "topology.Testbed", settings: dict | None = None):
        self._testbed = testbed
        directory = testbed.directory / "tributaryd"
        directory.mkdir(exist_ok=True)
        self._socket_directory = directory
        configuration = make_configuration(testbed, str(directory))
        for name, section in (settings or {}).items():
            configuration[name] = section if isinstance(section, list) else configuration.get(name, {}) | section
        self.configuration = directory / "tributaryd.toml"
        self.configuration.write_text(write_toml(configuration))
        self.process = testbed.proxy.start([find_program("tributaryd"), "--config", self.configuration], "tributaryd")
        try:
            for access in testbed.accesses:
                wait_until(
                    lambda: not self.process.is_running() or self._answers(access), _ANSWER_SECONDS, "tributaryd to answer"
                )
            if not self.process.is_running():
                raise RuntimeError(f"tributaryd ended with status {self.process.popen.returncode}")
        except Exception as error:
            self.process.stop()
            raise RuntimeError(f"{error}; it printed:\n{self.process.output()}") from error

    def _answers(self, access: "topology.Access") -> bool:
        words = ["ping", "-c1", "-W0.5", "-I", f"acc{access.index}", access.gateway_ipv4]
        return " 1 received" in self._testbed.client.run(words, check=False)

    def ctl(self, *words: str):
        """What `tributaryctl WORDS... --json` prints."""
        program = find_program("tributaryctl")
        words = [program, *words, "--json", "--socket-dir", self._socket_directory]
        return json.loads(self._testbed.proxy.run(words, timeout=10))

    def status(self) -> dict:
        return self.ctl("status")

    def connections(self) -> list:
        return self.ctl("connections")["connections"]

    def counters(self) -> dict[str, int]:
        return self.ctl("counters")

    def levels(self) -> dict[str, int]:
        """How much of each pool and slab is in use."""
        status = self.status()
        buffers = {name: count for name, count in status["buffers"].items() if name.endswith("_in_use")}
        return status["connections"] | buffers

    def stop(self) -> int:
        """SIGTERM; returns the exit status, which is 0 if all is well."""
        return self.process.stop(10)
