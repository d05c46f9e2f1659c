"""Runs the benchmarks and gathers their figures.

    bench.py [NAME...] [--json FILE]

The figures relay and state come from the build's bench/tributary-bench, which prints for the reader and writes
{"NAME": {...}} to the file named by --json; `rivals` and `senders` are here. Without a name, the first three. The
programs bench/NAME/bench_NAME are microbenchmarks: they are run when named, and only print.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from testbed import rivals, senders
from testbed.paths import build_directory
from testbed.topology import end_on_signals


FIGURES = ["relay", "state", "rivals"]


def find_programs() -> dict[str, list[pathlib.Path | str]]:
    """Names of the compiled benchmarks and the commands that run them."""
    folder = build_directory() / "bench"
    programs = {p.parent.name: [p] for p in sorted(folder.glob("*/bench_*")) if p.name == f"bench_{p.parent.name}"}
    figures = folder / "tributary-bench"
    if figures.exists():
        programs |= {name: [figures, name] for name in ("relay", "state")}
    return programs


def run_program(name: str, command: list[pathlib.Path | str]) -> dict:
    """Runs one to its end; what it wrote as JSON, nothing if it is a microbenchmark."""
    if name not in FIGURES:
        subprocess.run(command, check=True)
        return {}
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([*command, "--json", file.name], check=True)
        return json.loads(pathlib.Path(file.name).read_text())


def main() -> int:
    programs = find_programs()
    known = sorted({*programs, *FIGURES, "senders"})
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--runs", type=int, default=5, help="of each rival (5) or sender")
    parser.add_argument("--only", default="", metavar="TEXT", help="senders: the rows whose link and algorithm contain it")
    options = parser.parse_args()
    for name in options.names:
        if name not in known:
            parser.error(f"no benchmark {name!r}; there are {', '.join(known)}")

    report: dict = {}
    status = 0
    with end_on_signals():  # what ends it raises KeyboardInterrupt, which is left to end it
        for name in options.names or FIGURES:
            print(f"== {name}", flush=True)
            try:
                if name == "rivals":
                    report["rivals"] = rivals.compare(options.runs)
                elif name == "senders":
                    report["senders"] = senders.compare(options.runs, options.only)
                elif name in programs:
                    report |= run_program(name, programs[name])
                else:
                    raise RuntimeError("it is not built")
            except (subprocess.CalledProcessError, RuntimeError, OSError, ValueError) as error:
                print(f"{name} failed: {error}", file=sys.stderr)
                status = 1
            if options.json:  # after each, so that a late failure loses nothing
                options.json.write_text(json.dumps(report, indent=2) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
