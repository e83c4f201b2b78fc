"""Creates that arrive long after they were asked to be refused, and orders that a venue takes off after its yes."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any, cast

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, Reason
from hedger.model.instrument import Instrument
from hedger.model.message import OrderOutcomeUnknown, PlaceOrder
from hedger.model.order import OrderReport, RejectReason, ReportStatus
from hedger.runtime.ports import LeaveTaken, PlaceOutcome
from hedger.sim.nouns import Wallet
from hedger.sim.port import SimVenue
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, SYMBOL, Play, play
from tests.support.simulated_venue import LensVenue

POLICY = policy_of(hedge_of())
LATE_S = 25.0
WINDOW_MS = 30_000


class LateCreates:
    """A venue on which the next create is lost on the way, and arrives when its time to live is long over."""

    def __init__(self, inner: SimVenue) -> None:
        self._inner = inner
        self.late = True
        self.arriving: list[asyncio.Task[PlaceOutcome]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        if not self.late:
            return await self._inner.place(order, leave)
        self.late = False
        leave()
        self.arriving.append(asyncio.create_task(self._arrive(order)))
        return OrderOutcomeUnknown(client_order_id=order.client_order_id, text="lost on the way by the test")

    async def _arrive(self, order: PlaceOrder) -> PlaceOutcome:
        await asyncio.sleep(LATE_S)
        return await self._inner.place(replace(order, ttl_ms=WINDOW_MS), lambda: None)


def long_window(instrument: Instrument) -> Instrument:
    return replace(instrument, transit_ms=WINDOW_MS)


def late(venue: LensVenue) -> None:
    venue.rules = long_window
    venue.inner = cast("SimVenue", LateCreates(venue.inner))


def test_a_create_that_may_arrive_late_is_not_done_again_before_it_can_arrive_no_more(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: len(it.venue.placed) == 1, "sent")
        assert it.venue.placed[0].ttl_ms == 2_000, "what was asked for is asked for as ever"
        (order,) = it.state.orders.values()
        assert order.ttl_ms == WINDOW_MS, "and what may happen all the same is what counts"
        await it.sleep(LATE_S - 1)
        assert len(it.venue.placed) == 1
        await it.until_hedged()
        await asyncio.gather(*cast("LateCreates", it.venue.inner).arriving)

    it = play(script, POLICY, tmp_path, prepare=late)
    assert abs(it.delta()) <= D("0.01")
    assert sum(trade.quantity for trade in it.trades) == D(1), "once"


# --- taken off after the yes ------------------------------------------------------------------------------------------


class TakesOff:
    """A venue that acknowledges every create and cancels it at once, as some do with a post-only that would cross."""

    def __init__(self, inner: SimVenue) -> None:
        self._inner = inner
        self.takes_off = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        outcome = await self._inner.place(order, leave)
        if self.takes_off:
            self._inner.exchange.cancel(OWNER, Wallet.LINEAR, SYMBOL, client_order_id=order.client_order_id)
        return outcome


def test_orders_that_the_venue_takes_off_are_capped_by_the_same_rest_as_refusals(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: it.decision.reason is Reason.RESTING_AFTER_ATTEMPTS, "rests")
        await it.until(lambda: len(it.venue.placed) == 5, "tried five times")
        at = it.clock.now_ms()
        await it.sleep(25)
        assert len(it.venue.placed) == 5, "and then the long rest"
        await it.sleep(60)
        assert len(it.venue.placed) <= 15, "never a storm"
        assert it.clock.now_ms() - at >= 85_000
        assert it.state.mode is Mode.HEDGING, "and it is neither a switch that fired nor somebody else"
        assert it.state.halted is None
        cast("TakesOff", it.venue.inner).takes_off = False
        await it.until_hedged()

    def prepare(venue: LensVenue) -> None:
        venue.inner = cast("SimVenue", TakesOff(venue.inner))

    it = play(script, POLICY, tmp_path, prepare=prepare)
    assert abs(it.delta()) <= D("0.01")


def because_it_may_only_reduce(report: OrderReport) -> OrderReport:
    ended = report.status is ReportStatus.CANCELED
    return replace(report, ended_because=RejectReason.RESTRICTED) if ended else report


def test_a_reason_that_the_venue_gives_with_the_end_counts_as_its_refusal(tmp_path: Path) -> None:
    """Accepted, then taken off because only reducing is allowed: the breaker hears of it as of a refusal."""

    async def script(it: Play) -> None:
        await it.until(lambda: it.decision.reason is Reason.RESTRICTED, "restricted")
        assert all(order.status is OrderStatus.CANCELED for order in it.state.orders.values())
        assert len(it.venue.placed) == 1

    def prepare(venue: LensVenue) -> None:
        venue.inner = cast("SimVenue", TakesOff(venue.inner))
        venue.report = because_it_may_only_reduce

    play(script, POLICY, tmp_path, prepare=prepare)
