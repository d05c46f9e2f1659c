"""tributaryd beside HAProxy on kernel MPTCP, in the same namespaces, run by run in turn.

A client with two accesses (direct veth pairs, MTU 1500, all offloads off), 2 MPTCP subflows in, plain TCP out to the
server. Figures: Gbit/s of one and of eight connections in each direction (iperf3), new connections a second (wrk, one
request each). One worker against one thread, on a machine that client and server share; tributaryd naps when idle, as it
does by default: on two cores, polling without pause takes from its own peers.

A veth runs its receiver's TCP on the CPU of whoever sends. So that client and proxy do not do each other's work, what the
client receives is steered to CPU 0, as the interrupt of its own network card would be; for both rivals alike. tributaryd's
worker has the last CPU. HAProxy's thread and the kernel's work for it go where the scheduler puts them.
"""

import dataclasses
import json
import os
import statistics

from testbed import topology
from testbed.haproxy import Haproxy
from testbed.namespace import CommandFailed, wait_until
from testbed.nginx import Nginx
from testbed.topology import Access, Testbed
from testbed.tributaryd import Tributaryd

BULK_PORT = 5201
_BULK_SECONDS = 5
_CONNECTIONS_SECONDS = 5
_CONCURRENCY = 50
_WATCHED = ["MPTcpExtNoDSSInWindow", "MPTcpExtMPTCPRetrans", "MPTcpExtMPJoinSynAckRx"]


@dataclasses.dataclass
class Rival:
    """One way through the proxy namespace. `start` returns something with stop(); the ports are the client's to connect to."""

    name: str
    start: object
    host: str
    web_port: int


def _start_tributaryd(testbed: Testbed) -> Tributaryd:
    return Tributaryd(testbed, {"eal": {"lcores": str(max(os.sched_getaffinity(0)))}})


def _start_haproxy(testbed: Testbed) -> Haproxy:
    testbed.give_proxy_to_kernel()
    return Haproxy(testbed.proxy, testbed.directory, bulk_port=BULK_PORT)


RIVALS = [
    Rival("tributary", _start_tributaryd, topology.WEB_IPV4, 80),
    Rival("haproxy", _start_haproxy, "10.1.0.1", 8080),
]


def measure_bulk(testbed: Testbed, host: str, connections: int, download: bool) -> float:
    """Gbit/s that arrived."""
    words = ["mptcpize", "run", "iperf3", "--json", "--client", host, "--port", BULK_PORT, "--time", _BULK_SECONDS,
             "--parallel", connections, "--omit", 1]  # fmt: skip
    output = testbed.client.run([*words, *(["--reverse"] if download else [])], timeout=_BULK_SECONDS * 4 + 20)
    report = json.loads(output)
    if "error" in report:
        raise RuntimeError(f"iperf3: {report['error']}")
    return report["end"]["sum_received"]["bits_per_second"] / 1e9


def measure_connections(testbed: Testbed, host: str, port: int) -> tuple[float, int]:
    """Connections a second, each with one small request, and how many failed."""
    words = ["mptcpize", "run", "wrk", "--threads", 1, "--connections", _CONCURRENCY, "--duration", f"{_CONNECTIONS_SECONDS}s",
             "--header", "Connection: close", f"http://{host}:{port}/small"]  # fmt: skip
    output = testbed.client.run(words, timeout=_CONNECTIONS_SECONDS * 4 + 20)
    rate = errors = 0
    for line in output.splitlines():
        if line.startswith("Requests/sec:"):
            rate = float(line.split()[1])
        if "Socket errors:" in line:
            errors = sum(int(word.strip(",")) for word in line.split() if word.strip(",").isdigit())
    return rate, errors


def run_once(rival: Rival) -> dict:
    """All figures of one rival, in a testbed of its own."""
    with Testbed([Access(emulated=False), Access(emulated=False)]) as testbed:
        web = Nginx(testbed.server, testbed.directory)
        testbed.on_close(web.stop)
        sink = testbed.server.start(["iperf3", "--server", "--port", BULK_PORT])
        testbed.on_close(sink.stop)
        listens = lambda: "LISTEN" in testbed.server.run(["ss", "-Hltn", f"sport = :{BULK_PORT}"])  # noqa: E731
        wait_until(listens, 5, "iperf3 to listen")
        testbed.client.steer_receiving(cpu=0)
        proxy = rival.start(testbed)
        testbed.on_close(proxy.stop)
        for access in range(2):
            testbed.wait_for_path(access)
        figures = {}
        for connections in (1, 8):
            for download in (False, True):
                key = f"{'download' if download else 'upload'}_{connections}_gbps"
                figures[key] = measure_bulk(testbed, rival.host, connections, download)
        figures["connections_per_s"], figures["connection_errors"] = measure_connections(
            testbed, rival.host, rival.web_port
        )
        counters = testbed.client.counters()
        figures["client_counters"] = {name: counters.get(name, 0) for name in _WATCHED}
        return figures


FIGURES = ["upload_1_gbps", "download_1_gbps", "upload_8_gbps", "download_8_gbps", "connections_per_s"]


def compare(runs: int = 5) -> dict:
    """Interleaved runs; medians, smallest and greatest of each figure, and tributaryd's ratio to HAProxy."""
    results: dict[str, list[dict]] = {rival.name: [] for rival in RIVALS}
    for run in range(runs):
        for rival in RIVALS:
            try:
                figures = run_once(rival)
            except CommandFailed as error:
                raise RuntimeError(f"{rival.name}, run {run + 1}: {error}") from error
            results[rival.name].append(figures)
            print(f"{run + 1}/{runs} {rival.name:10}" + "".join(f"  {name} {figures[name]:.4g}" for name in FIGURES), flush=True)
    report: dict = {"runs": runs}
    for name, rows in results.items():
        report[name] = {}
        for figure in FIGURES:
            values = [row[figure] for row in rows]
            report[name][figure] = {"median": statistics.median(values), "least": min(values), "most": max(values)}
        report[name]["connection_errors"] = sum(row["connection_errors"] for row in rows)
        report[name]["client_counters"] = [row["client_counters"] for row in rows]
    print_table(report)
    return report


def print_table(report: dict) -> None:
    names = [rival.name for rival in RIVALS]
    print(f"\n{'median (least, most)':24}" + "".join(f"{name:>30}" for name in names) + f"{'ratio':>8}")
    for figure in FIGURES:
        cells = [report[name][figure] for name in names]
        columns = "".join(f"{cell['median']:10.4g} ({cell['least']:.4g}, {cell['most']:.4g})".rjust(30) for cell in cells)
        ratio = cells[0]["median"] / cells[1]["median"] if cells[1]["median"] else float("nan")
        print(f"{figure:24}{columns}{ratio:8.2f}")
    errors = ", ".join(f"{name} {report[name]['connection_errors']}" for name in names)
    print(f"failed connections: {errors}")
