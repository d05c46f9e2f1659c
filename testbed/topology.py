"""The network everything runs in.

    client            links                        proxy                       server
    acc0  10.1.0.2 ── c0 [tributary-link 0] p0 ── access0 10.1.0.1
    acc1  10.2.0.2 ── c1 [tributary-link 1] p1 ── access1 10.2.0.1
                                                  server0 10.9.0.2 ────────── eth0 10.9.0.1, lo 10.20.0.1

IPv6 is the same with fd00:1::1 and so on. The web server is reached at 10.20.0.1 and fd00:20::1, behind a router, so that routes
are used. Addresses in the proxy's column belong to tributaryd; the kernel has them only after `give_proxy_to_kernel`.
All offloads are off on all ends: frames on the wire are what the stacks made. Access links may be direct veth pairs instead
of emulated ones, for speed.
"""

import atexit
import contextlib
import dataclasses
import os
import pathlib
import signal
import tempfile

from testbed import reaper
from testbed.emulator import Emulator
from testbed.namespace import Namespace, run, wait_until

WEB_IPV4, WEB_IPV6 = "10.20.0.1", "fd00:20::1"
SERVER_IPV4, SERVER_IPV6 = "10.9.0.1", "fd00:9::1"
PROXY_SERVER_SIDE_IPV4, PROXY_SERVER_SIDE_IPV6 = "10.9.0.2", "fd00:9::2"
POOL = ["10.9.0.10", "fd00:9::10"]

OFFLOADS = ["tso", "gso", "gro", "tx", "rx", "sg", "txvlan", "rxvlan"]
_ROUTE_TABLE = 100


@dataclasses.dataclass
class Access:
    """One access of the client. Rates in bit/s (None: unlimited), delays in ms one way."""

    rate: int | None = None
    delay_ms: float = 0
    name: str = ""
    emulated: bool = True
    queue: str | None = None  # "100p", "256K"; None: a bandwidth-delay product, at least 64 frames
    mtu: int = 1500
    index: int = 0

    @property
    def client_ipv4(self) -> str:
        return f"10.{self.index + 1}.0.2"

    @property
    def client_ipv6(self) -> str:
        return f"fd00:{self.index + 1}::2"

    @property
    def gateway_ipv4(self) -> str:
        return f"10.{self.index + 1}.0.1"

    @property
    def gateway_ipv6(self) -> str:
        return f"fd00:{self.index + 1}::1"

    def commands(self) -> list[str]:
        """What the emulator is told at start."""
        words = f"delay {self.delay_ms}ms"
        if self.rate is not None:
            round_trip_bytes = self.rate * self.delay_ms * 2 / 1000 / 8
            words += f" rate {self.rate} queue {self.queue or str(max(64, int(round_trip_bytes / 1514) + 1)) + 'p'}"
        return [words]


def clean_stale() -> None:
    """Removes namespaces of testbeds whose process is gone and whose reaper was killed too."""
    for name in reaper.list_namespaces(reaper.PREFIX):
        owner = name[len(reaper.PREFIX):].split("-")[0]
        if owner.isdigit() and not pathlib.Path(f"/proc/{owner}").exists():
            reaper.clean_up(f"{reaper.PREFIX}{owner}-", None)


def allow_congestion_control(name: str) -> contextlib.AbstractContextManager:
    """While it lasts a namespace may choose `name`: the kernel lets them choose only what the initial namespace allows."""

    @contextlib.contextmanager
    def allowed():
        path = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
        before = path.read_text().split()
        if name not in before:
            path.write_text(" ".join([*before, name]))
        try:
            yield
        finally:
            if name not in before:
                path.write_text(" ".join(before))

    return allowed()


class Testbed:
    """Context manager: the four namespaces, wired. Everything in it is gone when it is left, however that happens."""

    _count = 0

    def __init__(self, accesses: list[Access], subflows: int = 8, congestion_control: str = "cubic", seed: int = 1):
        if os.geteuid() != 0:
            raise PermissionError("the testbed makes network namespaces: run as root")
        self.accesses = [dataclasses.replace(a, index=i, name=a.name or f"access{i}") for i, a in enumerate(accesses)]
        self.emulators: list[Emulator | None] = []
        self._subflows = subflows
        self._congestion_control = congestion_control
        self._seed = seed
        self._reaper = None
        self._on_exit = contextlib.ExitStack()

    def __enter__(self) -> "Testbed":
        clean_stale()
        Testbed._count += 1
        self.prefix = f"{reaper.PREFIX}{os.getpid()}-{Testbed._count}-"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=self.prefix))
        self._reaper = reaper.start(self.prefix, self.directory)
        atexit.register(self.close)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stops what was registered with `on_close`, then lets the reaper take the rest away. May be called twice."""
        if self._reaper is None:
            return
        try:
            self._on_exit.close()
        finally:
            process, self._reaper = self._reaper, None
            process.stdin.close()
            process.wait(30)
            atexit.unregister(self.close)

    def on_close(self, callback, *arguments):
        self._on_exit.callback(callback, *arguments)

    # Building.

    def _build(self) -> None:
        self.client, self.links, self.proxy, self.server = (
            Namespace(self.prefix + name, self.directory) for name in ("client", "links", "proxy", "server")
        )
        for namespace in (self.links, self.proxy):
            # Here the kernel only carries frames; it must not answer, announce or route.
            namespace.sysctl(net__ipv6__conf__all__disable_ipv6=1, net__ipv6__conf__default__disable_ipv6=1)
        with allow_congestion_control(self._congestion_control):
            for namespace in (self.client, self.proxy, self.server):
                namespace.sysctl(
                    net__ipv4__tcp_congestion_control=self._congestion_control,
                    net__ipv4__tcp_no_metrics_save=1,  # one test must not teach the next
                    net__ipv4__ip_local_port_range="1024 65535",  # as many short connections as fit a minute of TIME-WAIT
                    net__ipv4__tcp_fastopen=0x7,  # SYN data without a cookie, also where the socket option is missing
                    net__ipv4__conf__all__rp_filter=0,
                    net__ipv4__conf__default__rp_filter=0,
                    net__ipv6__conf__all__accept_dad=0,
                    net__ipv6__conf__default__accept_dad=0,
                )
        for access in self.accesses:
            self._wire_access(access)
        self._wire_server()
        self._configure_client()

    def _pair(self, one: Namespace, one_name: str, other: Namespace, other_name: str, mtu: int = 1500) -> None:
        run(["ip", "link", "add", one_name, "netns", one.name, "mtu", mtu, "type", "veth",
             "peer", "name", other_name, "netns", other.name, "mtu", mtu])  # fmt: skip
        for namespace, name in ((one, one_name), (other, other_name)):
            settings = [word for offload in OFFLOADS for word in (offload, "off")]
            namespace.run(["ethtool", "-K", name, *settings])
            quiet = " arp off" if namespace in (self.links, self.proxy) else ""
            namespace.ip(f"link set {name} up txqueuelen 1000{quiet}")

    def _wire_access(self, access: Access) -> None:
        i = access.index
        if not access.emulated:
            self._pair(self.client, f"acc{i}", self.proxy, f"access{i}", access.mtu)
            self.emulators.append(None)
            return
        self._pair(self.client, f"acc{i}", self.links, f"c{i}", access.mtu)
        self._pair(self.links, f"p{i}", self.proxy, f"access{i}", access.mtu)
        emulator = Emulator(self.links, f"c{i}", f"p{i}", self.directory, access.commands(), self._seed + i)
        self.on_close(emulator.stop)
        self.emulators.append(emulator)

    def _wire_server(self) -> None:
        self._pair(self.proxy, "server0", self.server, "eth0")
        self.server.ip(
            f"address add {SERVER_IPV4}/24 dev eth0",
            f"address add {SERVER_IPV6}/64 dev eth0 nodad",
            f"address add {WEB_IPV4}/32 dev lo",
            f"address add {WEB_IPV6}/128 dev lo nodad",
            # The way back to clients whose address is preserved.
            f"route add default via {PROXY_SERVER_SIDE_IPV4} dev eth0",
            f"-6 route add default via {PROXY_SERVER_SIDE_IPV6} dev eth0",
        )

    def _configure_client(self) -> None:
        lines = []
        for access in self.accesses:
            device, table = f"acc{access.index}", _ROUTE_TABLE + access.index
            lines += [
                f"address add {access.client_ipv4}/24 dev {device}",
                f"address add {access.client_ipv6}/64 dev {device} nodad",
                f"route add default via {access.gateway_ipv4} dev {device} metric {100 + access.index}",
                f"-6 route add default via {access.gateway_ipv6} dev {device} metric {100 + access.index}",
                f"route add default via {access.gateway_ipv4} dev {device} table {table}",
                f"-6 route add default via {access.gateway_ipv6} dev {device} table {table}",
                f"rule add from {access.client_ipv4} lookup {table}",
                f"-6 rule add from {access.client_ipv6} lookup {table}",
            ]
        self.client.ip(*lines)
        mptcp = [f"mptcp limits set subflow {min(8, self._subflows)} add_addr_accepted {min(8, self._subflows)}"]
        for access in self.accesses:
            mptcp.append(f"mptcp endpoint add {access.client_ipv4} dev acc{access.index} subflow")
            mptcp.append(f"mptcp endpoint add {access.client_ipv6} dev acc{access.index} subflow")
        self.client.ip(*mptcp)

    # The proxy's side with the kernel in it: a router, or the host of a rival.

    def give_proxy_to_kernel(self) -> None:
        """The kernel of the proxy namespace gets tributaryd's addresses and forwards: clients reach servers directly."""
        self.proxy.sysctl(
            net__ipv6__conf__all__disable_ipv6=0,
            net__ipv6__conf__default__disable_ipv6=0,
            net__ipv4__ip_forward=1,
            net__ipv6__conf__all__forwarding=1,
        )
        lines = []
        for access in self.accesses:
            lines += [
                f"link set access{access.index} arp on",
                f"address add {access.gateway_ipv4}/24 dev access{access.index}",
                f"address add {access.gateway_ipv6}/64 dev access{access.index} nodad",
            ]
        lines += [
            "link set server0 arp on",
            f"address add {PROXY_SERVER_SIDE_IPV4}/24 dev server0",
            f"address add {PROXY_SERVER_SIDE_IPV6}/64 dev server0 nodad",
            f"route add {WEB_IPV4}/32 via {SERVER_IPV4}",
            f"-6 route add {WEB_IPV6}/128 via {SERVER_IPV6}",
        ]
        for name in self.proxy_interfaces():
            self.proxy.sysctl(**{f"net__ipv6__conf__{name}__disable_ipv6": 0})
        self.proxy.ip(*lines)

    def take_proxy_from_kernel(self) -> None:
        """The kernel forgets the addresses again, and everybody forgets its hardware addresses."""
        for name in self.proxy_interfaces():
            self.proxy.ip(f"address flush dev {name}", f"link set {name} arp off")
        self.proxy.sysctl(
            net__ipv4__ip_forward=0,
            net__ipv6__conf__all__forwarding=0,
            net__ipv6__conf__all__disable_ipv6=1,
            net__ipv6__conf__default__disable_ipv6=1,
        )
        for namespace in (self.client, self.server):
            namespace.ip("neigh flush all")

    def proxy_interfaces(self) -> list[str]:
        return [f"access{access.index}" for access in self.accesses] + ["server0"]

    def wait_for_path(self, access: int = 0, address: str | None = None, timeout: float = 10) -> None:
        """Until the proxy answers an echo request on this access."""
        target = address or self.accesses[access].gateway_ipv4
        wait_until(
            lambda: "1 received" in self.client.run(["ping", "-c1", "-W1", "-I", f"acc{access}", target], check=False),
            timeout,
            f"{target} to answer on access {access}",
        )

    def set_subflow_accesses(self, indices: list[int]) -> None:
        """From now on connections use only these accesses (the first is that of the default route)."""
        self.client.ip("mptcp endpoint flush")
        lines = []
        for access in self.accesses:
            if access.index in indices:
                lines.append(f"mptcp endpoint add {access.client_ipv4} dev acc{access.index} subflow")
                lines.append(f"mptcp endpoint add {access.client_ipv6} dev acc{access.index} subflow")
        self.client.ip(*lines)


@contextlib.contextmanager
def end_on_signals():
    """SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does, so that context managers run; SIGINT also in background
    jobs, whose shell has them ignore it."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
