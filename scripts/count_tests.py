"""Counts the test cases of a ./scripts/test run: GoogleTest's JSON, meson's log for other tests, fuzzing, interop.

Prints what failed and, as the last line, "N passed, N failed".
"""

import json
import pathlib
import sys


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures: list[str] = []

    def add(self, name: str, ok: bool) -> None:
        if ok:
            self.passed += 1
        else:
            self.failures.append(name)


def count_gtest(tally: Tally, run: str, report: dict) -> int:
    """Adds the cases of one report; returns how many failed. Skipped and disabled ones count as neither."""
    failed = 0
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("result") != "COMPLETED":
                continue
            ok = not case.get("failures")
            failed += not ok
            tally.add(f"{run}: {suite['name']}.{case['name']}", ok)
    return failed


def count_meson(tally: Tally, results: pathlib.Path, log: pathlib.Path) -> None:
    """Each meson test: by its GoogleTest cases if it wrote any, else as one."""
    run = log.stem
    seen: set[pathlib.Path] = set()
    for line in log.read_text().splitlines():
        test = json.loads(line)
        program = pathlib.Path(test["command"][0]).name
        reports = sorted(set(results.joinpath(run).glob(f"{program}.json")) | set(results.joinpath(run).glob(f"{program}_[0-9]*.json")))
        ok, failed, whole = test["result"] in ("OK", "SKIP"), 0, bool(reports)
        for report in reports:
            if report in seen:
                continue
            seen.add(report)
            try:
                failed += count_gtest(tally, run, json.loads(report.read_text()))
            except ValueError:
                whole = False  # it died while writing
        if not whole and test["result"] != "SKIP":
            tally.add(f"{run}: {test['name']}", ok)
        elif not ok and failed == 0:
            tally.add(f"{run}: {test['name']} ended with {test['result']} though no case failed", False)


def count_lines(tally: Tally, file: pathlib.Path, run: str) -> None:
    if file.exists():
        for line in file.read_text().splitlines():
            verdict, _, name = line.partition(" ")
            tally.add(f"{run}: {name}", verdict == "passed")


def main() -> int:
    results = pathlib.Path(sys.argv[1])
    tally = Tally()
    for log in sorted(results.glob("*.testlog")):
        count_meson(tally, results, log)
    count_lines(tally, results / "fuzz", "fuzz")
    interop = results / "interop.json"
    if interop.exists():
        for case in json.loads(interop.read_text())["tests"]:
            tally.add(f"interop: {case['name']}", case["ok"])
    else:
        tally.add("interop: did not run to its end", False)
    steps = results / "failed-steps"
    # The interop run fails when a test of it does, which is already counted.
    for step in steps.read_text().splitlines() if steps.exists() else []:
        if step != "interop run" or not any(name.startswith("interop:") for name in tally.failures):
            tally.add(step, False)
    for name in tally.failures:
        print(f"FAILED {name}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
