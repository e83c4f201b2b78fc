"""What a flatten sends next: which instrument, how much of it in one order, at which pace, and why nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.decision.unwind import Leg, legs_of, smallest, unwind
from hedger.engine.decision.verdict import Verdict
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, HedgeState, Reason, Severity, State, initial_state
from hedger.model.order import Side
from tests.support.dated_worlds import NEAR, PERP, dated, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, hedging, mark_at, order_of, quote_at
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, at_hand, several, unseen

LATCHED = Flatten(reason="out", asked_at=NOW - 10)
SHORT_OF_MARGIN = HedgeState(margin_severity=Severity.REDUCE)
BOTH = dated_policy(NEAR, PERP)
RULES = {NEAR: future(NEAR, 90), PERP: instrument_of()}


def looked(
    state: State,
    policy: Policy = POLICY,
    *,
    latch: Flatten = LATCHED,
    memory: HedgeState | None = None,
    working: Order | None = None,
) -> Verdict:
    (hedge,) = policy.hedges
    return unwind(state, hedge, memory or state.hedges["btc"], latch, working)


def said(verdict: Verdict) -> tuple[Action, Reason, str]:
    return verdict.action, verdict.reason, verdict.detail


def ruled(position: str = "-1", *, orders: tuple[Order, ...] = (), guards: Any = None, **rules: Any) -> Verdict:
    """What leaves first of a position, with an instrument of these rules."""
    policy = policy_of(hedge_of(guards=guards))
    return looked(hedging("1", position, policy=policy, instrument=instrument_of(**rules), orders=orders), policy)


def viewed(**changes: Any) -> Callable[[State], State]:
    return lambda s: s._replace(accounts={**s.accounts, ACCOUNT: replace(s.accounts[ACCOUNT], **changes)})


def lost(side: Side, quantity: str, **changes: Any) -> Order:
    return order_of(side, quantity, status=OrderStatus.UNKNOWN, **changes)


# --- which ------------------------------------------------------------------------------------------------------------


def two(near: str, perpetual_: str) -> State:
    return world(BOTH, RULES, {NEAR: near, PERP: perpetual_}, spot="3")


def ids(state: State, memory: HedgeState | None = None) -> list[Any]:
    return [leg.id for leg in legs_of(state, BOTH.hedges[0], memory or state.hedges["btc"])]


def test_what_is_worth_most_goes_first_whatever_its_side() -> None:
    assert ids(two("-1", "-2")) == [PERP, NEAR]
    assert ids(two("2", "-1")) == [NEAR, PERP]
    verdict = looked(two("-1", "-2"), BOTH)
    assert said(verdict) == (Action.PLACE, Reason.FLATTEN, f"2 of -2 of {PERP} come off: out")


def test_where_margin_is_short_the_endangered_position_goes_first() -> None:
    state = two("-1", "-2")
    reading = state.accounts[ACCOUNT].reading
    assert reading is not None
    near, far = (
        replace(row, liquidation_price=D(p)) for row, p in zip(reading.positions, ("62000", "90000"), strict=True)
    )
    state = viewed(reading=replace(reading, positions=(near, far)))(state)
    assert ids(state, SHORT_OF_MARGIN) == [NEAR, PERP]
    assert ids(state, HedgeState(margin_severity=Severity.STOP)) == [PERP, NEAR]


def test_a_position_without_a_price_comes_last_and_does_not_stand_before_the_others() -> None:
    state = two("-9", "-1")
    unpriced = state._replace(marks={PERP: state.marks[PERP]})
    assert ids(unpriced) == [PERP, NEAR]
    assert looked(unpriced, BOTH).draft is not None


def test_a_leg_that_must_wait_does_not_keep_the_next_one_back() -> None:
    state = two("-1", "-2")._replace(delisted=frozenset({PERP}))
    verdict = looked(state, BOTH)
    assert verdict.draft is not None
    assert verdict.draft.instrument.id == NEAR
    blocked = looked(world(BOTH, RULES, {PERP: "-2"}, spot="3")._replace(delisted=frozenset({PERP})), BOTH)
    assert said(blocked) == (Action.DENY, Reason.INSTRUMENT_GONE, f"the venue does not list {PERP} any more")


def test_an_account_out_of_sight_holds_up_its_own_positions_only() -> None:
    policy = several()
    state = unseen(at_hand(policy, {AT_ONE: "-0.7", AT_TWO: "-0.3"}), ONE)
    legs = {leg.id: leg for leg in legs_of(state, policy.hedges[0], state.hedges["btc"])}
    gone = legs[AT_ONE].against
    assert gone is not None
    assert (legs[AT_ONE].position, gone.reason) == (D("-0.7"), Reason.ACCOUNT_AGE)
    assert legs[AT_TWO].draft is not None


def test_what_settles_by_itself_is_told_as_such_before_it_is_called_gone() -> None:
    rules = {NEAR: future(NEAR, 1 / 96), PERP: instrument_of()}
    state = world(BOTH, rules, {NEAR: "-1"}, spot="3")
    verdict = looked(state._replace(delisted=frozenset({NEAR})), BOTH)
    assert said(verdict) == (Action.DENY, Reason.EXPIRING, f"{NEAR} settles by itself, and is not traded any more")
    unknown = looked(state._replace(instruments={PERP: rules[PERP]}), BOTH)
    assert unknown.reason is Reason.INSTRUMENT_GONE


# --- how much ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "price", "least"),
    [
        ({}, "60000", "0.002"),
        ({"min_notional": D(60)}, "60000", "0.001"),
        ({"min_notional": D(1), "min_quantity": D("0.0055")}, "60000", "0.006"),
        ({"min_notional": D(0), "min_quantity": D(0)}, "60000", "0.001"),
        ({"min_notional": D(60_000)}, "60000", "1"),
    ],
)
def test_the_smallest_order_is_on_the_grid_and_worth_enough(rules: dict[str, Any], price: str, least: str) -> None:
    assert smallest(instrument_of(**rules), D(price)) == D(least)


@pytest.mark.parametrize(
    ("position", "rules", "guards", "units"),
    [
        ("-1", {}, {}, "1"),
        ("-1", {"max_quantity": D("0.3")}, {}, "0.3"),
        ("-1", {}, {"order_notional": D(30_000)}, "0.5"),
        ("-0.501", {}, {"order_notional": D(30_000)}, "0.499"),  # two thousandths must be left for the venue to take
        ("-0.502", {}, {"order_notional": D(30_000)}, "0.5"),
        ("-0.003", {}, {"order_notional": D(120)}, "0.002"),  # what is left after it cannot be helped
        ("-0.004", {"min_quantity": D("0.003"), "max_quantity": D("0.003")}, {}, "0.003"),
        ("-1.2346", {}, {}, "1.234"),
    ],
)
def test_one_order_takes_off_as_much_as_it_may_and_leaves_no_rest_that_cannot_go(
    position: str, rules: dict[str, Any], guards: dict[str, Any], units: str
) -> None:
    draft = ruled(position, guards=guards, **rules).draft
    assert draft is not None
    assert (draft.quantity, draft.side, draft.flatten) == (D(units), Side.BUY, True)


def test_a_slice_is_counted_in_coins_and_not_in_contracts() -> None:
    policy = policy_of(hedge_of(execution={"slice_quantity": D("0.2")}))
    for multiplier, units in (("1", "0.2"), ("2", "0.1")):
        state = hedging("1", "-1", policy=policy, instrument=instrument_of(multiplier=multiplier))
        draft = looked(state, policy).draft
        assert draft is not None
        assert draft.quantity == D(units)


def test_orders_of_unknown_fate_count_on_their_own_side_and_instrument_only() -> None:
    other_side, elsewhere = lost(Side.SELL, "0.4", sequence=1), lost(Side.BUY, "0.4", sequence=2, id=perpetual("ETH"))
    for beside, units in (((), "1"), ((other_side, elsewhere), "1"), ((lost(Side.BUY, "0.4", sequence=3),), "0.6")):
        draft = ruled("-1", orders=beside).draft
        assert draft is not None
        assert draft.quantity == D(units)


def test_what_they_leave_must_be_enough_for_an_order() -> None:
    assert ruled("-1", orders=(lost(Side.BUY, "0.998"),)).draft is not None
    verdict = ruled("-1", orders=(lost(Side.BUY, "0.999"),))
    text = f"our orders of unknown fate on {perpetual()} may take off 0.999 of 1"
    assert said(verdict) == (Action.WAIT, Reason.UNRESOLVED_ORDERS, text)


def test_what_flattens_is_no_order_that_saves_margin_and_passes_for_none() -> None:
    for position, side in (("-0.5", Side.BUY), ("0.5", Side.SELL)):
        draft = ruled(position).draft
        assert draft is not None
        assert (draft.side, draft.flatten, draft.reduce_only, draft.margin_reduction) == (side, True, True, False)


@pytest.mark.parametrize(
    ("position", "orders", "bend", "reason"),
    [
        ("-0.5", (), lambda s: s._replace(quotes={perpetual(): (quote_at("0.05", "0.1"), NOW)}), Reason.NO_QUOTE),
        ("-0.5", (lost(Side.BUY, "0.5"),), lambda s: s, Reason.UNRESOLVED_ORDERS),
        ("-0.5", (), lambda s: s._replace(marks={perpetual(): (mark_at("61000"), NOW)}), Reason.MARK_COLLAR),
        ("-0.0019", (), lambda s: s, Reason.BELOW_MINIMUM),
    ],
)
def test_whatever_stands_against_it_a_leg_names_its_contract_and_its_position(
    position: str, orders: tuple[Order, ...], bend: Callable[[State], State], reason: Reason
) -> None:
    """Of the dust all is counted, not only its whole lots."""
    hedge = hedge_of(guards={"order_notional": D(113)})
    state = bend(hedging("1", position, policy=policy_of(hedge), orders=orders))
    (leg,) = legs_of(state, hedge, state.hedges["btc"])
    assert leg.against is not None
    assert (leg.id, leg.position, leg.against.reason) == (perpetual(), D(position), reason)


def test_a_contract_whose_day_has_come_and_that_is_listed_no_more_has_settled() -> None:
    ended = dated("260101")
    state = world(dated_policy(ended, PERP), {ended: RULES[NEAR], PERP: RULES[PERP]}, {ended: "-1"}, spot="3")
    state = state._replace(instruments={PERP: RULES[PERP]}, delisted=frozenset({ended}))
    assert looked(state, dated_policy(ended, PERP)).reason is Reason.EXPIRING


@pytest.mark.parametrize("position", ["-0.0019", "0.0019"])
def test_dust_is_flat_and_named_and_one_lot_more_is_not(position: str) -> None:
    words = f"all but {position} of {perpetual()}, less than the venue takes"
    assert said(ruled(position)) == (Action.HOLD, Reason.FLAT, words)
    assert ruled("-0.002").draft is not None
    assert said(ruled("0")) == (Action.HOLD, Reason.FLAT, "")
    pending = ruled(position, orders=(lost(Side.BUY, "0.001"),))
    assert said(pending) == (Action.WAIT, Reason.UNRESOLVED_ORDERS, "an order whose fate is unknown may still fill")


def test_an_order_of_another_hedge_that_may_fill_does_not_keep_this_one_from_being_flat() -> None:
    assert ruled("0", orders=(lost(Side.BUY, "0.4", hedge="eth"),)).reason is Reason.FLAT
    assert ruled("0", orders=(lost(Side.BUY, "0.4"),)).reason is Reason.UNRESOLVED_ORDERS


def test_dust_that_is_worth_more_than_an_order_may_be_is_not_called_flat() -> None:
    for limit, reason in ((D("59.9"), Reason.BELOW_MINIMUM), (D(60), Reason.FLAT)):
        verdict = ruled("-0.001", guards={"order_notional": limit})
        assert verdict.reason is reason
    denied = ruled("-0.001", guards={"order_notional": D("59.9")})
    text = f"-0.001 of {perpetual()} is less than the venue takes, and too much to be called flat"
    assert said(denied) == (Action.DENY, Reason.BELOW_MINIMUM, text)


def test_where_no_passive_price_exists_it_waits_for_one() -> None:
    state = hedging("1", "-1", instrument=instrument_of(tick_size=D("0.1"), min_notional=D(0)))
    state = state._replace(quotes={perpetual(): (quote_at("0.05", "0.1"), NOW)})
    state = state._replace(marks={perpetual(): (mark_at("0.1"), NOW)})
    assert said(looked(state)) == (
        Action.DENY,
        Reason.NO_QUOTE,
        "no passive price at 0.05/0.1 with ticks of 0.1",
    )


def test_an_account_that_was_never_read_has_a_position_that_nobody_knows() -> None:
    state = viewed(reading=None)(hedging("1", "-1"))
    (leg,) = legs_of(state, POLICY.hedges[0], state.hedges["btc"])
    assert leg.position is None
    assert leg.against is not None
    assert leg.against.reason is Reason.ACCOUNT_AGE
    settled = viewed(barrier_at=NOW)(hedging("1", "0"))
    (leg,) = legs_of(settled, POLICY.hedges[0], settled.hedges["btc"])
    assert leg == Leg(perpetual(), D(0), against=leg.against)
    assert leg.against is not None
    assert leg.against == (Reason.AWAITING_READING, f"account {ACCOUNT}")


# --- when -------------------------------------------------------------------------------------------------------------


def test_it_rests_until_the_moment_that_it_rests_to() -> None:
    state = hedging("1", "-1")
    resting = HedgeState(rest_until=NOW + 1, rest_reason=Reason.RESTING_AFTER_ATTEMPTS)
    assert said(looked(state, memory=resting))[:2] == (Action.WAIT, Reason.RESTING_AFTER_ATTEMPTS)
    assert looked(state, memory=replace(resting, rest_until=NOW)).draft is not None


def test_it_sends_no_more_in_a_minute_than_its_hedge_may() -> None:
    policy = policy_of(hedge_of(guards={"orders_per_minute": 2}))
    state = hedging("1", "-1", policy=policy)
    busy = HedgeState(sent_at=(NOW - 59_999, NOW - 1))
    text = "2 orders in the last minute, the limit is 2"
    assert said(looked(state, policy, memory=busy)) == (Action.DENY, Reason.ORDERS_PER_MINUTE, text)
    assert looked(state, policy, memory=HedgeState(sent_at=(NOW - 60_000, NOW - 1))).draft is not None
    gone = looked(state._replace(delisted=frozenset({perpetual()})), policy, memory=busy)
    assert gone.reason is Reason.ORDERS_PER_MINUTE, "the pace is told first"


def opened(position: str, *orders: Order, **rules: Any) -> State:
    breaker = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 30_000)
    return viewed(breaker=breaker)(hedging("1", position, instrument=instrument_of(**rules), orders=orders))


def test_what_saves_margin_leaves_where_nothing_else_may_and_is_a_flatten_s_order_too() -> None:
    verdict = looked(opened("-1"), memory=SHORT_OF_MARGIN)
    draft = verdict.draft
    assert draft is not None
    assert (verdict.reason, draft.quantity) == (Reason.MARGIN_REDUCTION, D("0.25"))
    assert (draft.flatten, draft.margin_reduction, draft.reduce_only) == (True, True, True)
    stopped = looked(opened("-1"), memory=HedgeState(margin_severity=Severity.STOP))
    assert (stopped.draft, stopped.reason) == (None, Reason.BREAKER)
    late = replace(SHORT_OF_MARGIN, rest_until=NOW + 1)
    assert looked(opened("-1"), memory=late).reason is Reason.MARGIN_REDUCTION, "it waits for no rest"


@pytest.mark.parametrize(("pending", "units"), [("0.9", "0.1"), ("0.998", "0.002"), ("0.999", None)])
def test_what_saves_margin_takes_no_more_than_is_left_and_no_less_than_the_venue_takes(
    pending: str, units: str | None
) -> None:
    draft = looked(opened("-1", lost(Side.BUY, pending)), memory=SHORT_OF_MARGIN).draft
    assert (draft and draft.quantity) == (D(units) if units else None)


def test_the_ordinary_order_goes_before_what_saves_margin() -> None:
    verdict = looked(hedging("1", "-1"), memory=SHORT_OF_MARGIN)
    assert verdict.draft is not None
    assert (verdict.reason, verdict.draft.quantity) == (Reason.FLATTEN, D(1))


# --- an order works ---------------------------------------------------------------------------------------------------


def working(side: Side = Side.BUY, quantity: str = "1", **changes: Any) -> Order:
    made = order_of(side, quantity, status=OrderStatus.OPEN, venue_order_id="v1", reduce_only=True, flatten=True)
    return replace(made, **changes)


def tended(order: Order, *others: Order, bend: Callable[[State], State] = lambda s: s) -> Verdict:
    return looked(bend(hedging("1", "-1", orders=(order, *others))), working=order)


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN])
def test_an_order_on_its_way_or_of_unknown_fate_is_waited_for(status: OrderStatus) -> None:
    assert said(tended(working(status=status))) == (Action.WAIT, Reason.ORDER_IN_FLIGHT, "")


def test_one_that_takes_the_position_off_rests_and_one_that_could_do_more_goes() -> None:
    assert said(tended(working())) == (Action.WAIT, Reason.ORDER_WORKING, "")
    text = "the hedge is being flattened, and this order could do more than reduce"
    for order in (working(quantity="1.001"), working(reduce_only=False), working(Side.SELL)):
        verdict = tended(order)
        assert (*said(verdict), verdict.cancel) == (Action.CANCEL, Reason.FLATTEN, text, order)
    assert tended(working(quantity="1.5", booked=D("0.5"))).reason is Reason.ORDER_WORKING
    second = lost(Side.BUY, "0.001", sequence=2)
    assert tended(working(), second).reason is Reason.FLATTEN, "both together could turn it round"


@pytest.mark.parametrize(
    ("order", "bend", "reason"),
    [
        (working(price=D("60000.05")), lambda s: s, Reason.RULES_CHANGED),
        (working(), lambda s: s._replace(quotes={perpetual(): (quote_at(at=NOW - 5_000), NOW)}), Reason.QUOTE_AGE),
        (working(), viewed(believed_at=NOW - 20_000, barrier_at=0), Reason.ACCOUNT_AGE),
        (working(placed_at=NOW - 120_000), lambda s: s, Reason.PAST_DEADLINE),
    ],
)
def test_one_that_nobody_can_vouch_for_any_more_goes(
    order: Order, bend: Callable[[State], State], reason: Reason
) -> None:
    verdict = tended(order, bend=bend)
    assert (verdict.action, verdict.reason, verdict.cancel) == (Action.CANCEL, reason, order)
    assert verdict.detail


def test_in_the_settlement_average_only_what_saves_margin_rests_on() -> None:
    """It may leave there: what takes it off at once would let it leave again and again, and save nothing."""
    state = world(BOTH, {NEAR: future(NEAR, 1 / 96), PERP: instrument_of()}, {NEAR: "-1"}, spot="3")
    verdict = looked(state, BOTH, memory=SHORT_OF_MARGIN)
    assert verdict.reason is Reason.MARGIN_REDUCTION
    saving = working(quantity="0.25", id=NEAR, margin_reduction=True)
    assert looked(state, BOTH, memory=SHORT_OF_MARGIN, working=saving).reason is Reason.ORDER_WORKING
    other = replace(saving, margin_reduction=False)
    assert looked(state, BOTH, memory=SHORT_OF_MARGIN, working=other).reason is Reason.EXPIRING


def test_an_account_that_is_not_read_takes_no_order_off_that_rests_on_another_one() -> None:
    hedge = replace(POLICY.hedges[0], spot_accounts=(ACCOUNT, "cold"))
    policy = replace(POLICY, hedges=(hedge,), accounts=(ACCOUNT, "cold"))
    fresh, order = initial_state(policy, now=NOW, epoch=1), working()
    state = hedging("1", "-1", orders=(order,))
    state = state._replace(accounts={**fresh.accounts, **state.accounts}, accounts_of_hedge=fresh.accounts_of_hedge)
    assert looked(state, policy, working=order).reason is Reason.ORDER_WORKING


# --- when it stands still ---------------------------------------------------------------------------------------------


def test_once_it_was_flat_it_does_nothing_but_take_off_what_comes_back() -> None:
    done = replace(LATCHED, flat_at=NOW - 1)
    state = hedging("1", "-1")
    assert said(looked(state, latch=done)) == (Action.HOLD, Reason.FLAT, "since it was flattened (out)")
    back = working()
    verdict = looked(state, latch=done, working=back)
    assert (verdict.action, verdict.reason, verdict.cancel) == (Action.CANCEL, Reason.FLAT, back)


def test_held_by_a_pause_it_takes_its_order_off_and_says_what_holds_it() -> None:
    held = replace(LATCHED, held=True)
    state = hedging("1", "-1")._replace(paused="a look")
    assert said(looked(state, latch=held)) == (Action.DENY, Reason.NOT_HEDGING, "paused: a look")
    resting = working()
    verdict = looked(state, latch=held, working=resting)
    assert (verdict.action, verdict.reason, verdict.cancel) == (Action.CANCEL, Reason.NOT_HEDGING, resting)
