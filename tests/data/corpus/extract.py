#!/usr/bin/env python3
"""Makes the seeds of fuzz_packet and fuzz_options from tests/data/pcaps: one packet of each layout of headers and
options, as an Ethernet frame with at most 16 bytes of payload, and the option area alone. Some frames that no capture
holds (ARP, Neighbour Discovery, ICMP errors, extension headers, a VLAN tag) are written out below."""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
COOKED = 20  # Linux cooked v2, the captures' link-layer header
PAYLOAD = 16


def packets(path):
    data = path.read_bytes()
    offset = 24
    while offset < len(data):
        size = struct.unpack_from("<I", data, offset + 8)[0]
        yield data[offset + 16:offset + 16 + size]
        offset += 16 + size


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def shorten(packet, ip_size, tcp_size):
    """Cuts the payload and puts the IP header right."""
    packet = bytearray(packet[:ip_size + tcp_size + PAYLOAD])
    if packet[0] >> 4 == 4:
        struct.pack_into("!HHBBBB", packet, 2, len(packet), 0x1234, 0x40, 0, 64, 6)
        packet[10:12] = b"\0\0"
        struct.pack_into("!H", packet, 10, checksum(bytes(packet[:ip_size])))
    else:
        struct.pack_into("!H", packet, 4, len(packet) - 40)
    return bytes(packet)


def layout(area):
    """Kinds, lengths, and of MPTCP the subtype and flags."""
    shape = []
    i = 0
    while i < len(area):
        kind = area[i]
        length = 1 if kind < 2 else area[i + 1]
        shape.append((kind, length, bytes(area[i + 2:i + 4]) if kind == 30 and area[i + 2] >> 4 in (0, 2) else
                      area[i + 2] >> 4 if kind == 30 else None))
        i += length
    return tuple(shape)


ETHERNET = bytes.fromhex("025e00000001025e00000002")
V4 = "c0000201c6336407"
V6 = "20010db8000000000000000000000001" "20010db8000000000000000000000002"
BY_HAND = {
    "arp-request": "0806 0001080006040001025e00000002c0000202000000000000c0000201",
    "arp-vlan": "81000064 0806 0001080006040002025e00000001c0000201025e00000002c0000202",
    "icmp-echo": "0800 4500001e123440004001" "0000" + V4 + "08001234abcd00076162",
    "icmp-fragmentation-needed": "0800 45000038123440004001" "0000" + V4 + "0304000000000578"
                                 "450005dc123440003f06" "0000" + V4 + "1f90c35001020304",
    "icmpv6-too-big": "86dd 60000000 0038 3aff" + V6 + "0200000000000500" "600000000500063f" + V6 + "1f90c35001020304",
    "neighbour-solicitation": "86dd 60000000 0020 3aff" + V6 +
                              "8700000000000000fe80000000000000025e00fffe0000010101025e00000002",
    "neighbour-advertisement": "86dd 60000000 0020 3aff" + V6 +
                               "88000000e0000000fe80000000000000025e00fffe0000010201025e00000002",
    "hop-by-hop-options-tcp": "86dd 60000000 0024 0040" + V6 + "3c00010400000000" "0600010400000000"
                              "1f90c35001020304a1a2a3a45010faf000000000",
    "routing-fragment-tcp": "86dd 60000000 0024 2b40" + V6 + "2c00000000000000" "0600000012345678"
                            "1f90c35001020304a1a2a3a45010faf000000000",
    "first-fragment": "86dd 60000000 0010 2c40" + V6 + "060000011234567801020304a1a2a3a4",
}

AREAS_BY_HAND = {
    "fast-open": "020405b40101040201030307220a010203040506070801011e040101",
    "fast-open-experimental": "020405b4fe08f98901020304",
    "user-timeout": "1c0480f0",
    "accurate-ecn": "0101080a0000000100000000ac0b000001000002ff000301",
    "accurate-ecn-second-order": "ae08010203040506",
    "add-addr-v6-port": "1e1e300420010db800000000000000000000000720fb9b4312325b5d473e0101",
    "add-addr-v6-echo": "1e14310420010db8000000000000000000000007",
    "remove-three": "1e06400304090101",
    "capable-extensible": "1e0c014199aabbccddeeff00",
    "dss-32-checksum": "1e142005ea2ce0d3b76ae9a60000000100056180",
    "four-sack-blocks": "010105220000000100000002000000030000000400000005000000060000000700000008",
}


def main():
    frames, areas = {}, {}
    for path in sorted((HERE.parent / "pcaps").glob("*.pcap")):
        for packet in packets(path):
            ether_type, packet = packet[:2], packet[COOKED:]
            v4 = packet[0] >> 4 == 4
            ip_size = 20 if v4 else 40
            tcp_size = (packet[ip_size + 12] >> 4) * 4
            area = packet[ip_size + 20:ip_size + tcp_size]
            shape = layout(area)
            areas.setdefault(shape, area)
            frames.setdefault((v4, shape), ETHERNET + ether_type + shorten(packet, ip_size, tcp_size))
    for name, seeds in (("options", areas), ("packet", frames)):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        for number, seed in enumerate(seeds.values()):
            (folder / f"capture-{number:03}").write_bytes(seed)
    for name, text in BY_HAND.items():
        (HERE / "packet" / name).write_bytes(ETHERNET + bytes.fromhex(text))
    for name, text in AREAS_BY_HAND.items():
        (HERE / "options" / name).write_bytes(bytes.fromhex(text))


if __name__ == "__main__":
    main()
