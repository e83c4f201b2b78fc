"""Time as a process had it: what it spent ready to run while the machine let others run is not counted.

A claim such as "within five seconds" is about the program; on a machine that is busy with other things the clock on the
wall says as much of those.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class FairTime:
    """Seconds since it was made, without those for which some process waited for a processor.

    It knows as much of a process that has ended as it was told at its last look.
    """

    def __init__(self, *processes: int) -> None:
        self._processes = (os.getpid(), *processes)
        self._began_at = time.monotonic()
        self._at_first = dict(waits(self._processes))
        self._at_last = dict(self._at_first)

    def look(self) -> None:
        """See how long each has waited by now."""
        self._at_last |= waits(self._processes)

    @property
    def seconds(self) -> float:
        """How long it was for them."""
        self.look()
        waited_s = sum(seconds - self._at_first.get(name, 0.0) for name, seconds in self._at_last.items())
        return time.monotonic() - self._began_at - waited_s

    def until(self, over: Callable[[], object], patience_s: float = 120.0) -> float:
        """Wait until something is over; how long it was for them. Waiting in vain fails the test."""
        while not over():
            self.look()
            assert time.monotonic() - self._began_at < patience_s, f"not over within {patience_s:.0f} s"
            time.sleep(0.02)
        return self.seconds


def waits_of_this_thread() -> float:
    """For how many seconds the thread that asks was ready to run and did not run."""
    with open("/proc/thread-self/schedstat", "rb", buffering=0) as told:
        return int(told.read(100).split()[1]) / 1e9


def waits(processes: tuple[int, ...]) -> dict[str, float]:
    """By thread, for how many seconds it was ready to run and did not run."""
    found = {}
    for process in processes:
        for told in Path(f"/proc/{process}/task").glob("*/schedstat"):
            with suppress(OSError):
                found[told.parent.name] = int(told.read_text().split()[1]) / 1e9
    return found
