"""tributaryd as a sender of TCP beside Linux: the same congestion control, the same emulated link, in turn.

A plain TCP client downloads over one emulated access. Its sender is tributaryd's access leg, which relays from a server that
is never the bottleneck, or the proxy namespace's own kernel. Figures: goodput (iperf3, what arrived after the first seconds)
and the delay of the queue the sender keeps at the link (echo requests through the same queue, less those of the idle path).
Linux's bbr is version 1, which answers no losses; ours is version 3.
"""

import contextlib
import dataclasses
import json
import re
import statistics

from testbed import topology
from testbed.emulator import Emulator
from testbed.namespace import wait_until
from testbed.topology import Access, Testbed
from testbed.tributaryd import Tributaryd

_PORT = 5201
_IDLE_ECHOES = 5
_ALGORITHMS = {"cubic": "cubic", "reno": "newreno", "bbr": "bbr"}  # Linux's names, ours


@dataclasses.dataclass
class Link:
    """`faults` are commands of the emulator, for the direction of the data."""

    name: str
    rate: int
    delay_ms: float
    queue: str | None = None
    faults: tuple[str, ...] = ()
    seconds: int = 12
    omit: int = 3  # seconds at the start that do not count


# Where a path is long, a window takes minutes from one loss to the next: a short run's queue is that of where it falls.
LINKS = [
    Link("200M 2 ms", 200_000_000, 1, seconds=8, omit=2),
    Link("100M 20 ms", 100_000_000, 10, seconds=10, omit=2),
    Link("50M 100 ms", 50_000_000, 50, seconds=120, omit=5),
    Link("20M 600 ms", 20_000_000, 300, seconds=120, omit=15),
    Link("100M 20 ms, shallow", 100_000_000, 10, queue="25p"),
    Link("100M 20 ms, 0.1 % lost", 100_000_000, 10, faults=("loss 0.1%",)),
    Link("50M 40 ms, 1 % lost", 50_000_000, 20, faults=("loss 1%",)),
    Link("50M 40 ms, 2 % displaced", 50_000_000, 20, faults=("reorder-delay 5ms", "reorder 2%")),
]


def _queue_delay(idle: list[float], busy: list[float]) -> float:
    return max(0.0, statistics.mean(busy) - min(idle)) if busy else float("nan")


def _round_trips(output: str) -> list[float]:
    """Milliseconds, of what ping printed."""
    return [float(time) for time in re.findall(r"time=([0-9.]+) ms", output)]


def _start_sender(stack: contextlib.ExitStack, testbed: Testbed, ours: bool, algorithm: str) -> str:
    """Starts the sender and says what address to download from."""
    where = testbed.server if ours else testbed.proxy
    if ours:
        proxy = Tributaryd(testbed, {"tcp": {"congestion": _ALGORITHMS[algorithm]}})
        stack.callback(proxy.stop)
    else:
        testbed.give_proxy_to_kernel()
    sink = where.start(["iperf3", "--server", "--port", _PORT])
    stack.callback(sink.stop)
    wait_until(lambda: "LISTEN" in where.run(["ss", "-Hltn", f"sport = :{_PORT}"]), 5, "iperf3 to listen")
    return topology.WEB_IPV4 if ours else testbed.accesses[0].gateway_ipv4


def measure(link: Link, algorithm: str, ours: bool, seed: int) -> dict:
    """One download. Mbit/s that arrived, milliseconds of queue, what the link dropped."""
    access = Access(rate=link.rate, delay_ms=link.delay_ms, queue=link.queue)
    with Testbed([Access()], congestion_control=algorithm, seed=seed) as testbed, contextlib.ExitStack() as stack:
        host = _start_sender(stack, testbed, ours, algorithm)
        testbed.wait_for_path(0)
        emulator: Emulator = testbed.emulators[0]
        for command in access.commands():
            emulator.command(command)
        gateway = testbed.accesses[0].gateway_ipv4
        idle = _round_trips(testbed.client.run(["ping", "-c", _IDLE_ECHOES, "-i", "0.2", gateway], timeout=20))
        for fault in link.faults:
            emulator.command(f"backward {fault}")
        echoes = testbed.client.start(["ping", "-i", "0.1", gateway], name="ping")
        stack.callback(echoes.stop)
        words = ["iperf3", "--json", "--client", host, "--port", _PORT, "--time", link.seconds, "--omit", link.omit, "--reverse"]
        report = json.loads(testbed.client.run(words, timeout=(link.seconds + link.omit) * 2 + 30))
        if "error" in report:
            raise RuntimeError(f"iperf3: {report['error']}")
        echoes.stop()
        busy = _round_trips(echoes.output())[10 * link.omit :]
        stats = emulator.stats()["backward"]
        return {
            "mbps": report["end"]["sum_received"]["bits_per_second"] / 1e6,
            "queue_ms": _queue_delay(idle, busy),
            "dropped": stats["drops"]["queue"] / max(1, stats["offered_frames"]),
        }


def compare(runs: int = 3, only: str = "") -> dict:
    """Every link with every algorithm, in turn; medians. Rows whose name contains `only`."""
    rows = []
    print(f"{'link':26}{'control':8}{'tributary':>22}{'Linux':>22}{'ratio':>7}   Mbit/s (ms of queue)")
    for link in LINKS:
        for algorithm in _ALGORITHMS:
            if only not in f"{link.name} {algorithm}":
                continue
            results: dict[bool, list[dict]] = {True: [], False: []}
            for run in range(runs):
                for ours in (True, False):
                    results[ours].append(measure(link, algorithm, ours, seed=run + 1))
            row = {"link": link.name, "algorithm": algorithm}
            for ours, name in ((True, "tributary"), (False, "linux")):
                row[name] = {key: statistics.median(r[key] for r in results[ours]) for key in results[ours][0]}
            row["ratio"] = row["tributary"]["mbps"] / row["linux"]["mbps"]
            rows.append(row)
            cells = "".join(f"{row[n]['mbps']:13.2f} ({row[n]['queue_ms']:5.1f})".rjust(22) for n in ("tributary", "linux"))
            print(f"{link.name:26}{algorithm:8}{cells}{row['ratio']:7.2f}", flush=True)
    return {"runs": runs, "rows": rows}
