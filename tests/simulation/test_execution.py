"""How an order lives in the book: followed, left alone, late, refused, filled in pieces, replaced after its end."""

from dataclasses import replace
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Reason
from hedger.model.market import Quote
from hedger.model.message import CancelOrder, Operation, PlaceOrder
from hedger.model.order import RejectReason, Side
from hedger.sim.nouns import Wallet
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import SYMBOL, Play, play

TICK = D("0.1")


class Held:
    """Prices that stand still out of the market's reach, so that orders rest there until the test moves them."""

    def __init__(self, it: Play, side: Side = Side.SELL) -> None:
        best = it.world.exchange.best(Wallet.LINEAR, SYMBOL)
        assert best.bid is not None
        self.bid = best.bid + 120 * -side.sign
        it.venue.quote = self.bend

    def bend(self, quote: Quote) -> Quote:
        return replace(quote, bid=self.bid, ask=self.bid + TICK)

    def move(self, ticks: int) -> None:
        self.bid += ticks * TICK


async def rests(it: Play, change: str = "0.3") -> Held:
    """Hedged, and then an order rests for a change of the holding."""
    await it.until_hedged()
    held = Held(it, Side.SELL if D(change) > 0 else Side.BUY)
    await it.sleep(3)
    it.deposit(change)
    await it.until(lambda: bool(it.resting()), "an order rests", within=30)
    return held


def reasons(it: Play) -> list[Reason]:
    return [d.reason for d in it.watcher.decisions if isinstance(d.order, CancelOrder)]


PATIENT = {"reprice_ms": 10_000, "linger_ms": 40_000, "deadline_ms": 200_000}


@pytest.mark.parametrize("change", ["0.3", "-0.3"])
def test_a_young_order_is_left_alone_and_an_old_one_follows_two_ticks(change: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        held = await rests(it, change)
        before = len(reasons(it))
        held.move(-5 if D(change) > 0 else 5)
        await it.sleep(7)
        assert len(reasons(it)) == before, "too young to be moved"
        await it.until(lambda: len(reasons(it)) > before, "moved", within=6)
        assert reasons(it)[-1] is Reason.PRICE_MOVED
        await it.until(lambda: it.venue.placed[-1].price == expected(held, change), "at the new price", within=10)

    def expected(held: Held, change: str) -> D:
        return held.bid + TICK if D(change) > 0 else held.bid

    play(script, policy_of(hedge_of(execution=PATIENT)), tmp_path)


def test_one_tick_is_not_chased_until_it_has_lingered(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        held = await rests(it)
        before = len(reasons(it))
        held.move(-1)
        await it.sleep(32)
        assert len(reasons(it)) == before, "the place in the queue is worth more than a tick"
        await it.until(lambda: len(reasons(it)) > before, "moved", within=10)

    play(script, policy_of(hedge_of(execution=PATIENT)), tmp_path)


def test_a_touch_that_comes_nearer_is_not_chased(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        held = await rests(it)
        before = len(reasons(it))
        held.move(4)
        await it.sleep(60)
        assert len(reasons(it)) == before

    play(script, policy_of(hedge_of(execution=PATIENT)), tmp_path)


def test_an_order_stands_behind_the_touch_by_its_offset(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        held = await rests(it)
        assert it.venue.placed[-1].price == held.bid + TICK * 4

    play(script, policy_of(hedge_of(execution={"offset_ticks": 3})), tmp_path)


def test_an_order_past_its_deadline_is_canceled_and_late_orders_bring_a_rest(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await rests(it)
        start = len(it.venue.placed) - 1
        await it.until(lambda: Reason.PAST_DEADLINE in reasons(it), "late", within=25)
        await it.until(lambda: it.decision.reason is Reason.RESTING_AFTER_ATTEMPTS, "resting", within=60)
        await it.sleep(70)
        late = len(it.venue.placed) - start
        await it.sleep(20)
        assert late == 2, "two late orders, then a long rest"
        assert len(it.venue.placed) - start == late

    short = {"deadline_ms": 15_000, "max_attempts": 2, "attempts_cooldown_ms": 200_000}
    play(script, policy_of(hedge_of(execution=short)), tmp_path)


def test_refusals_in_a_row_are_capped_by_a_rest_and_then_tried_again(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = RejectReason.POST_ONLY_WOULD_CROSS
        it.deposit("0.3")
        before = len(it.venue.placed)
        await it.sleep(30)
        assert len(it.venue.placed) - before == 3
        assert it.decision.reason is Reason.RESTING_AFTER_ATTEMPTS
        await it.sleep(60)
        assert len(it.venue.placed) - before <= 6
        it.venue.refuse = None
        await it.until_hedged()

    few = {"max_attempts": 3, "attempts_cooldown_ms": 50_000}
    play(script, policy_of(hedge_of(execution=few)), tmp_path)


def test_a_hedge_rests_after_an_order_that_filled(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        filled_at = it.trades[-1].at
        it.deposit("0.3")
        before = len(it.venue.placed)
        await it.until(lambda: len(it.venue.placed) > before, "the next order")
        assert it.clock.now_ms() - filled_at >= 40_000

    play(script, policy_of(hedge_of(execution={"cooldown_ms": 40_000})), tmp_path)


def test_partial_fills_are_carried_exactly_through_many_replacements(tmp_path: Path) -> None:
    """A price that runs away after every few fills: what was filled is never ordered again."""

    async def script(it: Play) -> None:
        for _ in range(30):
            await it.sleep(4)
            it.world.market.fair.jump("BTC", -0.0004)
        await it.until_hedged(within=900)

    it = play(script, policy_of(hedge_of(execution={"cooldown_ms": 0})), tmp_path, spot={"BTC": "2"})
    sold = sum(trade.quantity for trade in it.trades)
    partly = [o for o in it.state.orders.values() if 0 < o.filled < o.quantity]
    assert D("1.99") <= sold <= D("2.001")
    assert partly, "some orders were replaced when part of them had filled"
    assert sum(o.booked for o in it.state.orders.values()) <= sold
    assert it.state.ledgers["btc"].quantity == sold


def test_a_replacement_waits_for_the_end_of_the_order_before_it(tmp_path: Path) -> None:
    """The venue does not know of the cancel for a while: nothing else is sent, and the cancel is asked again."""

    async def script(it: Play) -> None:
        held = await rests(it)
        name = it.resting()[0].client_order_id
        it.venue.ignore_cancels = True
        held.move(-5)
        await it.sleep(40)
        assert [o.client_order_id for o in it.resting()] == [name]
        assert it.venue.placed[-1].client_order_id == name, "no second order beside one that may fill"
        assert sum(c.client_order_id == name for c in it.venue.canceled) >= 4, "asked again"
        assert it.state.orders[name].status is OrderStatus.PENDING_CANCEL
        it.venue.ignore_cancels = False
        await it.until(lambda: it.venue.placed[-1].client_order_id != name, "replaced", within=40)

    play(script, policy_of(hedge_of()), tmp_path)


def test_a_deposit_while_an_order_works_is_hedged_after_it(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await rests(it)
        it.deposit("0.3")
        await it.sleep(20)
        assert len(it.resting()) == 1
        assert it.resting()[0].quantity == D("0.3"), "what is right is left alone"
        it.venue.clear()
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(execution=PATIENT)), tmp_path)
    assert abs(it.delta()) <= D("0.01")


@pytest.mark.parametrize(("change", "back"), [("0.3", "-0.2"), ("-0.3", "0.2")])
def test_an_order_that_would_now_overshoot_is_canceled(change: str, back: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await rests(it, change)
        it.deposit(back)
        await it.until(lambda: Reason.WOULD_OVERSHOOT in reasons(it), "canceled", within=20)
        it.venue.clear()
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(execution=PATIENT)), tmp_path)
    assert abs(it.delta()) <= D("0.01")


def test_orders_sent_are_what_the_journal_and_the_exchange_hold(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("0.2")
        await it.until_hedged()

    it = play(script, policy_of(hedge_of()), tmp_path)
    sent = [command for _, command in it.watcher.commands if isinstance(command, PlaceOrder)]
    assert it.venue.placed == sent
    assert it.truth.creates_accepted + it.truth.creates_refused == len(sent)
    assert it.truth.duplicate_client_ids == 0


def test_each_refusal_in_a_row_is_answered_more_slowly(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.refuse = RejectReason.POST_ONLY_WOULD_CROSS
        before = it.clock.now_ms()
        it.deposit("0.3")
        await it.sleep(20)
        sent = [at for at, c in it.watcher.commands if isinstance(c, PlaceOrder) and at > before]
        gaps = [later - earlier for earlier, later in pairwise(sent)]
        assert len(gaps) == 4
        assert all(500 * 2**n <= gap <= 500 * 2**n + 1_000 for n, gap in enumerate(gaps))

    play(script, policy_of(hedge_of()), tmp_path)


@pytest.mark.parametrize(("meanwhile", "waits_s"), [("pause", 0.5), ("halt", 0.5), ("too long", 1.2)])
def test_an_order_that_waited_for_its_turn_leaves_only_if_it_still_may(
    meanwhile: str, waits_s: float, tmp_path: Path
) -> None:
    async def script(it: Play) -> None:
        async def line() -> None:
            if meanwhile != "too long":
                it.daemon.loop.ask(Operation(meanwhile), "while it waits")
            await it.clock.sleep(waits_s)

        it.venue.in_line = line
        await it.until(lambda: len(it.venue.placed) > 0, "an order")
        await it.sleep(waits_s + 0.4)
        (order,) = it.state.orders.values()
        assert order.status is OrderStatus.REJECTED

    it = play(script, policy_of(hedge_of()), tmp_path)
    assert it.truth.creates_accepted == 0
