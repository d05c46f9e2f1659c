"""Cleans up after a testbed however it ends, also by SIGKILL.

Every testbed starts one reaper as a process of its own, holding the read end of a pipe. When the pipe closes, because the
testbed asked or because it died, the reaper ends every process left in the testbed's namespaces, deletes the namespaces and
removes its directory. There is no second clean-up path, so this one is always the tested one.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

PREFIX = "tb-"


def list_namespaces(prefix: str) -> list[str]:
    """Names of the network namespaces that begin with `prefix`."""
    output = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    names = (line.split()[0] for line in output.splitlines() if line.strip())
    return [name for name in names if name.startswith(prefix)]


def pids_in(namespace: str) -> list[int]:
    output = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in output.split() if int(word) != os.getpid()]


def end_processes(namespaces: list[str], grace_seconds: float = 3.0) -> None:
    """SIGTERM to what still runs in `namespaces`, SIGKILL to what does not heed it in time."""

    def send(number: int) -> bool:
        found = False
        for namespace in namespaces:
            for pid in pids_in(namespace):
                found = True
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        return found

    if not send(signal.SIGTERM):
        return
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline:
        if not any(pids_in(namespace) for namespace in namespaces):
            return
        time.sleep(0.05)
    send(signal.SIGKILL)


def clean_up(prefix: str, directory: pathlib.Path | None) -> None:
    namespaces = list_namespaces(prefix)
    end_processes(namespaces)
    for namespace in namespaces:
        subprocess.run(["ip", "netns", "delete", namespace], check=False)
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


def start(prefix: str, directory: pathlib.Path | None) -> subprocess.Popen:
    """A reaper for `prefix`; close its stdin to make it act."""
    return subprocess.Popen(
        [sys.executable, str(pathlib.Path(__file__)), prefix, str(directory or "")],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C at the terminal is not for the reaper
    )


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    prefix, directory = sys.argv[1], sys.argv[2]
    if not prefix.startswith(PREFIX) or len(prefix) <= len(PREFIX):
        sys.exit(f"refusing to clean up namespaces named {prefix!r}")
    sys.stdin.buffer.read()
    clean_up(prefix, pathlib.Path(directory) if directory else None)


if __name__ == "__main__":
    main()
