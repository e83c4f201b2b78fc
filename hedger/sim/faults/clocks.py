"""The clock of a process that began while the machine's wall clock was wrong."""

from __future__ import annotations

from hedger.model.spans import HOUR_MS
from hedger.runtime.ports import Clock
from hedger.sim.faults.strikes import Strikes


class SkewedClock:
    """A `Clock` as `SystemClock` is: it takes the wall time once, when it is made, and goes on by itself.

    A step of the wall clock later moves nothing; a process that begins while it is an hour off is an hour off.
    """

    def __init__(self, inner: Clock, strikes: Strikes) -> None:
        self._inner = inner
        self.skew_ms = 0
        if strikes.active("P11"):
            self.skew_ms = (-HOUR_MS, HOUR_MS)[strikes.variant("P11", 2)]
            strikes.tell("P11", f"the wall clock is {self.skew_ms // 1000} s off")

    @property
    def speed(self) -> float:
        """As the true clock's."""
        return self._inner.speed

    def span(self, seconds: float) -> float:
        """As the true clock's."""
        return self._inner.span(seconds)

    def now_ms(self) -> int:
        """What the process takes the time to be, in ms since 1970."""
        return self._inner.now_ms() + self.skew_ms

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await self._inner.sleep(seconds)
