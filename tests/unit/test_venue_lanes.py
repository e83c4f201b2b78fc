"""Lanes: an order never waits behind polls, weight is heeded, and quiet is kept."""

import asyncio
from dataclasses import dataclass

import pytest

from hedger.venues.binance.codes import BUDGETS, weight_of
from hedger.venues.deribit import codes as deribit
from hedger.venues.lanes import Barred, Budget, Lane, Lanes
from hedger.venues.quiet import Quiet
from hedger.venues.watching import Unwatched

HOST = "fapi.binance.com"
SMALL = {lane: Budget(requests=3, period_s=60, patience_s=0, weight_share=0.5) for lane in Lane}


@dataclass
class StillClock:
    """A clock that a test moves."""

    now: int = 1_790_000_000_000
    speed: float = 1.0

    def now_ms(self) -> int:
        return self.now

    def span(self, seconds: float) -> float:
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def lanes(clock: StillClock, budgets: dict[Lane, Budget] | None = None, **pools: str) -> Lanes:
    return Lanes(
        pools={f"{api}.binance.com": f"{other}.binance.com" for api, other in pools.items()},
        account="main",
        clock=clock,
        budgets=budgets or SMALL,
        weight_limits={HOST: 2400},
        observer=Unwatched(),
        quiet=Quiet("main", clock, Unwatched(), lambda _: None),
        weight_of=weight_of,
    )


def spend(lane: Lane, of: Lanes, times: int) -> int:
    """How many of so many requests pass."""

    async def run() -> int:
        passed = 0
        for _ in range(times):
            try:
                async with of.turn(lane, HOST):
                    passed += 1
            except Barred:
                pass
        return passed

    return asyncio.run(run())


def test_a_lane_has_a_budget_of_its_own() -> None:
    under = lanes(StillClock())
    assert spend(Lane.DATA, under, 5) == 3
    assert spend(Lane.ORDERS, under, 5) == 3
    assert spend(Lane.CONTROL, under, 1) == 1


def test_the_cancels_that_deribit_does_not_take_at_once_wait_until_it_takes_more() -> None:
    """To wait just as long as the lane is spent would be to wait for nothing, and to stand in line again."""
    under = lanes(StillClock(speed=8), dict(deribit.BUDGETS))

    async def passes() -> bool:
        try:
            async with under.turn(Lane.CONTROL, HOST):
                return True
        except Barred:
            return False

    async def run() -> list[bool]:
        return await asyncio.gather(*(passes() for _ in range(20)))

    assert all(asyncio.run(run()))


def test_the_order_lane_never_waits_and_control_has_the_most() -> None:
    assert BUDGETS[Lane.ORDERS].patience_s == 0
    shares = [BUDGETS[lane].weight_share for lane in Lane]
    assert shares == sorted(shares, reverse=True)


def test_a_period_is_of_the_clock_and_passes_faster_on_a_faster_one() -> None:
    budget = {lane: Budget(requests=1, period_s=1, patience_s=2, weight_share=1) for lane in Lane}
    assert spend(Lane.DATA, lanes(StillClock(speed=50), budget), 5) == 5


def test_used_weight_bars_prices_before_reconciliation_before_orders() -> None:
    clock = StillClock()
    under = lanes(clock, dict(BUDGETS))
    under.answered(HOST, 200, {"x-mbx-used-weight-1m": "1950"}, "")
    passed = {lane: spend(lane, under, 1) for lane in Lane}
    assert passed == {Lane.CONTROL: 1, Lane.ORDERS: 1, Lane.RECONCILE: 0, Lane.DATA: 0}
    clock.now += 60_000
    assert spend(Lane.DATA, under, 1) == 1, "the venue counts by the minute"


@pytest.mark.parametrize(("told", "used"), [("dapi.binance.com", "1950"), (HOST, "1950")])
def test_hosts_that_share_a_weight_bar_each_other(told: str, used: str) -> None:
    under = lanes(StillClock(), dict(BUDGETS), dapi="fapi")
    under.answered(told, 200, {"x-mbx-used-weight-1m": used}, "")
    assert under.weight_used(HOST) == under.weight_used("dapi.binance.com") == 1950
    assert {lane: spend(lane, under, 1) for lane in (Lane.ORDERS, Lane.DATA)} == {Lane.ORDERS: 1, Lane.DATA: 0}


def test_after_a_429_only_control_passes_until_it_is_over() -> None:
    clock = StillClock()
    under = lanes(clock)
    under.answered(HOST, 429, {"retry-after": "7"}, "")
    assert {lane: spend(lane, under, 1) for lane in Lane} == {
        Lane.CONTROL: 1,
        Lane.ORDERS: 0,
        Lane.RECONCILE: 0,
        Lane.DATA: 0,
    }
    clock.now += 7_000
    assert spend(Lane.DATA, under, 1) == 1


def test_under_a_ban_nothing_passes_until_the_moment_that_was_named() -> None:
    clock = StillClock()
    under = lanes(clock)
    under.answered(HOST, 418, {}, f"Way too many requests; IP banned until {clock.now + 900_000}.")
    assert spend(Lane.CONTROL, under, 1) == 0
    clock.now += 899_000
    assert spend(Lane.CONTROL, under, 1) == 0
    clock.now += 1_000
    assert spend(Lane.CONTROL, under, 1) == 1


def test_too_many_requests_by_the_venues_own_code_close_as_a_429_does() -> None:
    clock = StillClock()
    under = lanes(clock)
    under.answered(HOST, 400, {}, "", too_many=True)
    passed = {lane: spend(lane, under, 1) for lane in Lane}
    assert passed == {Lane.CONTROL: 1, Lane.ORDERS: 0, Lane.RECONCILE: 0, Lane.DATA: 0}
    clock.now += 60_000
    assert spend(Lane.DATA, under, 1) == 1


def test_a_ban_stays_a_ban_also_with_that_code() -> None:
    under = lanes(StillClock())
    under.answered(HOST, 418, {"retry-after": "9"}, "", too_many=True)
    assert spend(Lane.CONTROL, under, 1) == 0


@pytest.mark.parametrize("text", ["soon", "-5", "9" * 12, "9" * 5_000], ids=["word", "past", "long", "endless"])
def test_a_senseless_retry_after_closes_for_a_bounded_while(text: str) -> None:
    clock = StillClock()
    under = lanes(clock)
    under.answered(HOST, 429, {"retry-after": text}, "")
    assert spend(Lane.DATA, under, 1) == 0
    clock.now += 3 * 24 * 3_600_000
    assert spend(Lane.DATA, under, 1) == 1
