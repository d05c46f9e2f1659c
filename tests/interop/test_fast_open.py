"""Fast Open with the kernel on both sides of the proxy (RFC 7413)."""

import json
import sys

from harness import Access, InteropCase
from testbed.topology import WEB_IPV4, WEB_IPV6

PORT = 8080

SERVER = f"""
import socket
listener = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True, backlog=16)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(b"answer to " + connection.recv(100))
    connection.close()
"""

CLIENT = """
import json, socket, sys, time
host, port = sys.argv[1], int(sys.argv[2])
out = []
for i in range(2):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    start = time.monotonic()
    s.sendto(b"request", socket.MSG_FASTOPEN, (host, port))
    answer = b""
    while piece := s.recv(100):
        answer += piece
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    out.append({"answer": answer.decode(), "ms": (time.monotonic() - start) * 1000, "taken": bool(info[5] & 32)})
    s.close()
    time.sleep(0.2)
print(json.dumps(out))
"""


class FastOpen(InteropCase):
    """A client that asks and then brings its cookie; a server that gives one to the proxy."""

    accesses = [Access(100_000_000, 20, "lte")]

    @classmethod
    def prepare(cls) -> None:
        for side in (cls.testbed.client, cls.testbed.server):
            side.sysctl(net__ipv4__tcp_fastopen=3)
        cls.server = cls.testbed.server.start([sys.executable, "-c", SERVER], "fast-open-server")
        cls.addClassCleanup(cls.server.stop)
        names = ["access0"]
        cls.settings = cls.settings | {
            "listener": [{"name": "transparent", "kind": "transparent", "ports": names, "fast_open": "cookie"}],
            "server_leg": {"fast_open": "cookie"},
        }
        super().prepare()

    def request(self, host: str) -> None:
        before = self.tributaryd.counters()
        output = self.testbed.client.run([sys.executable, "-c", CLIENT, host, str(PORT)], timeout=self.seconds)
        first, second = json.loads(output.splitlines()[-1])
        for answer in (first, second):
            self.assertEqual(answer["answer"], "answer to request")
        now = self.tributaryd.counters()
        risen = {name: now[name] - before[name] for name in now if "FastOpen" in name and now[name] != before[name]}
        self.assertEqual(
            risen,
            {"TcpExtTCPFastOpenCookieReqd": 1, "TcpExtTCPFastOpenPassive": 1, "TcpExtTCPFastOpenActive": 1},
        )
        self.assertTrue(second["taken"], "TCPI_OPT_SYN_DATA: the kernel says its SYN's payload was acknowledged")
        self.assertLess(second["ms"], first["ms"] - 15, "a round trip less")

    def test_ipv4(self):
        self.request(WEB_IPV4)

    def test_ipv6(self):
        self.request(WEB_IPV6)
