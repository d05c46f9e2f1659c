"""What an interop test builds on: a testbed and a tributaryd for each class, and what must hold after every test.

After every test tributaryd is still running, all its pools and slabs are back at their start level, and neither it nor
the client's kernel has counted what a healthy pair never counts. A test that takes longer than its class allows fails.
"""

import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

from testbed import transfer  # noqa: E402
from testbed.namespace import Process, wait_until  # noqa: E402
from testbed.nginx import Nginx  # noqa: E402
from testbed.topology import Access, Testbed  # noqa: E402
from testbed.tributaryd import Tributaryd  # noqa: E402

MIB = 1 << 20

# What the client's kernel counts when its peer breaks the protocol, or fell back without need. MPTcpExtNoDSSInWindow is not
# among them: it rises now and then with data well inside the window that captures show.
KERNEL_COMPLAINTS = [
    "MPTcpExtMPCapableFallbackSYNACK", "MPTcpExtMPFallbackTokenInit", "MPTcpExtMPFailTx", "MPTcpExtMPFailRx",
    "MPTcpExtInfiniteMapTx", "MPTcpExtInfiniteMapRx", "MPTcpExtDSSNotMatching", "MPTcpExtDataCsumErr",
    "MPTcpExtDSSCorruptionFallback", "MPTcpExtDSSCorruptionReset", "MPTcpExtDssFallback",
    "MPTcpExtMPJoinSynAckHMacFailure", "MPTcpExtMPCapableDataFallback", "TcpInCsumErrors", "TcpExtPAWSEstab",
]  # fmt: skip
OUR_COMPLAINTS = [
    "DropMalformed", "DropIpChecksum", "TcpInCsumErrors", "MPTcpExtMPCapableFallbackACK", "MptcpFallback",
    "MPTcpExtMPJoinAckHMacFailure", "MPTcpExtDSSNotMatching", "MPTcpExtDataCsumErr", "MptcpAddAddrBadHmac",
    "MPTcpExtMPFailRx", "MPTcpExtMPFailTx", "TcpExtTCPAbortOnTimeout", "DropNoBuffer", "TxDropped",
]  # fmt: skip


class Overdue(Exception):
    """The test took longer than `seconds` of its class."""


class TestbedCase(unittest.TestCase):
    """A testbed and a web server for all tests of the class; nothing in the proxy namespace yet."""

    accesses: list[Access] = [Access(), Access()]
    subflows = 8
    seconds = 60

    testbed: Testbed
    web: Nginx

    @classmethod
    def setUpClass(cls) -> None:
        cls._start_clock()
        cls.addClassCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        cls.testbed = cls.enterClassContext(Testbed(cls.accesses, cls.subflows, seed=int(os.environ.get("SEED", "1"))))
        cls.web = Nginx(cls.testbed.server, cls.testbed.directory)
        cls.testbed.on_close(cls.web.stop)
        cls._files: dict[int, tuple[str, str]] = {}
        cls.prepare()
        signal.setitimer(signal.ITIMER_REAL, 0)

    @classmethod
    def prepare(cls) -> None:
        """More to set up for the class."""

    @classmethod
    def _start_clock(cls) -> None:
        def expire(_number, _frame):
            raise Overdue(f"not done after {cls.seconds} s")

        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, cls.seconds)

    def setUp(self) -> None:
        self._start_clock()
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def describe(self) -> str:
        """What helps to understand a failure."""
        return ""

    # For tests.

    def web_file(self, size: int) -> tuple[str, str]:
        """Name and SHA-256 of a file of `size` random bytes on the web server, made once for the class."""
        if size not in self._files:
            name = f"file{size}"
            self._files[size] = (name, self.web.make_file(name, size))
        return self._files[size]

    def download(self, host: str, size: int, **options) -> transfer.Result:
        result = transfer.download(self.testbed.client, host, *self.web_file(size), timeout=self.seconds, **options)
        self.assertTrue(result.ok, result.error)
        self.assertEqual(result.bytes, size)
        return result

    def upload(self, host: str, size: int, **options) -> transfer.Result:
        name, sha256 = self.web_file(size)
        result = transfer.upload(
            self.testbed.client, self.web, host, self.web.files / name, sha256, timeout=self.seconds, **options
        )
        self.assertTrue(result.ok, result.error)
        self.assertEqual(result.bytes, size)
        return result

    def watch_accesses(self) -> "Traffic":
        return Traffic(self.testbed)

    def stop_later(self, process: Process) -> Process:
        self.addCleanup(process.stop)
        return process


class Traffic:
    """Bytes each emulated access carried since this was made."""

    def __init__(self, testbed: Testbed):
        self._testbed = testbed
        self._start = self._read()

    def _read(self) -> list[tuple[int, int]]:
        return [emulator.carried_bytes() for emulator in self._testbed.emulators]

    def up(self) -> list[int]:
        return [now[0] - start[0] for now, start in zip(self._read(), self._start)]

    def down(self) -> list[int]:
        return [now[1] - start[1] for now, start in zip(self._read(), self._start)]


class InteropCase(TestbedCase):
    """With a tributaryd between client and server."""

    # Short, so that TIME-WAIT is over before the levels are compared.
    settings: dict = {"tcp": {"time_wait_s": 1, "fin_wait2_s": 5}}
    settle_seconds = 10
    # Complaints that belong to what a class tests.
    expected_complaints: set[str] = set()

    tributaryd: Tributaryd | None = None

    @classmethod
    def prepare(cls) -> None:
        cls._start_tributaryd()
        cls.addClassCleanup(cls._stop_tributaryd)

    @classmethod
    def _start_tributaryd(cls) -> None:
        cls.tributaryd = Tributaryd(cls.testbed, cls.settings)

    @classmethod
    def _stop_tributaryd(cls) -> None:
        if cls.tributaryd and cls.tributaryd.process.is_running():
            status = cls.tributaryd.stop()
            assert status == 0, f"tributaryd ended with status {status} on SIGTERM:\n{cls.tributaryd.process.output()[-4000:]}"

    def setUp(self) -> None:
        super().setUp()
        if not self.tributaryd.process.is_running():
            self._start_tributaryd()  # the test before this one has been blamed
        self._start_levels = self.tributaryd.levels()
        self.addCleanup(self._check_levels)
        self._start_complaints = self._complaints()
        self.addCleanup(self._check_complaints)

    def expect_complaint(self, *names: str) -> None:
        """This test makes these counters rise on purpose, at the client or at tributaryd."""
        self._start_complaints = {key: count for key, count in self._start_complaints.items() if key[1] not in names}

    def _complaints(self) -> dict[tuple[str, str], int]:
        kernel, ours = self.testbed.client.counters(), self.tributaryd.counters()
        counts = {("client", name): kernel.get(name, 0) for name in KERNEL_COMPLAINTS}
        counts |= {("tributaryd", name): ours[name] for name in OUR_COMPLAINTS}
        return {key: count for key, count in counts.items() if key[1] not in self.expected_complaints}

    def _check_complaints(self) -> None:
        if not self.tributaryd.process.is_running():
            return
        now = self._complaints()
        risen = {key: now[key] - count for key, count in self._start_complaints.items() if now[key] != count}
        self.assertFalse(risen, "counters of what should not happen have risen")

    def _check_levels(self) -> None:
        process = self.tributaryd.process
        if not process.is_running():
            self.fail(f"tributaryd ended with status {process.popen.returncode}")
        try:
            wait_until(lambda: self.tributaryd.levels() == self._start_levels, self.settle_seconds, "levels", 0.1)
        except TimeoutError:
            now = self.tributaryd.levels()
            differing = {name: (self._start_levels.get(name), level) for name, level in now.items()
                         if level != self._start_levels.get(name)}  # fmt: skip
            self.fail(f"pools and slabs are not back at their start level (start, now): {differing}")

    def describe(self) -> str:
        log = "\n".join(self.tributaryd.process.output().splitlines()[-25:]) if self.tributaryd else ""
        links = "\n".join(str(emulator.stats()) for emulator in self.testbed.emulators if emulator)
        return f"tributaryd printed at the end:\n{log}\nlinks:\n{links}"
