"""The real clock: wall time taken once, carried on by the monotonic clock, so that it never goes back."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """`ports.Clock` in real time. Steps of the wall clock are not followed; the venues' offsets are measured."""

    speed = 1.0

    def __init__(self) -> None:
        self._wall_ms = time.time() * 1000
        self._monotonic_ms = time.monotonic() * 1000

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return int(self._wall_ms + time.monotonic() * 1000 - self._monotonic_ms)

    def span(self, seconds: float) -> float:
        """Real seconds are the event loop's seconds."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


def stopwatch() -> float:
    """Seconds on the machine's own counter: only differences mean something, and only for measurements."""
    return time.perf_counter()
