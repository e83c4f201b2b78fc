"""An event loop whose time a test moves on: an answer that never comes takes no time, and a busy machine uses none up.

A test of a deadline on real time needs one that is short, and then a loaded machine lets it pass before the request has
left. Here deadlines are as long as in production, and whoever keeps a client waiting lets them pass at that moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

# Of the loop's time: whoever waits for an answer here waits for less than a silence lasts.
PATIENCE_S, SILENCE_S = 20.0, 60.0

T = TypeVar("T")


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop on real sockets, whose time is the machine's and what was leapt over."""

    _leapt_s = 0.0

    def time(self) -> float:
        """Seconds of no particular beginning."""
        return super().time() + self._leapt_s

    def leap(self, seconds: float) -> None:
        """Whatever waits for less than so long is due at once."""
        self._leapt_s += seconds


class StandingClock:
    """A venue's clock that stands still but for sleeps, which nobody waits for."""

    speed = 1.0

    def __init__(self) -> None:
        self._now_ms = time.time() * 1000

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self._now_ms)

    def span(self, seconds: float) -> float:
        """As long as it says, on the loop's time."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Be later by so much."""
        self._now_ms += seconds * 1000
        await asyncio.sleep(0)


def in_leaps(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns on such a loop."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(work)


async def lapse(seconds: float) -> None:
    """Let so much of the loop's time pass: at once where it can leap."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, LeapingLoop):
        loop.leap(seconds)
        await asyncio.sleep(0)
    else:
        await asyncio.sleep(seconds)
