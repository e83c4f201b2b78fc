"""Rate lanes: cancels before orders before reconciliation before prices, each with a budget and seats of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from asyncio_throttle import Throttler

from hedger.errors import AskAgain
from hedger.model.spans import MINUTE_MS
from hedger.runtime.ports import Clock
from hedger.venues.quiet import Quiet
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
    `seats` is how many may be under way together: connections are bounded, and slow polls must not hold them all.
    """

    requests: int
    period_s: float
    patience_s: float
    weight_share: float
    seats: int = 16


class Barred(AskAgain):
    """A request was not sent, because its lane is spent or the venue asked for quiet."""


class Spent(Barred):
    """A request was not sent because its lane is spent, which is our own doing: it says nothing of the venue."""


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
        quiet: Quiet,
        weight_of: Callable[[Mapping[str, str]], int | None] | None = None,
        pools: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`weight_of` reads the weight used from an answer's headers (lower-case names); without it, requests count.
        A host in `pools` has no weight of its own: it uses, and tells, that of another."""
        self.quiet = quiet
        self._account = account
        self._clock = clock
        self._budgets = budgets
        self._limits = weight_limits
        self._observer = observer
        self._weight_of = weight_of
        self._pools = pools
        self._throttlers = {
            lane: Throttler(budget.requests, clock.span(budget.period_s), retry_interval=0.005)
            for lane, budget in budgets.items()
        }
        # Who waits stands in line: only the first looks whether there is room, however many wait.
        self._lines = {lane: asyncio.Lock() for lane in budgets}
        self._seats = {lane: asyncio.Semaphore(budget.seats) for lane, budget in budgets.items()}
        self._used: dict[str, tuple[int, int]] = {}

    @asynccontextmanager
    async def turn(self, lane: Lane, host: str) -> AsyncIterator[None]:
        """Wait for the turn of one request, and hold its seat while it is under way.

        Raises Barred when it must not be sent now. When the venue asks for quiet, only control passes; under a ban
        nothing does.
        """
        self._heed_quiet(lane)
        self._heed_weight(lane, host)
        budget, seats = self._budgets[lane], self._seats[lane]
        try:
            async with asyncio.timeout(self._clock.span(budget.patience_s)), self._lines[lane]:
                await self._throttlers[lane].acquire()
                await seats.acquire()
        except TimeoutError:
            raise Spent(
                f"the {lane} lane's budget of {budget.requests} in {budget.period_s} s, {budget.seats} of them at "
                "once, is spent."
            ) from None
        try:
            self._heed_quiet(lane)
            if self._weight_of is None:
                self._count(self._pools.get(host, host), self.weight_used(host) + 1)
            yield
        finally:
            seats.release()

    def _heed_quiet(self, lane: Lane) -> None:
        now = self._clock.now_ms()
        until = self.quiet.banned_until if lane is Lane.CONTROL else self.quiet.until
        if now < until:
            raise Barred(f"the venue asked for quiet: nothing is sent for another {(until - now) / 1000:.1f} s.")

    def _heed_weight(self, lane: Lane, host: str) -> None:
        """What a complaint of the venue has taught does not hold back a cancel."""
        host = self._pools.get(host, host)
        used, limit = self.weight_used(host), self._limits.get(host, 0)
        learned = 1.0 if lane is Lane.CONTROL else self.quiet.share(host)
        if limit and used >= limit * self._budgets[lane].weight_share * learned:
            raise Barred(f"{host} counts {used} of {limit} request weight this minute: the {lane} lane waits.")

    def weight_used(self, host: str) -> int:
        """The weight that was last counted for a host in this minute."""
        minute, used = self._used.get(self._pools.get(host, host), (0, 0))
        return used if minute == self._clock.now_ms() // MINUTE_MS else 0

    def answered(
        self,
        host: str,
        status: int,
        headers: Mapping[str, str],
        body: str,
        *,
        too_many: bool = False,
        shut_out: bool = False,
    ) -> None:
        """Take from an answer what it says of weight and of quiet. `headers` has lower-case names.

        `too_many` says that the venue means a 429, `shut_out` that it means a ban, whatever the status.
        """
        host = self._pools.get(host, host)
        used = self._weight_of(headers) if self._weight_of is not None else None
        if used is not None:
            self._count(host, used)
        if status == 418 or shut_out:
            self.quiet.banned(headers, body, f"HTTP {status}")
        elif too_many or status == 429:
            self.quiet.paused(host, headers, body, f"HTTP {status}")

    def _count(self, host: str, used: int) -> None:
        self._used[host] = (self._clock.now_ms() // MINUTE_MS, used)
        self._observer.weight_used(self._account, host, used, self._limits.get(host, 0))
