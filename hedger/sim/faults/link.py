"""The way to the venue and back when the network is bad: what each leg loses and delays, and what the door says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from hedger.errors import AskAgain
from hedger.runtime.ports import Clock
from hedger.sim.faults.house import House, Quieting
from hedger.sim.port import Link

TIMEOUT_S = 10.0
CLASSES = ("place", "cancel", "account", "prices", "find_order", "fills", "clock", "switch")


class FaultyLink:
    """One process's way to a house, in front of a good link. `told` hears of each quiet that is asked for.

    `measured_ms` is how far the process takes the exchange's clock to be from the true time.
    """

    def __init__(self, inner: Link, house: House, clock: Clock, told: Callable[[Quieting], None]) -> None:
        self._inner, self._house, self._clock, self._told = inner, house, clock, told
        self._strikes = house.strikes
        # Of quiet it knows what its own requests were told, and what earlier processes had left in the journal.
        self.heard_until = house.heard_until
        self.measured_ms = 0
        self.doubt: Callable[[], None] = lambda: None

    async def request(self, what: str) -> None:
        """Carry a request to the exchange's door, and through it."""
        strikes = self._strikes
        if strikes.active("N01"):
            await self._lose("N01", what)
        if strikes.active("N02") and strikes.variant("N02", 3) == 0 and strikes.due("N02"):
            await self._lose("N02", f"request of {what}")
        if what == "place" and strikes.hits("V06", "a create is on its way for long"):
            await self._wait(strikes.draw("V06").uniform(2, 60))
        await self._inner.request(what)
        refused = self._house.refuses(what, self.measured_ms)
        if refused is None:
            return
        await self._inner.response(what)
        if isinstance(refused, Quieting):
            self.heard_until = max(self.heard_until, refused.until_at)
            self._house.heard_until = max(self._house.heard_until, refused.until_at)
            self._told(refused)
        elif "-1021" in str(refused):
            self.doubt()
        raise refused

    async def response(self, what: str) -> None:
        """Carry an answer back."""
        strikes = self._strikes
        if what == "place" and strikes.due("V01"):
            await self._lose("V01", "answer to a create")
        if strikes.active("N02") and strikes.variant("N02", 3) != 0 and strikes.due("N02"):
            await self._lose("N02", f"answer to {what}")
        if strikes.active("N01"):
            await self._lose("N01", f"answer to {what}")
        if strikes.active("N06") and CLASSES[strikes.variant("N06", len(CLASSES))] == what and strikes.due("N06"):
            strikes.tell("N06", what)
            await self._wait(strikes.draw("N06").uniform(3, 30))
        await self._inner.response(what)

    def news_ms(self) -> int:
        """How long a piece of streamed news travels."""
        return self._inner.news_ms()

    async def _lose(self, code: str, what: str) -> NoReturn:
        """Nobody hears anything for a while, then the connection is given up."""
        self._strikes.tell(code, what)
        await self._clock.sleep(self._strikes.draw(code).uniform(0.5, TIMEOUT_S - 0.5))
        raise AskAgain(f"{what}: the connection was lost.")

    async def _wait(self, seconds: float) -> None:
        """A delay; none outlasts the phase in which faults strike."""
        await self._clock.sleep(min(seconds, self._strikes.left_s))
