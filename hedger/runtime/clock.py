"""The real clock: wall time taken once, carried on by the machine's own clock, so that it never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable


def _since_boot() -> float:
    """Seconds since the machine started, those that it slept included where the platform can tell."""
    return time.clock_gettime(_STEADY)


# CLOCK_MONOTONIC stands still while a machine is suspended: what was read before would look fresh afterwards.
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`ports.Clock` in real time. Steps of the wall clock are not followed; the venues' offsets are measured.

    `wall` and `steady` give seconds; `wall` is asked once.
    """

    speed = 1.0

    def __init__(self, *, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _since_boot) -> None:
        self._steady = steady
        self._wall_ms = wall() * 1000
        self._steady_ms = steady() * 1000

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return int(self._wall_ms + self._steady() * 1000 - self._steady_ms)

    def span(self, seconds: float) -> float:
        """Real seconds are the event loop's seconds."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        import asyncio  # here, so that commands which only tell the time start without it

        await asyncio.sleep(seconds)


def wall_ns() -> int:
    """Nanoseconds since 1970 by the wall clock of this moment, which may be set: for what other processes read."""
    return time.time_ns()


def stopwatch() -> float:
    """Seconds on the machine's own counter: only differences mean something, and only for measurements."""
    return time.perf_counter()
