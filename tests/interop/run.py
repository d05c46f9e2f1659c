"""Runs the interop tests: one line a test, then how many passed. Needs root.

    run.py [--json FILE] [--list] [PATTERN...]      # PATTERN: part of Class.test_name
"""

import argparse
import json
import pathlib
import sys
import time
import unittest

_HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent.parent)]

from testbed.topology import end_on_signals  # noqa: E402


def name_of(test) -> str:
    """Class.test, or what unittest calls the set-up of a class."""
    return ".".join(test.id().split(".")[-2:]) if "(" not in test.id() else test.id()


class LineResult(unittest.TestResult):
    """Prints each test as it ends."""

    def __init__(self):
        super().__init__()
        self.records: list[dict] = []
        self._start = time.monotonic()

    def startTest(self, test) -> None:
        super().startTest(test)
        self._start = time.monotonic()

    def _record(self, test, ok: bool, problem: str = "") -> None:
        # A test may fail in its body and again in a clean-up; it is one test.
        if self.records and self.records[-1]["name"] == name_of(test):
            self.records[-1]["ok"] &= ok
        else:
            seconds = round(time.monotonic() - self._start, 2)
            self.records.append({"name": name_of(test), "ok": ok, "seconds": seconds})
            print(f"{'ok' if ok else 'FAILED':6} {seconds:6.1f} s  {name_of(test)}", flush=True)
        if problem:
            print("\n".join("    " + line for line in problem.rstrip().splitlines()), flush=True)

    def _fail(self, test, error) -> None:
        problem = self._exc_info_to_string(error, test)
        try:
            problem += test.describe() if hasattr(test, "describe") else ""
        except Exception as secondary:  # the description must not hide the failure
            problem += f"(no description: {secondary})"
        self._record(test, False, problem)

    def addSuccess(self, test) -> None:
        self._record(test, True)

    def addFailure(self, test, err) -> None:
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err) -> None:
        super().addError(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(subtest, err)

    def addUnexpectedSuccess(self, test) -> None:
        super().addUnexpectedSuccess(test)
        self._record(test, False, "unexpected success")


def select(suite: unittest.TestSuite, patterns: list[str]) -> list[unittest.TestCase]:
    """The tests of `suite` whose name has one of `patterns` in it, in order."""
    tests: list[unittest.TestCase] = []
    for entry in suite:
        tests += select(entry, patterns) if isinstance(entry, unittest.TestSuite) else [entry]
    return [test for test in tests if not patterns or any(pattern in name_of(test) for pattern in patterns)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()

    tests = select(unittest.defaultTestLoader.discover(str(_HERE), "test_*.py", str(_HERE)), options.patterns)
    if options.list:
        print("\n".join(name_of(test) for test in tests))
        return 0
    result = LineResult()
    try:
        with end_on_signals():
            unittest.TestSuite(tests).run(result)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    failed = sum(not record["ok"] for record in result.records)
    passed = len(result.records) - failed
    if options.json:
        options.json.write_text(json.dumps({"tests": result.records}, indent=1) + "\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
