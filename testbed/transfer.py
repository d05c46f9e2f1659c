"""HTTP transfers by curl over kernel MPTCP (or TCP), timed and checked."""

import dataclasses
import json
import pathlib

from testbed.namespace import Namespace, Process
from testbed.nginx import Nginx, sha256_of


@dataclasses.dataclass
class Result:
    """How a transfer went. `ok` means complete and the right bytes."""

    ok: bool
    bytes: int
    seconds: float
    first_byte_ms: float
    error: str = ""

    @property
    def mbps(self) -> float:
        return self.bytes * 8 / self.seconds / 1e6 if self.seconds > 0 else 0


class Curl:
    """One running transfer."""

    def __init__(self, process: Process, file: pathlib.Path, expected_sha256: str):
        self.process = process
        self._file = file  # where the bytes end up: at the client, or at the server for an upload
        self._expected = expected_sha256

    def is_running(self) -> bool:
        return self.process.is_running()

    def finish(self, timeout: float) -> Result:
        """Waits for the end and compares checksums."""
        status = self.process.wait(timeout)
        output = self.process.output()
        try:
            report = json.loads(output[output.rindex("{\"content") if "{\"content" in output else output.index("{"):])
        except ValueError:
            return Result(False, 0, 0, 0, f"curl: status {status}: {output}")
        error = "" if status == 0 else f"curl: status {status}: {report.get('errormsg')}"
        if not error and report["http_code"] not in (200, 201, 204):
            error = f"HTTP status {report['http_code']}"
        if not error and sha256_of(self._file) != self._expected:
            error = f"checksum of {self._file.name} differs"
        size = report["size_download"] + report["size_upload"]
        return Result(not error, int(size), report["time_total"], report["time_starttransfer"] * 1000, error)


def _start_curl(client: Namespace, words: list, mptcp: bool, address: str | None) -> Process:
    words = ["curl", "--silent", "--show-error", "--noproxy", "*", "--write-out", "%{json}", *words]
    if address:
        words += ["--interface", address]
    return client.start((["mptcpize", "run"] if mptcp else []) + words, "curl")


def url_of(host: str, path: str, port: int = 80) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{path}"


def start_download(
    client: Namespace, host: str, name: str, sha256: str, port: int = 80, mptcp: bool = True, address: str | None = None
) -> Curl:
    """Gets file `name`. `address` chooses the client's first address."""
    file = client.directory / f"download.{client._started}.{name}"
    process = _start_curl(client, ["--output", file, url_of(host, name, port)], mptcp, address)
    return Curl(process, file, sha256)


def start_upload(
    client: Namespace, server: Nginx, host: str, file: pathlib.Path, sha256: str, port: int = 80, mptcp: bool = True,
    address: str | None = None,
) -> Curl:  # fmt: skip
    """Puts `file` under a name of its own."""
    name = f"{client._started}.{file.name}"
    words = ["--output", "/dev/null", "--upload-file", file, "--header", "Expect:", url_of(host, f"up/{name}", port)]
    return Curl(_start_curl(client, words, mptcp, address), server.received(name), sha256)


def download(client: Namespace, host: str, name: str, sha256: str, timeout: float = 60, **options) -> Result:
    return start_download(client, host, name, sha256, **options).finish(timeout)


def upload(
    client: Namespace, server: Nginx, host: str, file: pathlib.Path, sha256: str, timeout: float = 60, **options
) -> Result:
    return start_upload(client, server, host, file, sha256, **options).finish(timeout)
