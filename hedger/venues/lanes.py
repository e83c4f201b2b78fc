"""Rate lanes: cancels before orders before reconciliation before prices, each with a budget of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from asyncio_throttle import Throttler

from hedger.errors import AskAgain
from hedger.runtime.ports import Clock
from hedger.venues.watching import VenueObserver


class Lane(StrEnum):
    """What a request is for. An order never queues behind polls, and a cancel never behind an order."""

    CONTROL = "control"
    ORDERS = "orders"
    RECONCILE = "reconcile"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a lane may use: `requests` in each `period_s` (of the clock), and a share of the venue's request weight.

    `patience_s` is how long (of the clock) a request waits for its turn; at zero it passes at once or not at all.
    """

    requests: int
    period_s: float
    patience_s: float
    weight_share: float


class Barred(AskAgain):
    """A request was not sent, because its lane is spent or the venue asked for quiet."""


_BANNED_UNTIL = re.compile(r"until (\d{13})", re.ASCII)
_MINUTE_MS = 60_000
_LONGEST_MS = 3 * 24 * 60 * _MINUTE_MS


class Lanes:
    """One venue account's lanes, with what its answers say of the weight used and of being told to be quiet."""

    def __init__(
        self,
        *,
        account: str,
        clock: Clock,
        budgets: Mapping[Lane, Budget],
        weight_limits: Mapping[str, int],
        observer: VenueObserver,
    ) -> None:
        self._account = account
        self._clock = clock
        self._budgets = budgets
        self._limits = weight_limits
        self._observer = observer
        self._throttlers = {
            lane: Throttler(budget.requests, clock.span(budget.period_s), retry_interval=0.005)
            for lane, budget in budgets.items()
        }
        # Who waits stands in line: only the first looks whether there is room, however many wait.
        self._lines = {lane: asyncio.Lock() for lane in budgets}
        self._used: dict[str, tuple[int, int]] = {}
        self._quiet_until = 0
        self._banned_until = 0

    async def enter(self, lane: Lane, host: str) -> None:
        """Wait for the turn of one request; raises Barred when it must not be sent now.

        When the venue asks for quiet, only control passes; under a ban nothing does, for it would only prolong it.
        """
        self._heed_quiet(lane)
        budget = self._budgets[lane]
        used, limit = self.weight_used(host), self._limits.get(host, 0)
        if limit and used >= limit * budget.weight_share:
            raise Barred(f"{host} counts {used} of {limit} request weight this minute: the {lane} lane waits.")
        try:
            async with asyncio.timeout(self._clock.span(budget.patience_s)), self._lines[lane]:
                await self._throttlers[lane].acquire()
        except TimeoutError:
            raise Barred(f"the {lane} lane's budget of {budget.requests} in {budget.period_s} s is spent.") from None
        self._heed_quiet(lane)

    def _heed_quiet(self, lane: Lane) -> None:
        now = self._clock.now_ms()
        until = self._banned_until if lane is Lane.CONTROL else max(self._quiet_until, self._banned_until)
        if now < until:
            raise Barred(f"the venue asked for quiet: nothing is sent for another {(until - now) / 1000:.1f} s.")

    def weight_used(self, host: str) -> int:
        """The weight that the venue last counted for a host in this minute."""
        minute, used = self._used.get(host, (0, 0))
        return used if minute == self._clock.now_ms() // _MINUTE_MS else 0

    def answered(
        self, host: str, status: int, headers: Mapping[str, str], body: str, *, too_many: bool = False
    ) -> None:
        """Take from an answer what it says of weight and of quiet. `headers` has lower-case names.

        `too_many` says that the venue means a 429, whatever the status.
        """
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal():
            self._used[host] = (self._clock.now_ms() // _MINUTE_MS, int(used))
            self._observer.weight_used(self._account, host, int(used), self._limits.get(host, 0))
        if too_many or status in (418, 429):
            self._close(status, headers.get("retry-after", ""), body)

    def _close(self, status: int, retry_after: str, body: str) -> None:
        now = self._clock.now_ms()
        until = now + (int(retry_after) * 1000 if retry_after.isdecimal() else _MINUTE_MS * (5 if status == 418 else 1))
        if (named := _BANNED_UNTIL.search(body)) is not None:
            until = max(until, int(named[1]))
        until = min(until, now + _LONGEST_MS)
        if status == 418:
            self._banned_until = max(self._banned_until, until)
        else:
            self._quiet_until = max(self._quiet_until, until)
        self._observer.lanes_closed(self._account, until, f"HTTP {status}")
