"""relay_test.py PROGRAM: `tributary-bench relay` ends, relays what it is told in every scenario, and copies no payload.

The program itself fails when a relay loses something or keeps a buffer.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

SEGMENTS = 1000


def main(program: str) -> int:
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "relay.json"
        words = [program, "relay", "--runs", "1", "--segments", str(SEGMENTS), "--json", str(file)]
        subprocess.run(words, check=True, timeout=100)
        relay = json.loads(file.read_text())["relay"]
    scenarios = sum(len(ratio) if isinstance(ratio, dict) else 1 for ratio in relay["ratio_to_mac_swap"].values())
    assert scenarios >= 10, f"{scenarios} scenarios"
    assert relay["relayed_segments"] >= scenarios * SEGMENTS, relay["relayed_segments"]
    assert relay["payload_copies"] == 0, relay["payload_copies"]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
