"""Network namespaces and the programs that run in them."""

import ctypes
import pathlib
import signal
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # Between fork and exec: the kernel ends the program if the testbed dies first.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class CommandFailed(Exception):
    """A command that should have worked did not; the message has what it printed."""


def run(command: list, timeout: float = 30, check: bool = True, input: str | None = None) -> str:
    """Runs a command to its end and returns what it printed."""
    words = [str(word) for word in command]
    result = subprocess.run(words, capture_output=True, text=True, timeout=timeout, input=input, check=False)
    if check and result.returncode != 0:
        raise CommandFailed(f"{' '.join(words)}: status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Process:
    """A program running in a namespace, its output in a file."""

    def __init__(self, name: str, popen: subprocess.Popen, log: pathlib.Path):
        self.name = name
        self.popen = popen
        self.log = log

    @property
    def pid(self) -> int:
        return self.popen.pid

    def is_running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, timeout: float) -> int:
        """The exit status; subprocess.TimeoutExpired if it takes longer."""
        return self.popen.wait(timeout)

    def stop(self, timeout: float = 5) -> int:
        """SIGTERM, then SIGKILL if that is not heeded. Returns the exit status (negative: the signal)."""
        if self.is_running():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(timeout)
        return self.popen.returncode

    def cpu_seconds(self) -> float:
        """Processor time used so far by all threads, user and system."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Namespace:
    """One network namespace. `directory` takes the logs of the programs started in it."""

    def __init__(self, name: str, directory: pathlib.Path):
        self.name = name
        self.directory = directory
        self._started = 0
        run(["ip", "netns", "add", name])
        self.ip("link set lo up")

    def ip(self, *lines: str) -> None:
        """Runs `ip` commands in the namespace, as one batch; those that begin with "-6 " after the others."""
        ipv6 = [line[3:] for line in lines if line.startswith("-6 ")]
        others = [line for line in lines if not line.startswith("-6 ")]
        for family, batch in (([], others), (["-6"], ipv6)):
            if batch:
                run(["ip", *family, "-n", self.name, "-batch", "-"], input="\n".join(batch) + "\n")

    def run(self, command: list, timeout: float = 30, check: bool = True) -> str:
        return run(["ip", "netns", "exec", self.name, *command], timeout, check)

    def start(self, command: list, name: str | None = None, environment: dict | None = None, **options) -> Process:
        """Starts a program in the background; it ends with the testbed at the latest."""
        words = [str(word) for word in command]
        name = name or pathlib.Path(words[0]).name
        self._started += 1
        log = self.directory / f"{self.name}.{self._started}.{name}.log"
        with open(log, "wb") as output:
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT} | options
            popen = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *words], preexec_fn=_die_with_parent, env=environment, **options
            )
        return Process(name, popen, log)

    def steer_receiving(self, cpu: int) -> None:
        """What arrives at any interface of the namespace is processed on this CPU (receive packet steering)."""
        # `ip netns exec` shows the namespace's own /sys/class/net.
        script = f"for queue in /sys/class/net/*/queues/rx-*/rps_cpus; do echo {1 << cpu:x} >$queue; done"
        self.run(["sh", "-c", script])

    def sysctl(self, **settings) -> None:
        """Sets sysctls of the namespace; a double underscore stands for a dot."""
        pairs = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        self.run(["sysctl", "-q", "-w", *pairs])

    def capture(self, interface: str, file: pathlib.Path, snap_bytes: int = 0) -> Process:
        """Captures an interface into a pcap file until stopped; returns when it listens."""
        process = self.start(["tcpdump", "-i", interface, "-w", file, "-U", "--immediate-mode", "-s", snap_bytes, "-Z", "root"], "tcpdump")
        wait_until(lambda: "listening on" in process.output() or not process.is_running(), 5, "tcpdump to listen")
        if not process.is_running():
            raise CommandFailed(f"tcpdump on {interface}: {process.output()}")
        return process

    def counters(self) -> dict[str, int]:
        """The kernel's own counters (nstat), as absolute values."""
        output = self.run(["nstat", "-asz"])
        rows = (line.split() for line in output.splitlines() if not line.startswith("#"))
        return {row[0]: int(row[1]) for row in rows if len(row) >= 2}

    def mptcp_sockets(self) -> str:
        return self.run(["ss", "-Mni"], check=False)


def wait_until(condition, timeout: float, what: str, interval: float = 0.02):
    """Polls `condition` until it is true and returns its value; TimeoutError naming `what` otherwise."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(interval)
