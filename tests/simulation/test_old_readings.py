"""Positions that are minutes old, and orders that the venue has forgotten: only evidence is believed, never time."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from random import Random

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Reason
from hedger.model.account import AccountReading, Position
from hedger.model.message import Operation
from hedger.model.order import Side
from hedger.sim.nouns import OrderKind, Wallet
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, Play, play

POLICY = policy_of(hedge_of())


def behind(seconds: float, share: float = 1) -> Callable[[AccountReading], AccountReading]:
    """Readings of which a share have positions that are so old."""
    past: deque[tuple[int, tuple[Position, ...]]] = deque()
    dice = Random(3)

    def bend(reading: AccountReading) -> AccountReading:
        past.append((reading.exchange_at, reading.positions))
        old = [rows for at, rows in past if at <= reading.exchange_at - seconds * 1_000]
        if dice.random() >= share:
            return reading
        return replace(reading, positions=old[-1] if old else past[0][1])

    return bend


def by_hand(it: Play, side: Side, quantity: str) -> None:
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        "BTCUSDT",
        side=side,
        kind=OrderKind.MARKET,
        quantity=D(quantity),
        price=None,
        reduce_only=False,
        client_order_id="by-hand",
    )


@pytest.mark.parametrize(("seconds", "share"), [(40, 1), (120, 1), (60, 0.5), (300, 0.5)])
def test_positions_that_are_minutes_old_never_hedge_twice(tmp_path: Path, seconds: float, share: float) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(20)
        it.venue.reading = behind(seconds, share)
        it.deposit("0.5")
        lowest = it.delta()
        for _ in range(int(2 * seconds + 120)):
            await it.sleep(1)
            lowest = min(lowest, it.delta())
        assert lowest == 0, "never hedged twice"
        assert it.delta() == 0
        assert it.state.halted is None

    play(script, POLICY, tmp_path, collateral="1000000")


@pytest.mark.parametrize("seconds", [4, 8])
def test_another_who_trades_in_our_direction_while_positions_are_behind_is_not_taken_for_us(
    tmp_path: Path, seconds: float
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.checks.on = False
        it.venue.reading = behind(seconds)
        await it.sleep(3 * seconds + 30)
        it.deposit("2")
        await it.until(lambda: bool(it.resting()), "rests")
        by_hand(it, Side.SELL, "1")
        lowest = it.delta()
        for _ in range(600):
            await it.sleep(0.2)
            lowest = min(lowest, it.delta())
        assert lowest == 0
        assert it.delta() == 0

    hedge = hedge_of(execution={"slice_quantity": D(1)})
    assert play(script, policy_of(hedge), tmp_path, collateral="1000000").state.halted is None


def test_a_position_that_goes_without_an_execution_waits_for_a_person(tmp_path: Path) -> None:
    """The account goes stale with its reason; a resume says that the venue is right."""

    def gone(reading: AccountReading) -> AccountReading:
        return replace(reading, positions=tuple(replace(p, quantity=p.quantity + D("0.4")) for p in reading.positions))

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(40)
        it.checks.on = False
        it.venue.reading = gone
        await it.sleep(120)
        assert it.delta() == 0
        assert it.decision.reason is Reason.ACCOUNT_AGE
        assert "lacks our own fills" in it.decision.detail
        it.daemon.loop.ask(Operation.RESUME, "the venue's page shows it")
        await it.until(lambda: it.delta() == D("-0.4"), "hedged on the person's word", within=60)

    play(script, POLICY, tmp_path)


def forgetful(it: Play) -> None:
    it.venue.quote = lambda quote: replace(quote, bid=quote.bid + 240, ask=quote.ask + 240)
    it.venue.reading = lambda reading: replace(reading, open_orders=())
    it.venue.hide_orders = it.venue.silent = True


def test_an_order_without_an_answer_that_the_venue_has_forgotten_is_never_placed_twice(tmp_path: Path) -> None:
    """It rests, and neither the list nor a query shows it: the last proof, a cancel by its id, finds it."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        forgetful(it)
        it.venue.lose_acks = True
        it.deposit("0.3")
        await it.until(lambda: bool(it.resting()), "rests")
        it.venue.lose_acks = False
        for _ in range(240):
            await it.sleep(0.25)
            assert len(it.resting()) <= 1
        assert not it.resting(), "canceled"
        it.venue.clear()
        await it.until_hedged(within=120)
        assert it.delta() == 0

    play(script, POLICY, tmp_path)


def test_an_order_that_was_lost_on_its_way_is_given_up_within_a_quarter_of_a_minute(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.lose_creates = True
        it.deposit("0.3")
        await it.until(lambda: any(o.status is OrderStatus.UNKNOWN for o in it.state.orders.values()), "unknown")
        lost_at = it.clock.now_ms()
        it.venue.lose_creates = False
        await it.until(lambda: not any(o.live for o in it.state.orders.values()), "given up", every=0.05)
        took_ms = it.clock.now_ms() - lost_at
        assert 12_000 < took_ms <= 20_000, took_ms
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def test_an_order_that_rested_for_hours_is_not_forgotten_with_the_venue(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lambda quote: replace(quote, bid=quote.bid + 240, ask=quote.ask + 240)
        it.deposit("0.3")
        await it.until(lambda: bool(it.resting()), "rests")
        await it.sleep(1)
        name, ago = it.resting()[0].client_order_id, 2 * 3_600_000 + 30_000
        order = it.state.orders[name]
        older = replace(order, placed_at=order.placed_at - ago, changed_at=order.changed_at - ago)
        it.daemon.loop.state = it.state._replace(orders={**it.state.orders, name: older})
        forgetful(it)
        it.venue.ignore_cancels = True
        for _ in range(120):
            await it.sleep(1)
            assert len(it.resting()) == 1
        assert it.state.orders[name].status is OrderStatus.UNKNOWN
        it.venue.clear()
        await it.until(lambda: it.state.orders[name].status is OrderStatus.OPEN, "it shows again", within=120)

    hedge = hedge_of(execution={"deadline_ms": 6 * 3_600_000, "reprice_ticks": 10**6, "linger_ms": 10**9})
    play(script, policy_of(hedge), tmp_path)
