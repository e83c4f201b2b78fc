"""Answers that are lost, news that never comes, venues that forget: nothing is hedged twice, nothing is forgotten."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, Reason
from hedger.model.message import Operation
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

POLICY = policy_of(hedge_of())


def unknown(it: Play) -> int:
    return sum(order.status is OrderStatus.UNKNOWN for order in it.state.orders.values())


def test_a_lost_acknowledgement_is_reconciled_and_not_retried(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        it.venue.lose_acks = it.venue.silent = True
        it.venue.fill = lambda _: None
        await it.until(lambda: bool(it.venue.placed), "sent")
        await it.sleep(3)
        it.venue.clear()
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert abs(it.delta()) <= D("0.01")
    assert it.state.ledgers["btc"].fills == len(it.trades)


def test_a_create_that_never_arrived_is_given_up_only_when_it_is_proven_absent(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        it.venue.lose_creates = True
        await it.until(lambda: unknown(it) == 1, "unknown")
        sent_at = it.clock.now_ms()
        it.venue.lose_creates = False
        await it.sleep(5)
        assert it.decision.reason is Reason.UNRESOLVED_ORDERS
        assert len(it.venue.placed) == 1, "what may have been done is not done again"
        await it.until(lambda: unknown(it) == 0, "proven absent", within=120)
        assert it.clock.now_ms() - sent_at > 12_000, "not before its time to live and the lag are over"
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert it.truth.duplicate_client_ids == 0


def test_an_order_that_the_venue_forgot_stays_reserved_and_the_rest_is_hedged(tmp_path: Path) -> None:
    """Query and list deny it, yet it filled: what it may have done is not done again, but new risk is hedged."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.lose_creates = True
        it.deposit("0.3")
        await it.until(lambda: unknown(it) == 1, "unknown")
        it.venue.lose_creates = False
        it.venue.failing.add("order")
        it.deposit("0.4")
        await it.until(lambda: it.position() <= D("-1.39"), "the rest is hedged")
        assert D("-1.41") <= it.position()
        assert unknown(it) == 1
        it.venue.clear()
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert abs(it.delta()) <= D("0.01")


def test_fills_that_no_stream_told_are_found_and_booked(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        it.venue.silent = True
        it.venue.fill = lambda _: None
        await it.until_hedged()
        await it.sleep(60)

    it = play(script, POLICY, tmp_path)
    assert it.state.ledgers["btc"].fills == len(it.trades) > 0
    assert it.state.ledgers["btc"].quantity == sum(trade.quantity for trade in it.trades)


def test_reads_that_fail_for_minutes_stop_everything_and_nothing_is_believed(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.failing |= {"account", "prices", "order", "fills", "funding"}
        await it.sleep(12)
        placed = len(it.venue.placed)
        it.deposit("0.5")
        await it.sleep(300)
        assert len(it.venue.placed) == placed
        assert not it.resting()
        assert it.decision.reason is Reason.ACCOUNT_AGE
        it.venue.clear()
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def test_a_stream_of_small_fills_does_not_starve_belief(tmp_path: Path) -> None:
    """Each fill asks for a newer reading; an order that is nibbled at for minutes must not stop the hedge for good."""

    async def script(it: Play) -> None:
        await it.until_hedged(within=900)

    slow = hedge_of(execution={"slice_quantity": D("0.5"), "cooldown_ms": 0})
    it = play(script, policy_of(slow), tmp_path, spot={"BTC": "6"}, collateral="900000")
    assert abs(it.delta()) <= D("0.01")


def test_a_drain_cancels_verifies_and_ends_with_the_hedge_held(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")

    it = play(script, POLICY, tmp_path)
    assert not it.truth.open_orders
    assert it.state.stopped
    assert it.state.mode is Mode.DRAINING


def test_a_drain_that_is_asked_for_twice_is_one_drain(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.daemon.drain("first")
        it.daemon.drain("second")
        await it.sleep(6)

    it = play(script, POLICY, tmp_path)
    assert it.state.draining == "first"
    assert not it.truth.open_orders


def test_a_pause_cancels_and_a_resume_hedges_again(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.daemon.loop.ask(Operation.PAUSE, "a look around")
        await it.until(lambda: not it.resting(), "off the book", within=5)
        assert it.state.mode is Mode.CANCEL_ONLY
        placed = len(it.venue.placed)
        await it.sleep(30)
        assert len(it.venue.placed) == placed
        it.daemon.loop.ask(Operation.UNPAUSE, "all well")
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def test_a_venue_that_forgets_a_resting_order_for_long_does_not_stop_the_hedge(tmp_path: Path) -> None:
    """The order rests, list and queries deny it: the rest is hedged beside it, and it is canceled when it shows."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lambda quote: replace(quote, bid=quote.bid + 120, ask=quote.ask + 120)
        await it.sleep(3)
        it.deposit("0.2")
        await it.until(lambda: bool(it.resting()), "resting")
        name = it.resting()[0].client_order_id
        it.venue.hide_orders = it.venue.silent = it.venue.ignore_cancels = True
        it.venue.reading = lambda reading: replace(reading, open_orders=())
        it.venue.quote = lambda quote: quote
        await it.until(lambda: it.state.orders[name].status is OrderStatus.UNKNOWN, "reserved", within=60)
        it.deposit("0.3")
        await it.until(lambda: it.position() <= D("-1.29"), "the rest is hedged")
        assert it.position() >= D("-1.5")
        it.venue.clear()
        await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert abs(it.delta()) <= D("0.01")
    assert not it.truth.open_orders
