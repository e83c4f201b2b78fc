"""Breakers in the running daemon: refusals and lost answers stop creates, one order tries, repeats call a person."""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import BreakerLimits
from hedger.engine.known.state import Mode, Reason
from hedger.model.message import Operation, PlaceOrder, VenueQuieted
from hedger.model.order import RejectReason
from hedger.runtime.ports import LeaveTaken, PlaceOutcome
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.simulated_daemon import Play, play
from tests.support.simulated_venue import with_liquidation_at

POLICY = policy_of(hedge_of())
COINS = policy_of(hedge_of(), hedge_of("ETH", band=band("0.1")))
TWO_COINS = {"BTC": "1", "ETH": "5"}


def breaker(it: Play) -> Breaker:
    return it.state.accounts[ACCOUNT].breaker


def unknown(it: Play) -> int:
    return sum(order.status is OrderStatus.UNKNOWN for order in it.state.orders.values())


def shut(it: Play) -> Breaker | None:
    """The breaker that stops what adds risk: the account's, or that of its only refused instrument."""
    found = (breaker(it), *it.state.accounts[ACCOUNT].instrument_breakers.values())
    return next((b for b in found if b.status in (BreakerStatus.OPEN, BreakerStatus.RESTRICTED)), None)


async def until_shut(it: Play, within: float = 120) -> None:
    await it.until(lambda: shut(it) is not None, "shut", within=within)


@pytest.mark.parametrize(
    ("reason", "most", "mode"),
    [
        (RejectReason.INVALID_ORDER, 5, Mode.REDUCE_ONLY),
        (RejectReason.UNAVAILABLE, 2, Mode.REDUCE_ONLY),
        (RejectReason.INSUFFICIENT_MARGIN, 2, Mode.REDUCE_ONLY),
        (RejectReason.CLOCK, 5, Mode.CANCEL_ONLY),
        (RejectReason.NOT_AUTHORISED, 1, Mode.CANCEL_ONLY),
    ],
)
def test_in_a_storm_of_refusals_few_orders_leave_and_then_one_in_each_cool_down(
    reason: RejectReason, most: int, mode: Mode, tmp_path: Path
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = reason
        before = len(it.venue.placed)
        it.deposit("0.3")
        await until_shut(it)
        assert len(it.venue.placed) - before == most
        assert it.state.mode is mode
        assert reason.value in it.state.mode_reason
        stopping = shut(it)
        assert stopping is not None
        until_at = stopping.until_at
        await it.sleep((until_at - it.clock.now_ms()) / 1000 - 1)
        assert len(it.venue.placed) - before == most, "nothing tries during the cool-down"
        await it.sleep(6)
        assert len(it.venue.placed) - before == most + 1, "one order tried and was refused"
        assert shut(it) is not None
        it.venue.clear()
        await it.until_hedged(within=1_000)

    it = play(script, POLICY, tmp_path)
    found = (breaker(it), *it.state.accounts[ACCOUNT].instrument_breakers.values())
    assert {b.status for b in found} == {BreakerStatus.CLOSED}
    assert max(b.tripped for b in found) == 1


def test_half_open_exactly_one_of_two_hedges_lets_an_order_out(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = RejectReason.CLOCK
        it.deposit("0.3")
        it.deposit("2", "ETH")
        await until_shut(it)
        before = len(it.venue.placed)
        await it.until(lambda: len(it.venue.placed) > before, "one tries", within=60)
        await until_shut(it, within=5)
        assert len(it.venue.placed) == before + 1
        assert Reason.BREAKER in [d.reason for d in it.watcher.decisions], "the other one was denied"
        it.venue.clear()
        await it.until_hedged()

    play(script, COINS, tmp_path, spot=TWO_COINS)


def test_three_lost_answers_stop_creates_until_fewer_orders_are_of_unknown_fate(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.lose_creates = True
        it.venue.failing.add("order")
        for lost in range(1, 4):
            it.deposit("0.1")
            await it.until(lambda n=lost: unknown(it) == n, "lost", within=60)  # type: ignore[misc]
        await it.until(lambda: it.state.mode is Mode.CANCEL_ONLY, "stopped", within=2)
        assert "of unknown fate" in it.state.mode_reason
        before = len(it.venue.placed)
        it.deposit("0.1")
        await it.sleep(120)
        assert unknown(it) == 3
        assert len(it.venue.placed) == before
        it.venue.clear()
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert breaker(it).status is BreakerStatus.CLOSED
    assert it.truth.duplicate_client_ids == 0


def refusing(it: Play, refused: Callable[[PlaceOrder], RejectReason | None]) -> None:
    """From now on the venue refuses an order for this reason."""
    real = it.venue.place

    async def place(order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        it.venue.refuse = refused(order)
        return await real(order, leave)

    it.venue.place = place  # type: ignore[method-assign]


@pytest.mark.parametrize("reason", [RejectReason.INSUFFICIENT_MARGIN, RejectReason.UNAVAILABLE, RejectReason.CLOCK])
def test_near_its_liquidation_a_position_is_reduced_although_creates_were_refused(
    reason: RejectReason, tmp_path: Path
) -> None:
    """What adds was refused until the cool-down is long; what reduces is taken."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        refusing(it, lambda order: None if order.reduce_only else reason)
        it.deposit("0.3")
        await it.until(lambda: breaker(it).cooldown_ms >= 120_000, "shut for long", within=600)
        it.venue.reading = with_liquidation_at("0.05")
        await it.until(lambda: it.position() > D("-0.9"), "reduced", within=30)
        assert it.state.mode is Mode.REDUCE_ONLY

    it = play(script, POLICY, tmp_path)
    assert all(order.reduce_only for order in it.venue.placed[-1:])


def test_reductions_that_are_refused_themselves_go_out_every_half_minute_and_not_more_often(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = RejectReason.INSUFFICIENT_MARGIN
        it.venue.reading = with_liquidation_at("0.05")
        await it.sleep(90)
        before = len(it.venue.placed)
        await it.sleep(180)
        assert 4 <= len(it.venue.placed) - before <= 6
        it.venue.refuse = None
        await it.until(lambda: it.position() > D("-0.9"), "reduced", within=45)

    play(script, POLICY, tmp_path)


@pytest.mark.parametrize("reason", [RejectReason.UNAVAILABLE, RejectReason.INVALID_ORDER])
def test_one_bad_contract_stops_neither_the_other_one_nor_the_program(reason: RejectReason, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.checks.on = False
        refusing(it, lambda order: reason if "ETH" in order.id.symbol else None)
        it.deposit("1", "ETH")
        await it.sleep(90)
        own = it.state.accounts[ACCOUNT].instrument_breakers[perpetual("ETH")]
        assert own.status is not BreakerStatus.CLOSED
        for _ in range(3):
            it.deposit("0.1")
            await it.until(lambda: abs(it.delta()) <= D("0.01"), "BTC is hedged", within=30)
            await it.sleep(60)
        assert it.state.halted is None
        assert (breaker(it).tripped, it.state.mode) == (0, Mode.HEDGING)

    it = play(script, COINS, tmp_path, spot=TWO_COINS)
    own = it.state.accounts[ACCOUNT].instrument_breakers[perpetual("ETH")]
    assert own.cooldown_ms >= 60_000
    assert own.tripped == 1


def test_a_restricted_account_reduces_and_after_a_while_tries_to_add(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = RejectReason.RESTRICTED
        it.deposit("0.3")
        await it.until(lambda: breaker(it).status is BreakerStatus.RESTRICTED, "restricted")
        assert it.state.mode is Mode.REDUCE_ONLY
        it.venue.refuse = None
        before = len(it.venue.placed)
        await it.sleep(20)
        assert len(it.venue.placed) == before
        assert it.decision.reason is Reason.RESTRICTED
        it.deposit("-0.5")
        await it.until(lambda: abs(it.position()) < D("0.9"), "reduced", within=60)
        assert all(order.reduce_only for order in it.venue.placed[before:])
        it.deposit("0.4")
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert breaker(it).status is BreakerStatus.CLOSED


def test_a_key_that_the_venue_refuses_again_and_again_halts_and_does_not_hammer(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        before = len(it.venue.placed)
        it.venue.refuse = RejectReason.NOT_AUTHORISED
        it.deposit("0.3")
        await it.until(lambda: it.state.halted is not None, "halted", within=1_200)
        assert len(it.venue.placed) == before + 3
        it.venue.clear()
        it.daemon.loop.ask(Operation.RESUME, "the key has its rights again")
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert it.state.halted is None


def test_a_breaker_that_recovers_and_trips_too_often_in_a_day_calls_a_person(tmp_path: Path) -> None:
    policy = policy_of(hedge_of(), breakers=BreakerLimits(trips_per_day=2, cooldown_ms=10_000))

    async def script(it: Play) -> None:
        await it.until_hedged()
        for trip in range(1, 4):
            it.venue.refuse = RejectReason.UNAVAILABLE
            it.deposit("0.1")
            await it.until(lambda n=trip: breaker(it).tripped == n, "tripped", within=60)  # type: ignore[misc]
            it.venue.clear()
            if trip < 3:
                await it.until_hedged()
        assert it.state.mode is Mode.HALTED
        assert "3 times in a day" in it.state.mode_reason

    play(script, policy, tmp_path)


def test_while_the_venue_wants_quiet_nothing_is_created(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        before, until_at = len(it.venue.placed), it.clock.now_ms() + 30_000
        it.daemon.loop.inbox.put(VenueQuieted(account=ACCOUNT, until_at=until_at, banned=False, text="429"))
        it.deposit("0.3")
        await it.sleep(29)
        assert len(it.venue.placed) == before
        assert it.decision.reason is Reason.QUIET
        await it.until_hedged()

    play(script, POLICY, tmp_path)
