"""Instruments that change while the program runs: new grids, a delisting, another contract size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.held.rules import AGAIN_AFTER_MS, EVERY_MS, SUSPECTED_AFTER_MS
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Reason, State
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Quote
from hedger.model.message import (
    CancelOrder,
    InstrumentsLoaded,
    OrderRejected,
    ReadFailed,
    ReadInstruments,
    Stamped,
    TimePassed,
)
from hedger.model.order import RejectReason
from hedger.sim.nouns import Wallet
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    read_at,
    reading_of,
)
from tests.support.simulated_daemon import SYMBOL, Play, play

POLICY = policy_of(hedge_of())
SECOND = InstrumentId(ACCOUNT, "BTC/USDC:USDC")
TWO = policy_of(hedge_of(instruments=(perpetual(), SECOND)))


def loaded(*instruments: Instrument) -> InstrumentsLoaded:
    return InstrumentsLoaded(account=ACCOUNT, instruments=instruments)


def asked(state: State, *events: Stamped) -> tuple[State, int]:
    """The state after events, and how often the rules were asked for."""
    state, results = feed(state, *events)
    return state, sum(isinstance(c, ReadInstruments) for r in results for c in r.commands)


# --- when they are read again -----------------------------------------------------------------------------------------


def test_the_rules_are_read_again_every_hour() -> None:
    state, _ = feed(hedging("1", "-1"), (NOW, loaded(instrument_of())))
    state, times = asked(state, *(Stamped(NOW + ms, TimePassed()) for ms in (1_000, EVERY_MS - 1)))
    assert times == 0
    state, times = asked(state, Stamped(NOW + EVERY_MS, TimePassed()), Stamped(NOW + EVERY_MS + 250, TimePassed()))
    assert times == 1
    state, _ = feed(state, (NOW + EVERY_MS + 500, ReadFailed(account=ACCOUNT, what="instruments", reason="no")))
    _, times = asked(state, Stamped(NOW + EVERY_MS + AGAIN_AFTER_MS, TimePassed()))
    assert times == 1, "what was not answered is asked again in a minute"


def invalid(reason: RejectReason) -> tuple[State, int]:
    """A minute of refusals, ten a second: how often the rules are asked for."""
    state, _ = feed(hedging("1", "-1"), (NOW, loaded(instrument_of())))
    total = 0
    for n in range(1, 601):
        sent = order_of(quantity="0.1", sequence=n, placed_at=NOW + 100 * n)
        state = state._replace(orders={sent.client_order_id: sent})
        refused = OrderRejected(client_order_id=sent.client_order_id, reason=reason, text="no")
        at = NOW + 100 * n
        state, times = asked(state, Stamped(at, refused), Stamped(at, TimePassed()))
        total += times
    return state, total


def test_an_invalid_order_has_the_rules_read_at_once_and_a_storm_of_them_seldom() -> None:
    _, times = invalid(RejectReason.INVALID_ORDER)
    assert 1 <= times <= 1 + 60_000 // SUSPECTED_AFTER_MS
    _, times = invalid(RejectReason.POST_ONLY_WOULD_CROSS)
    assert times == 0


# --- what changes with them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [instrument_of(tick_size=D(7)), instrument_of(lot_size=D("0.3"))])
def test_an_order_off_the_new_grid_is_canceled(rules: Instrument) -> None:
    resting = order_of(quantity="1", status=OrderStatus.OPEN, venue_order_id="v1", price=D("60000.1"))
    state = hedging("1", "0", orders=[resting])
    state, results = feed(state, (NOW, loaded(rules)))
    assert [c.client_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)] == [
        resting.client_order_id
    ]
    assert state.hedges["btc"].decision is not None
    assert state.hedges["btc"].decision.reason is Reason.RULES_CHANGED


def test_an_order_on_the_new_grid_is_left_alone() -> None:
    resting = order_of(quantity="1", status=OrderStatus.OPEN, venue_order_id="v1", price=D("60000.2"))
    finer = instrument_of(tick_size=D("0.01"), lot_size=D("0.0001"))
    state, results = feed(hedging("1", "0", orders=[resting]), (NOW, loaded(finer)))
    assert not [c for r in results for c in r.commands if isinstance(c, CancelOrder)]
    assert state.instruments[perpetual()] == finer


def two_instruments() -> State:
    """Both known and fresh, one coin too much; nothing was decided."""
    state = hedging("1", "0", policy=TWO)
    rules = instrument_of(id=SECOND)
    rows = (position_at("0"), position_at("0", id=SECOND))
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", positions=rows))
    return state._replace(
        instruments={**state.instruments, SECOND: rules},
        quotes={**state.quotes, SECOND: (quote_at(id=SECOND), NOW)},
        marks={**state.marks, SECOND: (mark_at(id=SECOND), NOW)},
        accounts={ACCOUNT: view},
    )


@pytest.mark.parametrize("left", [perpetual(), SECOND])
def test_a_hedge_with_two_instruments_uses_the_one_that_is_left(left: InstrumentId) -> None:
    """Prices of the other one are still fresh: it is its listing that is gone."""
    gone = loaded(instrument_of(id=left))
    state, results = feed(two_instruments(), (NOW, gone), policy=TWO)
    assert [order.id for order in placed(results)] == [left]
    assert state.delisted == {perpetual(), SECOND} - {left}
    assert state.instruments.keys() == {perpetual(), SECOND}, "its position still counts"


def test_without_an_instrument_nothing_is_created_not_even_to_reduce() -> None:
    for spot, position in (("1", "0"), ("0", "-1")):
        state, results = feed(hedging(spot, position), (NOW, loaded()))
        assert not placed(results)
        assert state.hedges["btc"].decision is not None
        assert state.hedges["btc"].decision.reason is Reason.INSTRUMENT_GONE


def test_an_order_that_rests_on_a_delisted_instrument_is_taken_off() -> None:
    resting = order_of(quantity="1", status=OrderStatus.OPEN, venue_order_id="v1")
    state, results = feed(hedging("1", "0", orders=[resting]), (NOW, loaded()))
    assert [c.client_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)] == [
        resting.client_order_id
    ]
    assert state.hedges["btc"].decision is not None
    assert state.hedges["btc"].decision.reason is Reason.INSTRUMENT_GONE


def test_another_contract_size_waits_for_two_readings() -> None:
    """A unit is a thousandth of what it was, and the venue says so in its positions before long."""
    state = hedging("1", "-0.5")
    state, results = feed(state, (NOW, loaded(instrument_of(multiplier="0.001"))))
    for n, expected in enumerate((0, 1), start=1):
        at = NOW + 1_000 * n
        row = position_at("-500", contract_multiplier=D("0.001"), mark_price=D(60), entry_price=D(60))
        prices = ((at, quote_at("60", "60.1", at=at, ask_quantity=D(5_000))), (at, mark_at("60", at=at)))
        state, results = feed(state, *prices, read_at(at, reading_of("1", positions=(row,), at=at)))
        assert len(placed(results)) == expected
    (order,) = placed(results)
    assert order.quantity == 500
    assert not state.accounts[ACCOUNT].movement.shifts, "the same coins in smaller units are no movement"


# --- in the running daemon --------------------------------------------------------------------------------------------


def reloads(it: Play) -> int:
    return sum(isinstance(command, ReadInstruments) for _, command in it.watcher.commands)


def test_a_coarser_grid_is_learned_from_the_first_refusal(tmp_path: Path) -> None:
    """The venue's lots are a hundred times what they were: the first order is refused, and the next one fits."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        exchange = it.world.exchange
        old = exchange.listings[Wallet.LINEAR, SYMBOL]
        exchange.relist(replace(old, lot_size=D("0.1"), min_quantity=D("0.1")))
        it.deposit("0.25")
        await it.until(lambda: it.position() == D("-1.2"), "hedged on the new grid", within=60)
        assert reloads(it) == 1
        await it.sleep(120)
        assert it.position() == D("-1.2"), "0.05 too much is less than a lot"
        assert len(it.venue.placed) <= 6

    assert play(script, POLICY, tmp_path).state.halted is None


def test_a_delisted_instrument_is_left_alone_until_it_is_listed_again(tmp_path: Path) -> None:
    listed: list[bool] = [True]

    async def script(it: Play) -> None:
        read: Callable[..., object] = it.venue.inner.read_instruments

        async def some(symbols: list[str]) -> object:
            answer = await read(symbols)  # type: ignore[misc]
            return answer if listed[0] else ()

        it.venue.inner.read_instruments = some  # type: ignore[assignment, method-assign]
        await it.until_hedged()
        listed[0] = False
        it.venue.refuse = RejectReason.INVALID_ORDER
        it.deposit("0.2")
        await it.until(lambda: it.decision.reason is Reason.INSTRUMENT_GONE, "gone", within=60)
        placed = len(it.venue.placed)
        await it.sleep(90)
        assert len(it.venue.placed) == placed, "the storm is over"
        assert it.delta() == D("0.2")
        listed[0], it.venue.refuse = True, None
        it.daemon.loop.inbox.put(loaded(instrument_of()))
        await it.until_hedged()
        assert it.delta() == 0

    play(script, POLICY, tmp_path)


# --- our own prices ---------------------------------------------------------------------------------------------------


def test_prices_that_ranged_too_far_in_ten_minutes_wait_and_what_reduces_goes_on(tmp_path: Path) -> None:
    """The market seems a third of a percent higher than where we traded."""

    def higher(quote: Quote) -> Quote:
        return replace(quote, bid=quote.bid + 180, ask=quote.ask + 180)

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = higher
        await it.sleep(3)
        it.deposit("0.1")
        await it.until(lambda: it.decision.reason is Reason.PRICE_DRIFT, "denied", within=30)
        placed = len(it.venue.placed)
        await it.sleep(60)
        assert len(it.venue.placed) == placed
        it.deposit("-0.3")
        await it.until(lambda: len(it.venue.placed) > placed, "reduced", within=30)
        assert it.venue.placed[-1].reduce_only
        it.venue.clear()
        await it.until_hedged()

    play(script, policy_of(hedge_of(guards={"price_drift": D(20)})), tmp_path)
