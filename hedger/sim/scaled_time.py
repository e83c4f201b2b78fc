"""A clock that two processes share: it started at a known moment of the machine's and runs at a known speed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedClock:
    """Simulated time: `start_at` (ms since 1970) at the machine's monotonic time `monotonic0` (s), times `speed`."""

    start_at: int
    monotonic0: float
    speed: float

    @classmethod
    def from_now(cls, start_at: int, speed: float) -> SharedClock:
        """A clock that starts at this moment."""
        return cls(start_at=start_at, monotonic0=time.monotonic(), speed=speed)

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC, on the simulated clock; never goes back."""
        return self.start_at + int((time.monotonic() - self.monotonic0) * 1_000 * self.speed)

    def span(self, seconds: float) -> float:
        """How many real seconds `seconds` of this clock are."""
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the simulated clock."""
        await asyncio.sleep(self.span(seconds))
