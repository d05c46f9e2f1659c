"""A sender beside Linux: one clean row of `./scripts/bench senders`, short enough for every run."""

import dataclasses
import unittest

import harness  # noqa: F401  (says where the testbed is)
from testbed.senders import LINKS, measure


class Senders(unittest.TestCase):
    """Each measurement makes a testbed of its own."""

    link = dataclasses.replace(next(link for link in LINKS if link.name == "100M 20 ms"), seconds=6)
    share = 0.9  # of Linux's goodput

    def test_cubic_carries_as_much_as_linux(self):
        figures = []
        for seed in (1, 2):  # the machine may be busy with something else
            ours, linux = (measure(self.link, "cubic", ours, seed)["mbps"] for ours in (True, False))
            figures.append(f"{ours:.1f} of Linux's {linux:.1f} Mbit/s")
            if ours >= self.share * linux:
                return
        self.fail("; ".join(figures))
