"""One emulated access: a running tributary-link and its control socket.

    emulator.py SOCKET COMMAND      # sends one command to a running one
"""

import json
import os
import pathlib
import socket
import sys

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from testbed.namespace import Namespace, wait_until
from testbed.paths import find_program


class Emulator:
    """`forward` is from `left` to `right`; the topology has the client on the left."""

    def __init__(self, namespace: Namespace, left: str, right: str, directory: pathlib.Path, commands=(), seed: int = 1):
        self._path = directory / f"{left}-{right}.sock"
        self._reply_path = directory / f"{left}-{right}.reply"
        program = find_program("tributary-link")
        words = [program, left, right, "--control", self._path, "--seed", seed]
        for command in commands:
            words += ["--set", command]
        self.process = namespace.start(words, f"link-{left}")
        wait_until(lambda: '"ready"' in self.process.output() or not self.process.is_running(), 5, "the link emulator")
        if not self.process.is_running():
            raise RuntimeError(f"tributary-link: {self.process.output()}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._reply_path))
        self._socket.settimeout(5)

    def command(self, line: str) -> dict:
        """Sends one command ("down", "loss 1%", "forward rate 5M", "stats"...); ValueError if it is refused."""
        self._socket.sendto(line.encode(), str(self._path))
        reply = json.loads(self._socket.recv(65536))
        if "error" in reply:
            raise ValueError(f"tributary-link: {reply['error']}")
        return reply

    def stats(self) -> dict:
        return self.command("stats")

    def carried_bytes(self) -> tuple[int, int]:
        """Bytes delivered so far to the right and to the left."""
        stats = self.stats()
        return stats["forward"]["bytes"], stats["backward"]["bytes"]

    def stop(self) -> None:
        self._socket.close()
        self.process.stop()


def main() -> None:
    path, command = sys.argv[1], " ".join(sys.argv[2:])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.bind(f"\0tributary-link-{os.getpid()}")
        sender.settimeout(5)
        sender.sendto(command.encode(), path)
        print(sender.recv(65536).decode(), end="")


if __name__ == "__main__":
    main()
