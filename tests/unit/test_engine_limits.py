"""The guards one by one, at their limits, in both directions."""

from dataclasses import fields, replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.conduct import canceled, cancels_in_vain, cost_today, day_opened, priced
from hedger.engine.guards.limits import EVALUATED, GUARDS, WITHOUT_SETTING, Kind, Proposal, first_denial
from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Guards
from hedger.engine.known.state import HedgeState, Reason, Severity, State
from hedger.model.message import PlaceOrder, TimePassed
from hedger.model.order import Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_policies import GUARDS as LIMITS
from tests.support.engine_worlds import NOW, POLICY, feed, fill_of, hedging, mark_at, order_of, placed, quote_at

LONG, SHORT = "1", "-1"


def propose(
    side: Side = Side.SELL,
    quantity: str = "0.1",
    *,
    position: str = "0",
    price: str = "60000.1",
    state: State | None = None,
    memory: HedgeState | None = None,
    quote: Any = None,
    mark: Any = None,
    multiplier: str = "1",
    **guards: Any,
) -> Proposal:
    quote, mark = quote or quote_at(), mark or mark_at()
    state = state or hedging("1", position)
    id = instrument_of().id
    state = state._replace(quotes={id: (quote, NOW)}, marks={id: (mark, NOW)})
    return Proposal(
        state=state,
        hedge=replace(POLICY.hedges[0], guards=replace(LIMITS, **guards)),
        memory=memory or HedgeState(),
        instrument=instrument_of(multiplier=multiplier),
        side=side,
        quantity=D(quantity),
        price=D(price),
        position=D(position),
        quote=quote,
        mark=mark,
    )


def reason(proposal: Proposal, *, resting: bool = False) -> Reason | None:
    denied = first_denial(proposal, resting=resting)
    return denied.reason if denied is not None else None


def test_every_guard_of_a_policy_is_evaluated_and_no_other() -> None:
    assert {field.name for field in fields(Guards)} == EVALUATED
    assert {name for name, _, _ in GUARDS} == EVALUATED | WITHOUT_SETTING
    assert {Reason(name) for name, _, _ in GUARDS} <= set(Reason), "each denies with a reason of its own name"


def test_facts_are_looked_at_before_risk() -> None:
    kinds = [kind for _, kind, _ in GUARDS]
    assert kinds == sorted(kinds, key=lambda kind: kind is not Kind.FACT)


def test_a_good_order_passes_every_guard() -> None:
    assert reason(propose()) is None
    assert reason(propose(Side.BUY, price="60000")) is None


@pytest.mark.parametrize(
    ("side", "rate", "denied"),
    [
        (Side.SELL, "-0.001", True),
        (Side.SELL, "0.001", False),
        (Side.BUY, "0.001", True),
        (Side.BUY, "-0.001", False),
        (Side.SELL, "-0.0004", False),
    ],
)
def test_funding_is_adverse_to_longs_when_positive_and_to_shorts_when_negative(
    side: Side, rate: str, denied: bool
) -> None:
    position = "-0.5" if side is Side.SELL else "0.5"
    proposal = propose(side, position=position, price="60000.1", mark=mark_at(funding_rate=D(rate)))
    assert (reason(proposal) is Reason.ADVERSE_FUNDING) is denied


def test_funding_is_judged_by_the_year_whatever_its_interval() -> None:
    hourly = mark_at(funding_rate=D("-0.0001"), funding_interval_ms=3_600_000)
    assert reason(propose(mark=hourly)) is Reason.ADVERSE_FUNDING
    assert reason(propose(mark=mark_at(funding_rate=D("-0.0001")))) is None


@pytest.mark.parametrize(
    ("price", "expected"), [("60300", None), ("60301", Reason.MARK_COLLAR), ("59699", Reason.MARK_COLLAR)]
)
def test_a_price_far_from_the_mark_is_refused_on_both_sides(price: str, expected: Reason | None) -> None:
    assert reason(propose(price=price)) is expected


def test_a_price_far_from_the_index_is_refused_where_mark_and_index_part() -> None:
    parted = mark_at(index_price=D(59_000))
    assert reason(propose(mark=parted, basis=D(1_000))) is Reason.INDEX_COLLAR


@pytest.mark.parametrize(("index", "expected"), [("59450", None), ("59400", Reason.BASIS), ("60650", Reason.BASIS)])
def test_a_basis_is_refused_in_both_directions(index: str, expected: Reason | None) -> None:
    assert reason(propose(mark=mark_at(index_price=D(index)), index_collar=D(1_000))) is expected


def test_depth_is_that_of_the_side_that_is_joined() -> None:
    thin_ask = quote_at(ask_quantity=D("0.001"))
    assert reason(propose(quote=thin_ask)) is Reason.DEPTH
    assert reason(propose(Side.BUY, price="60000", quote=thin_ask)) is None


@pytest.mark.parametrize("side", Side)
def test_a_position_may_grow_to_its_limit_and_no_further(side: Side) -> None:
    held = str(side.sign * D("0.9"))
    assert reason(at_limit(side, "0.1", held)) is None
    assert reason(at_limit(side, "0.101", held)) is Reason.POSITION


def at_limit(side: Side, quantity: str, position: str, **changes: Any) -> Proposal:
    return with_limit(propose(side, quantity, position=position, **changes), "1")


def with_limit(proposal: Proposal, limit: str) -> Proposal:
    guards = replace(proposal.hedge.guards, position=D(limit))
    return replace(proposal, hedge=replace(proposal.hedge, guards=guards))


def test_a_position_limit_counts_coins_and_not_contracts() -> None:
    assert reason(with_limit(propose(quantity="0.1", multiplier="1000"), "50")) is Reason.POSITION
    assert reason(with_limit(propose(quantity="0.1", multiplier="1000"), "100")) is None


def test_a_position_limit_counts_what_a_lost_order_may_have_done() -> None:
    lost = order_of(quantity="0.5", status=OrderStatus.UNKNOWN)
    state = hedging("2", "-0.4", orders=[lost])
    assert reason(at_limit(Side.SELL, "0.1", "-0.4", state=state)) is None
    assert reason(at_limit(Side.SELL, "0.2", "-0.4", state=state)) is Reason.POSITION
    other_side = hedging("2", "-0.4", orders=[replace(lost, side=Side.BUY)])
    assert reason(at_limit(Side.SELL, "0.2", "-0.4", state=other_side)) is None


def test_an_order_worth_more_than_the_cap_is_refused() -> None:
    assert reason(propose(order_notional=D(6_000))) is Reason.ORDER_NOTIONAL
    assert reason(propose(order_notional=D(6_001))) is None


def test_limits_of_a_day_end_with_the_day() -> None:
    today = NOW // 86_400_000
    used = HedgeState(day=today, day_orders=7, day_notional=D(10_000))
    assert reason(propose(memory=used, orders_per_day=7)) is Reason.ORDERS_PER_DAY
    assert reason(propose(memory=used, daily_notional=D(15_000))) is Reason.DAILY_NOTIONAL
    yesterday = replace(used, day=today - 1)
    assert reason(propose(memory=yesterday, orders_per_day=7, daily_notional=D(15_000))) is None


def test_what_a_day_cost_is_counted_from_its_beginning_and_may_reach_its_limit() -> None:
    today = NOW // 86_400_000
    spent = Ledger(fees=D(-40), funding=D(-30), realised_spread=D(10), slippage=D(-900))
    memory = day_opened(HedgeState(), Ledger(fees=D(-20)), NOW)
    assert day_opened(memory, spent, NOW + 1) is memory, "within a day it stays as it began"
    assert (memory.cost_day, cost_today(memory, spent, NOW)) == (today, D(40))
    assert cost_today(memory, spent, NOW + 86_400_000) == 0
    assert cost_today(day_opened(memory, spent, NOW + 86_400_000), spent, NOW + 86_400_000) == 0


def test_what_today_cost_may_reach_its_limit_and_no_more() -> None:
    spent = HedgeState(cost_day=NOW // 86_400_000, cost_before=D(-50))
    assert reason(propose(memory=spent, daily_cost=D(50))) is None
    assert reason(propose(memory=spent, daily_cost=D("49.99"))) is Reason.DAILY_COST
    yesterday = replace(spent, cost_day=spent.cost_day - 1)
    assert reason(propose(memory=yesterday, daily_cost=D("49.99"))) is None


def test_orders_of_the_last_minute_are_counted_and_older_ones_are_not() -> None:
    busy = HedgeState(sent_at=(NOW - 59_999, NOW - 1))
    assert reason(propose(memory=busy, orders_per_minute=2)) is Reason.ORDERS_PER_MINUTE
    calm = HedgeState(sent_at=(NOW - 60_000, NOW - 1))
    assert reason(propose(memory=calm, orders_per_minute=2)) is None


def test_our_own_prices_of_ten_minutes_are_compared_and_older_ones_are_not() -> None:
    id = instrument_of().id
    memory = priced(HedgeState(), id, D(60_000), NOW - 9 * 60_000)
    assert reason(propose(price="60120.1", memory=memory, price_drift=D(20))) is Reason.PRICE_DRIFT
    assert reason(propose(price="60119.9", memory=memory, price_drift=D(20))) is None
    assert reason(propose(price="59879", memory=memory, price_drift=D(20))) is Reason.PRICE_DRIFT
    older = priced(HedgeState(), id, D(60_000), NOW - 10 * 60_000)
    assert reason(propose(price="60120.1", memory=older, price_drift=D(20))) is None
    elsewhere = priced(HedgeState(), perpetual("ETH"), D(3_000), NOW)
    assert reason(propose(memory=elsewhere, price_drift=D(20))) is None, "each instrument has prices of its own"


def test_cancels_of_an_hour_are_counted_until_a_fill() -> None:
    memory = HedgeState()
    for n in range(4):
        memory = canceled(memory, NOW - 50 * 60_000 + n * 60_000)
    assert reason(propose(memory=memory, cancels_per_hour=4)) is Reason.CANCELS_PER_HOUR
    assert reason(propose(memory=memory, cancels_per_hour=5)) is None
    later = propose(memory=memory, cancels_per_hour=4)
    gone = later.state._replace(now=NOW + 11 * 60_000)
    assert cancels_in_vain(memory, gone.now) == 2


def test_what_was_done_in_the_future_counts_nothing() -> None:
    ahead = canceled(priced(HedgeState(), instrument_of().id, D(50_000), NOW + 3_600_000), NOW + 3_600_000)
    assert reason(propose(memory=ahead, price_drift=D(20), cancels_per_hour=1)) is None


@pytest.mark.parametrize("day", [0, NOW // 86_400_000])
def test_a_fill_empties_the_count_of_cancels(day: int) -> None:
    ours = order_of(quantity="0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    state = hedging("1", "0", orders=[ours])
    state = state._replace(hedges={"btc": canceled(canceled(HedgeState(day=day), NOW), NOW)})
    state, _ = feed(state, (NOW + 10, fill_of(ours, "0.1")))
    assert cancels_in_vain(state.hedges["btc"], NOW + 10) == 0


def test_what_is_remembered_of_prices_and_cancels_is_bounded() -> None:
    memory = HedgeState()
    for n in range(5_000):
        at = NOW + 1_000 * n
        memory = canceled(priced(memory, instrument_of().id, D(60_000 + n), at), at)
    assert len(memory.prices) <= 11
    assert len(memory.cancels) <= 61


def test_the_free_margin_of_a_contract_is_that_of_the_money_which_it_settles_in() -> None:
    """Where each money backs only its own, what is free of another one buys nothing; nor does one that is short stop
    what settles in the other."""
    state = hedging("1", "-0.4")
    view = state.accounts[ACCOUNT]
    assert view.reading is not None
    rich = view.reading.margin
    poor = replace(rich, available=D(0))
    for nearest, own, wanted in ((rich, poor, Reason.FREE_MARGIN), (poor, rich, None)):
        told = replace(view.reading, margin=nearest, coin_margins={"USDT": own})
        apart = state._replace(accounts={ACCOUNT: replace(view, reading=told)})
        assert reason(propose(quantity="0.1", position="-0.4", state=apart)) is wanted


def test_an_order_that_the_free_margin_does_not_cover_is_refused() -> None:
    state = hedging("1", "-0.4")
    view = state.accounts[ACCOUNT]
    assert view.reading is not None
    poor = replace(view.reading, margin=replace(view.reading.margin, available=D(6_001)))
    state = state._replace(accounts={ACCOUNT: replace(view, reading=poor)})
    assert reason(propose(quantity="0.1", position="-0.4", state=state)) is None
    assert reason(propose(quantity="0.101", position="-0.4", state=state)) is Reason.FREE_MARGIN
    assert reason(propose(Side.BUY, quantity="0.4", price="60000", position="-0.4", state=state)) is None
    turned = propose(Side.BUY, quantity="0.501", price="60000", position="-0.4", state=state)
    assert reason(turned) is Reason.FREE_MARGIN
    assert reason(propose(quantity="0.2", position="-0.4", state=state, leverage=2)) is not Reason.FREE_MARGIN


# --- sized to the room ------------------------------------------------------------------------------------------------


def first_order(state: State, **guards: Any) -> tuple[PlaceOrder | None, Reason]:
    policy = policy_of(hedge_of(guards=guards))
    state, results = feed(state, (NOW, TimePassed()), policy=policy)
    decision = state.hedges["btc"].decision
    assert decision is not None
    return next(iter(placed(results)), None), decision.reason


@pytest.mark.parametrize("side", Side)
def test_an_order_is_sized_down_to_the_room_under_the_position_limit(side: Side) -> None:
    spot, position = str(-side.sign * 2), str(side.sign * D("0.6"))
    order, _ = first_order(hedging(spot, position), position=D("1.05"))
    assert order is not None
    assert (order.side, order.quantity) == (side, D("0.45"))
    order, why = first_order(hedging(spot, str(side.sign * D("1.0495"))), position=D("1.05"))
    assert order is None
    assert why is Reason.POSITION, "less room than the smallest order"


def test_the_room_is_less_by_what_a_lost_order_may_have_done() -> None:
    lost = order_of(quantity="0.3", status=OrderStatus.UNKNOWN, changed_at=NOW)
    order, _ = first_order(hedging("2", "-0.6", orders=[lost]), position=D("1.05"))
    assert order is not None
    assert order.quantity == D("0.15")


def test_an_order_that_reduces_needs_no_room() -> None:
    order, _ = first_order(hedging("0", "-3"), position=D(1))
    assert order is not None
    assert (order.side, order.quantity, order.reduce_only) == (Side.BUY, D(3), True)


def test_an_order_is_sized_down_to_the_free_margin() -> None:
    state = hedging("2", "0")
    view = state.accounts[ACCOUNT]
    assert view.reading is not None
    poor = replace(view.reading, margin=replace(view.reading.margin, available=D(30_000)))
    order, _ = first_order(state._replace(accounts={ACCOUNT: replace(view, reading=poor)}))
    assert order is not None
    assert D("0.48") <= order.quantity < D("0.5")


RISKY: dict[str, dict[str, Any]] = {
    "futile_hedges": {"memory": HedgeState(futile=3)},
    "margin_ratio": {"memory": HedgeState(margin_severity=Severity.STOP)},
    "liquidation_distance": {"memory": HedgeState(liquidation_severity=Severity.STOP)},
    "leverage": {"leverage": 3},
    "spread": {"spread": D("0.01")},
    "depth": {"depth": D(10_000_000)},
    "basis": {"basis": D("1"), "mark": mark_at(index_price=D(59_900))},
    "order_notional": {"order_notional": D(1)},
    "daily_notional": {"daily_notional": D(1)},
    "daily_cost": {"daily_cost": D(49), "memory": HedgeState(cost_day=NOW // 86_400_000, cost_before=D(-50))},
    "price_drift": {"memory": priced(HedgeState(), instrument_of().id, D(50_000), NOW)},
    "cancels_per_hour": {"cancels_per_hour": 0},
    "orders_per_minute": {"orders_per_minute": 0},
    "orders_per_day": {"orders_per_day": 0},
}


@pytest.mark.parametrize("name", RISKY)
@pytest.mark.parametrize(("side", "position"), [(Side.BUY, SHORT), (Side.SELL, LONG)])
def test_what_only_makes_a_position_smaller_passes_every_guard_of_risk(name: str, side: Side, position: str) -> None:
    price = "60000" if side is Side.BUY else "60000.1"
    assert reason(propose(side, "0.4", position=position, price=price, **RISKY[name])) is None
    turning = propose(side, "1.5", position=position, price=price, **RISKY[name])
    assert reason(turning) is Reason(name), "turning it round adds risk"


@pytest.mark.parametrize("name", [name for name, kind, _ in GUARDS if kind is Kind.ENTRY and name in RISKY])
def test_guards_of_entry_leave_a_resting_order_alone(name: str) -> None:
    assert reason(propose(**RISKY[name])) is Reason(name)
    assert reason(propose(**RISKY[name]), resting=True) is None


@pytest.mark.parametrize(
    ("age", "offset", "stale"), [(2_999, 0, False), (3_001, 0, True), (0, 3_500, True), (0, -2_500, True)]
)
def test_freshness_is_judged_by_the_venue_s_clock_as_well(age: int, offset: int, stale: bool) -> None:
    """The offset says how far the venue's clock is ahead; a quote from the future is no better than an old one."""
    state = hedging("1", "0")
    proposal = propose(state=state, quote=quote_at(at=NOW - age))
    account = replace(proposal.state.accounts[ACCOUNT], offset_ms=offset)
    proposal = replace(proposal, state=proposal.state._replace(accounts={ACCOUNT: account}), mark=mark_at())
    assert (reason(proposal) is Reason.QUOTE_AGE) is stale
