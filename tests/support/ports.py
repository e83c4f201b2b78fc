"""Ports for what tests start: free at this moment, and none that this machine hands out to whoever asks for any."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

LOWEST, ENOUGH = 20_000, 1_000
_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody listens on. What is started on it may take minutes to get there, and every connection that is
    made meanwhile takes a port of those that are handed out: it is none of them, where there are others."""
    highest = int(_HANDED_OUT.read_text().split()[0])
    chance = SystemRandom()  # another run beside this one must not find the same
    for _ in range(ENOUGH):
        with socket.socket() as held, suppress(OSError):
            held.bind(("127.0.0.1", chance.randrange(LOWEST, highest) if highest > LOWEST + ENOUGH else 0))
            return int(held.getsockname()[1])
    raise AssertionError("no port is free")
