"""The demonstration: a client with two accesses, tributaryd, a web server; 64 MB each way, transparent and with Convert.

Exit status 0 only if every checksum matches, each access carried at least 15 % of the bytes, goodput is at least 85 % of
the sum of the accesses, and Convert adds no more than 10 ms to the time to the first byte of a direct connection.
"""

import argparse
import dataclasses
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import time

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from testbed import paths, transfer
from testbed.namespace import Process
from testbed.nginx import Nginx, sha256_of
from testbed.topology import WEB_IPV4, Access, Testbed, end_on_signals
from testbed.tributaryd import CONVERT_PORT, Tributaryd

LEAST_SHARE = 0.15
LEAST_FRACTION = 0.85
MOST_ADDED_MS = 10.0
ACCESSES = [Access(50_000_000, 10, "dsl"), Access(20_000_000, 30, "lte")]
_SETUP_SAMPLES = 7
_TIMEOUT_SECONDS = 120


@dataclasses.dataclass
class Outcome:
    """One transfer of the demonstration."""

    seconds: float
    bytes: int
    sha256_ok: bool
    error: str
    carried: list[int]  # bytes of frames on each access, in the direction of the data

    def report(self, accesses: list[Access]) -> dict:
        """As it stands in the JSON file."""
        mbps = self.bytes * 8 / self.seconds / 1e6 if self.seconds else 0.0
        return {
            "mbps": round(mbps, 2),
            "fraction_of_sum": round(mbps * 1e6 / sum(access.rate for access in accesses), 4),
            "sha256_ok": self.sha256_ok,
            "paths": [
                {"name": access.name, "capacity_mbps": access.rate / 1e6, "bytes": carried}
                for access, carried in zip(accesses, self.carried)
            ],
        }


class Display:
    """Live rates of the accesses: one line that is rewritten on a terminal, a line every second elsewhere."""

    def __init__(self, title: str, testbed: Testbed, backward: bool, total_bytes: int):
        self._title = title
        self._testbed = testbed
        self._index = 1 if backward else 0
        self._total = total_bytes
        self._terminal = sys.stdout.isatty()
        self._period = 0.25 if self._terminal else 1.0
        self._start = self.carried()
        self._last, self._last_time = self._start, time.monotonic()

    def carried(self) -> list[int]:
        return [emulator.carried_bytes()[self._index] for emulator in self._testbed.emulators]

    def moved(self) -> list[int]:
        return [now - start for now, start in zip(self.carried(), self._start)]

    def update(self) -> None:
        now = time.monotonic()
        elapsed = now - self._last_time
        if elapsed < self._period:
            return
        carried = self.carried()
        rates = [(new - old) * 8 / elapsed / 1e6 for new, old in zip(carried, self._last)]
        self._last, self._last_time = carried, now
        columns = []
        for access, rate in zip(self._testbed.accesses, rates):
            capacity = access.rate / 1e6
            filled = min(10, round(10 * rate / capacity))
            columns.append(f"{access.name} [{'#' * filled:10}] {rate:5.1f}/{capacity:g} Mbit/s")
        share = min(1.0, sum(self.moved()) / self._total)
        line = f"{self._title:22} {share:4.0%}  " + "  ".join(columns)
        print(f"\r{line}\x1b[K" if self._terminal else line, end="" if self._terminal else "\n", flush=True)

    def close(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)


class Demonstration:
    """What runs inside the testbed."""

    def __init__(self, testbed: Testbed, size: int):
        self._testbed = testbed
        self._size = size
        self.report: dict = {"transparent": {}, "convert": {}}
        self.errors: list[str] = []
        self.web = Nginx(testbed.server, testbed.directory)
        testbed.on_close(self.web.stop)
        self._sha256 = self.web.make_file("big", size)
        self.tributaryd: Tributaryd | None = None

    def run(self) -> None:
        print("direct connection, the kernel routing: ", end="", flush=True)
        self._testbed.give_proxy_to_kernel()
        self._testbed.wait_for_path(0)
        direct = self._measure_setup(["--direct"])
        print(f"{direct:.1f} ms to the first byte" if direct is not None else "failed")
        self._testbed.take_proxy_from_kernel()

        self.tributaryd = Tributaryd(self._testbed)
        self._testbed.on_close(self.tributaryd.stop)
        print("tributaryd is up\n")
        transparent, convert = self.report["transparent"], self.report["convert"]
        self._record(transparent, "transparent", "download", self._transparent_download)
        self._record(transparent, "transparent", "upload", self._transparent_upload)
        self._record(convert, "convert", "download", self._convert_download)
        self._record(convert, "convert", "upload", self._convert_upload)
        convert["setup_ms"] = self._measure_setup(self._converter())
        convert["direct_setup_ms"] = direct

    def _record(self, group: dict, group_name: str, name: str, action) -> None:
        display = Display(f"{group_name} {name}", self._testbed, name == "download", self._size)
        try:
            outcome = action(display)
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            outcome = Outcome(0, 0, False, str(error), display.moved())
        display.close()
        if outcome.error:
            self.errors.append(f"{group_name} {name}: {outcome.error}")
        group[name] = outcome.report(self._testbed.accesses)

    @staticmethod
    def _watch(process: Process, display: Display) -> None:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while process.is_running():
            if time.monotonic() > deadline:
                process.stop()
                raise TimeoutError(f"not finished after {_TIMEOUT_SECONDS} s")
            display.update()
            time.sleep(0.05)

    def _watch_curl(self, curl: transfer.Curl, display: Display) -> Outcome:
        self._watch(curl.process, display)
        result = curl.finish(10)
        return Outcome(result.seconds, result.bytes, result.ok, result.error, display.moved())

    def _transparent_download(self, display: Display) -> Outcome:
        return self._watch_curl(transfer.start_download(self._testbed.client, WEB_IPV4, "big", self._sha256), display)

    def _transparent_upload(self, display: Display) -> Outcome:
        curl = transfer.start_upload(self._testbed.client, self.web, WEB_IPV4, self.web.files / "big", self._sha256)
        return self._watch_curl(curl, display)

    def _converter(self) -> list[str]:
        return ["--converter", f"{self._testbed.accesses[0].gateway_ipv4}:{CONVERT_PORT}"]

    def _client_command(self, where: list, what: list) -> list:
        program = pathlib.Path(__file__).with_name("convert_client.py")
        return [sys.executable, program, *where, "--server", f"{WEB_IPV4}:80", *what]

    def _convert(self, what: list, file: pathlib.Path, display: Display) -> Outcome:
        process = self._testbed.client.start(self._client_command(self._converter(), what), "convert-client")
        self._watch(process, display)
        report = json.loads(process.output().splitlines()[-1])
        matches = bool(report["ok"]) and sha256_of(file) == self._sha256
        error = report.get("error", "") or ("" if matches else "the checksum differs")
        return Outcome(report["seconds"], report.get("bytes", 0), matches, error, display.moved())

    def _convert_download(self, display: Display) -> Outcome:
        file = self._testbed.directory / "convert-download"
        return self._convert(["get", "big", "--output", file], file, display)

    def _convert_upload(self, display: Display) -> Outcome:
        return self._convert(["put", "up/convert", self.web.files / "big"], self.web.received("convert"), display)

    def _measure_setup(self, where: list) -> float | None:
        """Median milliseconds to the first byte of a small response, each on a connection of its own."""
        samples = []
        for _ in range(_SETUP_SAMPLES):
            output = self._testbed.client.run(self._client_command(where, ["get", "small"]), timeout=40, check=False)
            report = json.loads(output.splitlines()[-1]) if output.strip() else {"ok": False, "error": "no output"}
            if not report["ok"]:
                self.errors.append(f"{where[0]}: {report.get('error')}")
                return None
            samples.append(report["setup_ms"])
        return round(statistics.median(samples), 2)


def judge(report: dict) -> list[str]:
    """What keeps the demonstration from having succeeded; empty if it has."""
    failures = []
    for group in ("transparent", "convert"):
        for name in ("download", "upload"):
            entry = report[group].get(name)
            if entry is None:
                failures.append(f"{group} {name}: did not run")
                continue
            if not entry["sha256_ok"]:
                failures.append(f"{group} {name}: incomplete, or the checksum differs")
            if entry["fraction_of_sum"] < LEAST_FRACTION:
                failures.append(f"{group} {name}: {entry['fraction_of_sum']:.0%} of the sum, at least {LEAST_FRACTION:.0%} wanted")
            total = sum(path["bytes"] for path in entry["paths"])
            for path in entry["paths"]:
                if total == 0 or path["bytes"] < LEAST_SHARE * total:
                    failures.append(f"{group} {name}: {path['name']} carried less than {LEAST_SHARE:.0%}")
    setup, direct = report["convert"].get("setup_ms"), report["convert"].get("direct_setup_ms")
    if setup is None or direct is None:
        failures.append("convert: the time to the first byte was not measured")
    elif setup > direct + MOST_ADDED_MS:
        failures.append(f"convert: first byte after {setup} ms, {direct} ms direct")
    return failures


def print_table(report: dict) -> None:
    names = [access.name for access in ACCESSES]
    print(f"\n{'':24}{'Mbit/s':>8}{'of sum':>8}  " + "".join(f"{name:>14}" for name in names) + "  checksum")
    for group in ("transparent", "convert"):
        for name in ("download", "upload"):
            entry = report[group].get(name)
            if entry is None:
                print(f"{group + ' ' + name:24}{'did not run':>16}")
                continue
            total = sum(path["bytes"] for path in entry["paths"]) or 1
            columns = "".join(f"{path['bytes'] / 1e6:7.1f} MB{path['bytes'] / total:4.0%}" for path in entry["paths"])
            verdict = "ok" if entry["sha256_ok"] else "WRONG"
            print(f"{group + ' ' + name:24}{entry['mbps']:8.1f}{entry['fraction_of_sum']:8.0%}  {columns}  {verdict}")
    setup, direct = report["convert"].get("setup_ms"), report["convert"].get("direct_setup_ms")
    print(f"time to the first byte: {setup} ms with Convert, {direct} ms direct\n")


def print_what_to_try(testbed: Testbed) -> None:
    enter = f"ip netns exec {testbed.client.name}"
    control = testbed.directory / "c1-p1.sock"
    print("It goes on running. In another terminal, as root:")
    print(f"  {enter} mptcpize run curl -o /dev/null http://{WEB_IPV4}/big")
    print(f"  {enter} ss -Mni")
    print(f"  ip netns exec {testbed.proxy.name} {paths.find_program('tributaryctl')} connections --socket-dir {testbed.directory}/tributaryd")
    print(f"  {sys.executable} {paths.ROOT}/testbed/emulator.py {control} down      # the second access dies (up, loss 1%, rate 5M...)")
    print("Ctrl-C ends it and cleans up.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", action="store_true", help="leave it running afterwards and print what to try")
    parser.add_argument("--size", type=int, default=64, metavar="MIB", help="of each transfer (64)")
    options = parser.parse_args()
    with end_on_signals():
        try:
            return demonstrate(options)
        except KeyboardInterrupt:
            print("\ninterrupted")
            return 130


def demonstrate(options: argparse.Namespace) -> int:
    with Testbed(ACCESSES) as testbed:
        demonstration = Demonstration(testbed, options.size << 20)
        try:
            demonstration.run()
        except (RuntimeError, FileNotFoundError, TimeoutError) as error:
            demonstration.errors.append(str(error))
        report = demonstration.report
        print_table(report)
        if options.json:
            options.json.write_text(json.dumps(report, indent=2) + "\n")
        failures = judge(report)
        for line in demonstration.errors + failures:
            print(f"FAILED: {line}")
        if not failures:
            print("All as it should be.")
        if options.keep:
            print_what_to_try(testbed)
            try:
                signal.pause()
            except KeyboardInterrupt:
                print()
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
