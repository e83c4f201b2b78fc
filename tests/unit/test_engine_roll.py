"""A position is moved from a contract that is about to expire to the next one, and the net delta stays in its band."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.state import Action, Reason
from hedger.model.message import TimePassed
from hedger.model.order import Side
from tests.support.dated_worlds import DAY, FAR, HALF_HOUR, NEAR, PERP, Desk, dated_policy, future, world
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import NOW

WIDTH = D("0.01")


def desk(
    days: float = 1.5, held: str = "-1", far: Any = None, *, spot: str = "1", policy: Any = None, **prices: str
) -> Desk:
    """A hedge of `spot` coins in a contract that ends in so many days, with another one or a perpetual to go to."""
    far = far or future(FAR, 90)
    policy = policy or dated_policy(NEAR, far.id)
    instruments = {NEAR: future(NEAR, days), far.id: far}
    marks = {NEAR: prices.get("near_price", "60000"), far.id: prices.get("far_price", "60000")}
    state = world(policy, instruments, {NEAR: held}, spot=spot, prices=marks)
    return Desk(policy, state, {NEAR: held}, spot=spot)


def test_a_contract_is_left_alone_until_its_time_comes() -> None:
    it = desk(days=2.1)
    it.run(5)
    assert not it.orders
    assert it.state.hedges["btc"].decision is not None
    assert it.state.hedges["btc"].decision.reason is Reason.INSIDE_BAND


@pytest.mark.parametrize(("held", "spot"), [("-0.1", "0.1"), ("0.1", "-0.1")], ids=["short", "long"])
@pytest.mark.parametrize("far", [None, instrument_of()], ids=["to a later one", "to the perpetual"])
def test_everything_is_moved_and_the_delta_never_leaves_its_band(held: str, spot: str, far: Any) -> None:
    it = desk(held=held, far=far, spot=spot)
    it.run(150)
    there = FAR if far is None else PERP
    assert it.held == {NEAR: D(0), there: D(held)}
    assert all(abs(delta) <= WIDTH for delta in it.deltas), "after each fill the net delta is in the band"
    assert {d.reason for d in it.decisions if d.action is Action.PLACE} == {Reason.ROLL}
    closing = [order for order in it.orders if order.id == NEAR]
    assert all(order.reduce_only for order in closing)
    assert not any(order.reduce_only for order in it.orders if order.id == there)
    assert it.state.halted is None, "a slice that moves the delta from its target is no futile hedge"


def test_slices_alternate_and_none_is_larger_than_half_a_side_of_the_band() -> None:
    it = desk()
    it.run(40)
    legs = [order.id for order in it.orders]
    assert legs[:6] == [FAR, NEAR, FAR, NEAR, FAR, NEAR]
    assert max(order.quantity for order in it.orders) == WIDTH / 2


def test_delta_is_constant_across_legs_of_different_basis() -> None:
    """F₁/S against F₂/S: 1 coin of a contract at +1 % is 1.01 coins of delta, and comes to as much of one at +10 %."""
    it = desk(near_price="60600", far_price="66000", held="-0.099", spot="0.1")
    it.run(150)
    assert not it.held[NEAR]
    assert all(abs(delta) <= WIDTH for delta in it.deltas)
    assert abs(it.delta) <= D("0.005"), "it ends where it began, within a slice"
    assert all(order.quantity * D("1.1") <= WIDTH / 2 for order in it.orders if order.id == FAR), "slices are of delta"
    assert D("-0.0955") < it.held[FAR] < D("-0.0864"), "fewer of the dearer one: 0.099 × 1.01 ÷ 1.1 is 0.0909"


def test_the_leg_that_brings_the_delta_to_its_target_goes_first() -> None:
    low, high = desk(spot="0.994"), desk(spot="1.006")
    low.run(2)
    high.run(2)
    assert (low.orders[0].id, low.orders[0].side) == (NEAR, Side.BUY)
    assert (high.orders[0].id, high.orders[0].side) == (FAR, Side.SELL)


def test_hedging_outside_the_band_comes_before_the_roll_and_uses_the_right_legs() -> None:
    """What adds goes to the far leg, what reduces comes off the near one; both are hedges, not slices."""
    more, less = desk(spot="1.2"), desk(spot="0.8")
    more.run(1)
    less.run(1)
    assert [(o.id, o.side, o.quantity) for o in more.orders] == [(FAR, Side.SELL, D("0.2"))]
    assert [(o.id, o.side, o.quantity) for o in less.orders] == [(NEAR, Side.BUY, D("0.2"))]
    assert {d.reason for d in (*more.decisions, *less.decisions) if d.action is Action.PLACE} == {Reason.OUTSIDE_BAND}


def test_half_way_through_what_reduces_comes_off_the_near_leg() -> None:
    policy = dated_policy(NEAR, FAR)
    positions = {NEAR: "-0.5", FAR: "-0.5"}
    state = world(policy, {NEAR: future(NEAR, 1.5), FAR: future(FAR, 90)}, positions, spot="0.8")
    it = Desk(policy, state, positions, spot="0.8")
    it.run(1)
    assert [(order.id, order.side) for order in it.orders] == [(NEAR, Side.BUY)]


def test_a_position_limit_without_room_for_both_legs_closes_the_near_one_first() -> None:
    it = desk(policy=dated_policy(NEAR, FAR, guards={"position": D(1)}))
    it.run(20)
    assert [order.id for order in it.orders[:4]] == [NEAR, FAR, NEAR, FAR]
    assert all(abs(delta) <= WIDTH for delta in it.deltas)


def test_a_guard_that_stops_the_far_leg_stops_the_roll_and_is_told() -> None:
    it = desk(policy=dated_policy(NEAR, FAR, guards={"depth": D(10**9)}))
    it.run(10)
    assert not it.orders, "what was closed on the near leg could not be opened again"
    assert it.decisions[-1].action is Action.DENY
    assert it.decisions[-1].reason is Reason.DEPTH


def test_a_roll_waits_for_prices_of_both_legs() -> None:
    it = desk()
    it.gone.add(NEAR)  # its stream is silent; the account's rows go on without it
    quiet = it.state.now + 4_000
    it.state = it.state._replace(now=quiet)
    it.tell(quiet, TimePassed())
    assert not it.orders


def test_nothing_is_added_to_a_contract_that_is_being_left_even_if_no_other_has_prices() -> None:
    it = desk(spot="1.2")
    quotes = {id: held for id, held in it.state.quotes.items() if id != FAR}
    it.state = it.state._replace(quotes=quotes)
    it.tell(it.state.now + 1, TimePassed())
    assert not it.orders
    assert it.decisions[-1].reason is Reason.NO_QUOTE


@pytest.mark.parametrize("minutes", [59, 29, 1])
def test_nothing_is_added_to_the_only_contract_near_its_settlement(minutes: int) -> None:
    policy = dated_policy(NEAR)
    state = world(policy, {NEAR: future(NEAR, minutes / 1_440)}, {NEAR: "-1"}, spot="1.2")
    it = Desk(policy, state, {NEAR: "-1"}, spot="1.2")
    it.tell(NOW + 1, TimePassed())
    assert not it.orders
    assert it.decisions[-1].reason is Reason.EXPIRING


def test_with_nothing_to_go_to_a_contract_is_used_to_its_last_hour() -> None:
    policy = dated_policy(NEAR)
    state = world(policy, {NEAR: future(NEAR, 0.5)}, {NEAR: "-1"}, spot="1.2")
    it = Desk(policy, state, {NEAR: "-1"}, spot="1.2")
    it.run(1)
    assert [(order.id, order.side) for order in it.orders] == [(NEAR, Side.SELL)]


def test_what_is_left_when_the_average_begins_is_told_and_not_chased() -> None:
    it = desk(days=(HALF_HOUR - 1_000) / DAY, held="-0.3", spot="0.3")
    it.tell(NOW + 1, TimePassed())
    assert not it.orders
    decision = it.decisions[-1]
    assert (decision.action, decision.reason) == (Action.HOLD, Reason.EXPIRING)
    assert "-0.3 still held" in decision.detail


def test_as_the_average_takes_the_delta_the_next_contract_replaces_it() -> None:
    it = desk(days=HALF_HOUR / 2 / DAY, held="-0.3", spot="0.3")
    it.run(1)
    assert [(order.id, order.side) for order in it.orders] == [(FAR, Side.SELL)]
    assert it.orders[0].quantity == pytest.approx(D("0.15"), abs=D("0.002")), "half of it has gone after half the time"


def test_a_rest_that_is_too_small_to_trade_is_not_left_behind() -> None:
    it = desk(held="-0.0115", spot="0.0115", policy=dated_policy(NEAR, FAR, execution={"slice_quantity": D("0.005")}))
    it.state = it.state._replace(
        instruments={id: replace(rules, lot_size=D("0.0001")) for id, rules in it.state.instruments.items()}
    )
    it.run(60)
    assert it.held[NEAR] == 0


@pytest.mark.parametrize(
    ("held", "far_price", "early"),
    [
        ("-0.1", "63600", True),
        ("-0.1", "62552", False),
        ("-0.1", "61500", False),
        ("0.1", "61500", True),
        ("0.1", "63600", False),
    ],
)
def test_a_better_calendar_spread_rolls_early_and_a_worse_one_does_not(held: str, far_price: str, early: bool) -> None:
    """Sixty days at 10 % a year, then 92 more: a dearer far contract is better for a short and worse for a long."""
    policy = dated_policy(NEAR, FAR, roll_spread=D("0.05"))
    spot = str(-D(held))
    it = desk(60, held, future(FAR, 152), spot=spot, policy=policy, near_price="60994", far_price=far_price)
    it.run(2)
    assert any(decision.reason is Reason.ROLL for decision in it.decisions) is early
