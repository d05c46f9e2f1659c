"""nginx in the server namespace: serves files, takes uploads by PUT."""

import hashlib
import os
import pathlib

from testbed.namespace import Namespace, wait_until

_CONFIGURATION = """
daemon off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log;
worker_processes {workers};
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 80 backlog=4096;
    listen [::]:80 backlog=4096;
    root {directory}/files;
    location /up/ {{
      root {directory}/received;
      client_body_in_file_only clean;
      dav_methods PUT DELETE;
      create_full_put_path on;
    }}
  }}
}}
"""


class Nginx:
    """A running nginx; `files` is what it serves, `received` where uploads to /up/NAME arrive."""

    def __init__(self, namespace: Namespace, directory: pathlib.Path, workers: int = 1):
        self.directory = directory / "nginx"
        self.files = self.directory / "files"
        for path in (self.files, self.directory / "received" / "up", self.directory / "body"):
            path.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(directory=self.directory, workers=workers))
        (self.files / "small").write_bytes(b"x" * 64)
        words = ["nginx", "-p", self.directory, "-c", configuration, "-e", self.directory / "nginx-error.log"]
        self.process = namespace.start(words, "nginx")
        listens = lambda: "LISTEN" in namespace.run(["ss", "-Hltn", "sport = :80"])  # noqa: E731
        wait_until(lambda: listens() or not self.process.is_running(), 5, "nginx to listen")
        if not self.process.is_running():
            raise RuntimeError(f"nginx: {self.process.output()}")

    def make_file(self, name: str, size: int) -> str:
        """A file of random bytes to download; returns its SHA-256."""
        return write_random_file(self.files / name, size)

    def received(self, name: str) -> pathlib.Path:
        return self.directory / "received" / "up" / name

    def stop(self) -> None:
        self.process.stop()


def write_random_file(path: pathlib.Path, size: int) -> str:
    """Fills `path` with `size` random bytes and returns their SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for start in range(0, size, 1 << 20):
            block = os.urandom(min(1 << 20, size - start))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def sha256_of(path: pathlib.Path) -> str:
    """SHA-256 of a file, or "" if there is none."""
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
