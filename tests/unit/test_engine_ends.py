"""What an order's news leave behind: its hedge's rest and count, what was traded today, and what a fill is worth."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.conduct import cancels_in_vain
from hedger.engine.held.exposure import room_for
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.state import HedgeState, Reason, State
from hedger.model.message import Halt, OrderRejected
from hedger.model.order import RejectReason, ReportStatus, Side
from hedger.model.spans import DAY_MS, MINUTE_MS
from tests.support.engine_policies import ACCOUNT, EXECUTION, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_id,
    order_of,
    read_at,
    reading_of,
    report_of,
)

AT = NOW + 100
THOUSAND = instrument_of(multiplier="1000")


def working(status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> Order:
    return order_of(status=status, venue_order_id="v1", **changes)


def with_memory(state: State, **changes: Any) -> State:
    return state._replace(hedges={"btc": replace(state.hedges["btc"], **changes)})


def after(order: Order, event: Any, at: int = AT, **memory: Any) -> HedgeState:
    """The hedge's memory after an event of its order."""
    return feed(with_memory(hedging("1", "-1", orders=[order]), **memory), (at, event))[0].hedges["btc"]


# --- an end without a fill --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "rest_ms"), [(0, 500), (1, 1_000), (2, 2_000), (3, 4_000)])
@pytest.mark.parametrize("status", [ReportStatus.EXPIRED, ReportStatus.REJECTED, ReportStatus.CANCELED])
def test_an_end_that_we_did_not_ask_for_is_answered_ever_more_slowly(
    status: ReportStatus, before: int, rest_ms: int
) -> None:
    memory = after(working(), report_of(order_of(), status), attempts=before)
    assert (memory.attempts, memory.rest_until - AT) == (before + 1, rest_ms)
    assert memory.rest_reason is Reason.RESTING_AFTER_ATTEMPTS


def test_the_last_of_so_many_attempts_brings_the_long_rest_and_a_new_count() -> None:
    memory = after(working(), report_of(order_of(), ReportStatus.EXPIRED), attempts=EXECUTION.max_attempts - 1)
    assert (memory.attempts, memory.rest_until - AT) == (0, EXECUTION.attempts_cooldown_ms)
    assert memory.rest_reason is Reason.RESTING_AFTER_ATTEMPTS


def test_no_pause_between_attempts_is_longer_than_the_long_rest() -> None:
    policy = policy_of(hedge_of(execution={"max_attempts": 50, "attempts_cooldown_ms": 3_000}))
    state = with_memory(hedging("1", "-1", policy=policy, orders=[working()]), attempts=40)
    memory = feed(state, (AT, report_of(order_of(), ReportStatus.EXPIRED)), policy=policy)[0].hedges["btc"]
    assert (memory.attempts, memory.rest_until - AT) == (41, 3_000)


@pytest.mark.parametrize(("age_ms", "attempts"), [(EXECUTION.deadline_ms - 1, 1), (EXECUTION.deadline_ms, 2)])
def test_a_cancel_that_we_asked_for_counts_only_from_the_deadline_on(age_ms: int, attempts: int) -> None:
    order = working(OrderStatus.PENDING_CANCEL, cancel_at=NOW, placed_at=AT - age_ms)
    memory = after(order, report_of(order_of(), ReportStatus.CANCELED), attempts=1)
    assert memory.attempts == attempts
    assert bool(memory.rest_until) is (attempts == 2)


def test_a_rest_is_never_cut_short() -> None:
    memory = after(working(), report_of(order_of(), ReportStatus.EXPIRED), rest_until=NOW + 99_000)
    assert memory.rest_until == NOW + 99_000


def test_a_refusal_that_is_told_as_an_answer_counts_like_any_end() -> None:
    refused = OrderRejected(client_order_id=order_id(), reason=RejectReason.POST_ONLY_WOULD_CROSS, text="")
    assert after(order_of(), refused).attempts == 1


# --- an end with fills ------------------------------------------------------------------------------------------------


def test_a_filled_order_clears_the_count_and_awaits_its_effect_in_coins() -> None:
    order = working(deviation=D("-0.7"), holding=D(1), target=D("0.2"))
    policy = policy_of(hedge_of())
    state = with_memory(hedging("1", "-1", instrument=THOUSAND, orders=[order]), attempts=3)
    memory = feed(state, (AT, fill_of(order, "0.5")), policy=policy)[0].hedges["btc"]
    assert memory.effect_due == (D("0.7"), D(500), D(1), D("0.2"))
    assert (memory.attempts, memory.rest_until - AT) == (0, EXECUTION.cooldown_ms)
    assert memory.rest_reason is Reason.RESTING_AFTER_FILL


def test_a_reduction_for_margin_is_not_judged_by_its_effect_on_the_delta() -> None:
    order = working(margin_reduction=True)
    assert after(order, fill_of(order, "0.5")).effect_due is None


def test_a_part_of_a_fill_is_no_end() -> None:
    memory = after(working(), fill_of(order_of(), "0.2"), attempts=3)
    assert (memory.attempts, memory.rest_until, memory.effect_due) == (3, 0, None)


@pytest.mark.parametrize("side", Side)
def test_parts_of_a_fill_add_up_until_a_reading_has_them(side: Side) -> None:
    order = working(side=side)
    state, _ = feed(
        hedging("1", "-1", orders=[order]), (AT, fill_of(order, "0.2")), (AT + 1, fill_of(order, "0.1", "2"))
    )
    assert state.accounts[ACCOUNT].fills_since == {perpetual(): side.sign * D("0.3")}


@pytest.mark.parametrize(("day", "orders", "notional"), [(0, 7, D(10_006)), (-1, 0, D(6))])
def test_what_fills_counts_for_its_day_and_a_new_day_begins_anew(day: int, orders: int, notional: D) -> None:
    today = AT // DAY_MS
    order = working(price=D(30))
    vain = ((AT // MINUTE_MS, 4),)
    memory = after(order, fill_of(order, "0.2"), day=today + day, day_orders=7, day_notional=D(10_000), cancels=vain)
    assert (memory.day, memory.day_orders, memory.day_notional) == (today, orders, notional)
    assert cancels_in_vain(memory, AT) == 1, "only that of this order, far from the market as it is"


# --- a fill that must not be ------------------------------------------------------------------------------------------


def test_a_taker_s_fill_halts_and_names_the_order() -> None:
    state, _ = feed(hedging("1", "-1", orders=[working()]), (AT, fill_of(order_of(), "0.2", maker=False)))
    assert f"order {order_id()} filled as a taker" in (state.halted or "")
    assert state.ledgers["btc"].taker_fills == 1, "it is booked all the same"


def test_an_earlier_halt_keeps_its_reason() -> None:
    halted = hedging("1", "-1", orders=[working()])._replace(halted="the owner wants it")
    assert feed(halted, (AT, fill_of(order_of(), "0.2", maker=False)))[0].halted == "the owner wants it"


@pytest.mark.parametrize("kind", ["report", "fill"])
def test_a_second_order_under_one_id_is_named_with_the_first(kind: str) -> None:
    news = fill_of(order_of(), "0.2") if kind == "fill" else report_of(order_of())
    other = replace(news, venue_order_id="v2")
    state, _ = feed(hedging("1", "-1", orders=[working()]), (AT, other))
    assert f"id {order_id()} on {perpetual()} is borne by two orders, v1 and v2" in (state.halted or "")


@pytest.mark.parametrize("kind", ["report", "fill"])
def test_a_record_of_our_order_on_the_other_side_halts_and_asks_a_person(kind: str) -> None:
    """A venue may mean the taker by the side of a trade: no position may be built on that."""
    news = fill_of(order_of(), "0.2") if kind == "fill" else report_of(order_of(), filled="0.2")
    contrary = replace(news, side=Side.BUY if order_of().side is Side.SELL else Side.SELL)
    state, (looked,) = feed(hedging("1", "-1", orders=[working()]), (AT, contrary))
    assert f"order {order_id()} was sent as a sell on {perpetual()}, and the venue tells of a buy" in (
        state.halted or ""
    )
    assert any(isinstance(command, Halt) for command in looked.commands)
    if kind == "fill":
        (order,), ours = state.orders.values(), feed(hedging("1", "-1", orders=[working()]), (AT, news))[0]
        assert (order.filled, state.ledgers) == (D("0.2"), ours.ledgers), "booked as the order that was sent"


def test_an_execution_told_on_the_other_side_stands_in_the_books_as_the_order_that_was_sent() -> None:
    news = fill_of(order_of(), "0.2", at=AT + 1_000)
    read, _ = feed(hedging("1", "-1", orders=[working()]), read_at(AT, reading_of("1", "-1")))
    told, sent = (feed(read, (AT + 1_000, one))[0] for one in (replace(news, side=Side.BUY), news))
    assert told.books[ACCOUNT].carry.traded[perpetual().symbol].quantity == D("-0.2")
    assert told.books == sent.books


# --- what a fill is worth ---------------------------------------------------------------------------------------------


def test_a_fee_in_the_coin_is_valued_per_coin_on_a_thousand_contract() -> None:
    order = working()
    state = hedging("1", "-1", instrument=THOUSAND, orders=[order])
    state = state._replace(marks={perpetual(): (mark_at("60000"), NOW)})
    fill = fill_of(order, "0.2", fee=D("0.5"), fee_asset="BTC")
    assert feed(state, (AT, fill))[0].ledgers["btc"].fees == D("-30")


def test_slippage_is_against_the_mid_that_was_decided_on() -> None:
    order = working(decision_mid=D(60_010))
    state, _ = feed(hedging("1", "-1", orders=[order]), (AT, fill_of(order, "0.5")))
    assert state.ledgers["btc"].slippage == D(-5)


# --- room under the position limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "room"), [(Side.SELL, D(8)), (Side.BUY, D("11.5"))])
def test_the_room_of_an_order_counts_the_position_and_what_of_unknown_fate_is_on_its_side(side: Side, room: D) -> None:
    lost = [
        order_of(quantity="0.5", status=OrderStatus.UNKNOWN),
        order_of(quantity="9", sequence=2, status=OrderStatus.OPEN),
    ]
    back = order_of(Side.BUY, "0", sequence=3, status=OrderStatus.UNKNOWN)
    state = hedging("1", "-1.5", orders=[*lost, back])
    assert room_for(state, POLICY.hedges[0], instrument_of(), side) == room


def test_the_room_is_in_units_of_the_contract_and_other_legs_take_of_it_in_coins() -> None:
    other = perpetual("BTC", "other")
    hedge = hedge_of(instruments=(perpetual(), other, perpetual("BTC", "unseen")))
    state = hedging("1", "-0.001", instrument=THOUSAND)
    state = state._replace(
        instruments={THOUSAND.id: THOUSAND, other: replace(instrument_of(multiplier="10"), id=other)},
        accounts={
            **state.accounts,
            "other": replace(state.accounts[ACCOUNT], fills_since={other: D("0.2")}, reading=None),
        },
    )
    assert room_for(state, hedge, THOUSAND, Side.BUY) == D("0.008") + D("0.001")
