"""HAProxy in the proxy namespace on kernel MPTCP: what tributaryd is compared with."""

import pathlib

from testbed.namespace import Namespace, wait_until
from testbed.topology import WEB_IPV4

PORT = 8080

_CONFIGURATION = """
global
  maxconn 4000
  nbthread {threads}
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend access
  bind :{port}
  default_backend web
backend web
  server web {server}:80
"""

_BULK = """
listen bulk
  bind :{port}
  server bulk {server}:{port}
"""


class Haproxy:
    """TCP mode, any address of the proxy, port 8080, to the web server; `bulk_port` to the same port of the server.

    The kernel must have the proxy's addresses."""

    def __init__(self, namespace: Namespace, directory: pathlib.Path, mptcp: bool = True, bulk_port: int | None = None, threads: int = 1):
        configuration = directory / "haproxy.cfg"
        text = _CONFIGURATION.format(port=PORT, server=WEB_IPV4, threads=threads)
        configuration.write_text(text + (_BULK.format(port=bulk_port, server=WEB_IPV4) if bulk_port else ""))
        # HAProxy 2.6 has no mptcp addresses: mptcpize turns its sockets into MPTCP ones. So the server leg offers MPTCP too,
        # and falls back, as nginx takes plain TCP.
        words = (["mptcpize", "run"] if mptcp else []) + ["haproxy", "-db", "-f", configuration]
        self.process = namespace.start(words, "haproxy")
        listens = lambda: "LISTEN" in namespace.run(["ss", "-Hltn", f"sport = :{PORT}"])  # noqa: E731
        wait_until(lambda: listens() or not self.process.is_running(), 5, "HAProxy to listen")
        if not self.process.is_running():
            raise RuntimeError(f"haproxy: {self.process.output()}")

    def stop(self) -> None:
        self.process.stop()
