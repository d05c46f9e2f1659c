"""A minimal Convert server on kernel sockets, to try the client without tributaryd. Not the product.

It accepts SYN data (TCP Fast Open without cookies), reads one Connect, connects by plain TCP and relays. The kernel
answers the client's SYN before the server has answered, so it is not what RFC 8803 section 4.2 asks of a converter.
"""

import argparse
import pathlib
import socket
import sys
import threading
import time

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from testbed.convert_client import IPPROTO_MPTCP
from testbed.convert_message import CONNECT, ERROR, pack_message, receive_message, unpack_connect

TCP_FASTOPEN = 23


def relay(source: socket.socket, sink: socket.socket) -> None:
    """Copies until the end of `source`, then half-closes `sink`."""
    try:
        while block := source.recv(1 << 16):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            end.close()


def serve(client: socket.socket) -> None:
    with client:
        host, port = unpack_connect(receive_message(client).find(CONNECT))
        # The kernel never sends what is written before the handshake is over, unless the client sends data later.
        time.sleep(0.2)
        try:
            server = socket.create_connection((host, port), timeout=10)
        except ConnectionRefusedError:
            client.sendall(pack_message(bytes([ERROR, 1, 96, 0])))
            return
        server.settimeout(None)
        with server:
            client.sendall(pack_message())
            back = threading.Thread(target=relay, args=(server, client), daemon=True)
            back.start()
            relay(client, server)
            back.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 256)
    listener.bind(("::", options.port))
    listener.listen(256)
    print("listening", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
