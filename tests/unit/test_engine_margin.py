"""Margin that runs out: which position comes off, what must not delay it, and legs that never stand against each
other."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.mode import with_mode
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import AccountView, Reason, Severity, State, initial_state
from hedger.engine.step import Result
from hedger.model.account import AccountReading, Margin
from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder, Stamped, TimePassed
from hedger.model.order import RejectReason, Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, mark_at, placed, position_at, quote_at, read_at, reading_of

OTHER, SPOT = "other", "spot"
HERE, THERE = perpetual(), perpetual(account=OTHER)
SECOND = InstrumentId(ACCOUNT, "BTC/USDC:USDC")


def margin_of(ratio: str) -> Margin:
    """An equity that carries what these tests hold, so that only the ratio speaks."""
    equity = D(10) ** 7
    return Margin(equity=equity, maintenance_margin=equity * D(ratio), initial_margin=D(0), available=D(10) ** 9)


def reading(
    spot: str, positions: Mapping[InstrumentId, str], ratio: str = "0.01", account: str = ACCOUNT
) -> AccountReading:
    rows = tuple(position_at(quantity, id=id) for id, quantity in positions.items())
    return reading_of(spot, account=account, positions=rows, margin=margin_of(ratio))


def world(policy: Policy, *readings: AccountReading) -> State:
    """A reconciled state at NOW with these readings believed and fresh prices for everything."""
    ids = [id for hedge in policy.hedges for id in hedge.instruments]
    views = {r.account: AccountView(reading=r, believed_at=NOW - 1, barrier_at=NOW - 1_000) for r in readings}
    return with_mode(
        initial_state(policy, now=NOW, epoch=1)._replace(
            instruments={id: instrument_of(id=id) for id in ids},
            quotes={id: (quote_at(id=id), NOW) for id in ids},
            marks={id: (mark_at(id=id), NOW) for id in ids},
            accounts=views,
            reconciled=True,
        ),
        policy,
    )


def after(policy: Policy, ms: int, *readings: AccountReading, state: State, **mark: Any) -> tuple[State, list[Result]]:
    """So much later: fresh prices, then these readings anew."""
    at = NOW + ms
    ids = [id for hedge in policy.hedges for id in hedge.instruments]
    prices = [Stamped(at, mark_at(at=at, id=id, **mark)) for id in ids]
    prices += [Stamped(at, quote_at(at=at, id=id)) for id in ids]
    return feed(state, *prices, *(read_at(at, replace(r, exchange_at=at)) for r in readings), policy=policy)


def two_derivatives_accounts(**guards: object) -> Hedge:
    return hedge_of(instruments=(HERE, THERE), guards={"position": D(100), **guards})


# --- which position ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["-", ""])
@pytest.mark.parametrize(("healthy", "weak"), [("0.02", "0.9"), ("0.55", "0.95"), ("0.72", "0.95")])
def test_the_endangered_position_is_reduced_and_not_the_largest(sign: str, healthy: str, weak: str) -> None:
    policy = policy_of(two_derivatives_accounts())
    spot = "11" if sign else "-11"
    large = reading(spot, {HERE: f"{sign}10"}, healthy)
    small = reading("0", {THERE: f"{sign}1"}, weak, OTHER)
    _, results = after(policy, 100, large, small, state=world(policy, large, small))
    (order,) = placed(results)
    assert (order.id, order.side, order.quantity) == (THERE, Side.BUY if sign else Side.SELL, D("0.25"))
    assert order.reduce_only


@pytest.mark.parametrize("first", [HERE, SECOND])
def test_the_position_nearest_to_its_liquidation_is_reduced_on_one_account(first: InstrumentId) -> None:
    second = SECOND if first == HERE else HERE
    policy = policy_of(hedge_of(instruments=(HERE, SECOND), guards={"position": D(100)}))
    rows = (
        position_at("-10", id=second, liquidation_price=D(60_000) * D("1.12")),
        position_at("-1", id=first, liquidation_price=D(60_000) * D("1.03")),
    )
    held = replace(reading("11", {}), positions=rows)
    _, results = after(policy, 100, held, state=world(policy, held))
    (order,) = placed(results)
    assert (order.id, order.quantity) == (first, D("0.25"))


# --- what must not delay it -------------------------------------------------------------------------------------------


def margin_short(sign: int = -1) -> AccountReading:
    return reading("0", {HERE: str(sign * 5)}, "0.9")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_reduction_goes_on_while_an_unrelated_spot_account_cannot_be_read(sign: int) -> None:
    policy = policy_of(hedge_of(spot_accounts=(SPOT,)), accounts=(ACCOUNT, SPOT))
    unread = reading_of(str(-5 * sign), account=SPOT, positions=(), collateral={})
    state = world(policy, margin_short(sign), unread)
    state, results = after(policy, 12_000, margin_short(sign), state=state)
    assert state.hedges["btc"].severity is Severity.REDUCE
    (order,) = placed(results)
    assert (order.side, order.quantity) == (Side.BUY if sign < 0 else Side.SELL, D("1.25"))
    assert state.orders[order.client_order_id].margin_reduction
    yes = OrderAccepted(client_order_id=order.client_order_id, venue_order_id="v1")
    state, _ = feed(state, (NOW + 12_100, yes), (NOW + 12_250, TimePassed()), policy=policy)
    assert state.orders[order.client_order_id].status is OrderStatus.OPEN, "and it may rest there"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("index", ["58800", "61200"])
def test_a_reduction_goes_on_while_the_perpetual_and_its_index_are_apart(sign: int, index: str) -> None:
    policy = policy_of(hedge_of())
    held = replace(margin_short(sign), spot={"BTC": D(-5 * sign)})
    state, results = after(policy, 100, held, state=world(policy, held), index_price=D(index))
    (order,) = placed(results)
    assert order.reduce_only
    yes = OrderAccepted(client_order_id=order.client_order_id, venue_order_id="v1")
    state, _ = feed(state, (NOW + 200, yes), (NOW + 350, TimePassed()), policy=policy)
    assert state.orders[order.client_order_id].status is OrderStatus.OPEN, "and it may rest there"


def test_the_hedge_itself_adds_nothing_while_the_perpetual_and_its_index_are_apart() -> None:
    policy = policy_of(hedge_of(guards={"basis": D(1_000)}))
    exposed = reading("1", {HERE: "0"})
    state, results = after(policy, 100, exposed, state=world(policy, exposed), index_price=D(58_800))
    assert not placed(results)
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert decision.reason is Reason.INDEX_COLLAR


def test_a_reduction_does_not_wait_for_the_rest_that_refused_hedges_have_earned() -> None:
    policy = policy_of(hedge_of())
    held = replace(margin_short(), spot={"BTC": D(5)})
    state = world(policy, held)
    resting = replace(state.hedges["btc"], rest_until=NOW + 30_000, rest_reason=Reason.RESTING_AFTER_ATTEMPTS)
    state, results = after(policy, 100, held, state=state._replace(hedges={"btc": resting}))
    assert len(placed(results)) == 1


def test_reductions_that_are_refused_are_sent_again_at_their_own_pace() -> None:
    policy = policy_of(hedge_of())
    held = replace(margin_short(), spot={"BTC": D(5)})
    state, sent = world(policy, held), list[int]()
    for ms in range(100, 30_000, 500):
        state, results = after(policy, ms, held, state=state)
        for order in placed(results):
            sent.append(ms)
            name = order.client_order_id
            no = OrderRejected(client_order_id=name, reason=RejectReason.POST_ONLY_WOULD_CROSS, text="")
            state, _ = feed(state, (NOW + ms, no), policy=policy)
    gaps = {later - earlier for earlier, later in itertools.pairwise(sent)}
    assert len(sent) == 6
    assert gaps <= {5_000, 5_500}


def test_a_hedge_that_lacks_an_account_still_waits_for_it() -> None:
    policy = policy_of(hedge_of(spot_accounts=(SPOT,)), accounts=(ACCOUNT, SPOT))
    unread = reading_of("6", account=SPOT, positions=(), collateral={})
    healthy = reading("0", {HERE: "-5"})
    _, results = after(policy, 12_000, healthy, state=world(policy, healthy, unread))
    assert not placed(results)


# --- two legs ---------------------------------------------------------------------------------------------------------


def legs(first: str, second: str, spot: str, **guards: object) -> tuple[State, list[PlaceOrder]]:
    deep = {"order_notional": D(10) ** 9, "daily_notional": D(10) ** 9, **guards}
    policy = policy_of(hedge_of(instruments=(HERE, SECOND), guards=deep))
    held = reading(spot, {HERE: first, SECOND: second})
    state, results = after(policy, 100, held, state=world(policy, held))
    return state, placed(results)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_opposite_leg_is_closed_before_another_is_opened(sign: int) -> None:
    _, orders = legs("0", str(-8 * sign), "0")
    (order,) = orders
    assert (order.id, order.side, order.quantity) == (SECOND, Side.BUY if sign > 0 else Side.SELL, D(8))
    assert order.reduce_only


@pytest.mark.parametrize("sign", [1, -1])
def test_no_more_of_the_opposite_leg_is_closed_than_stands_there(sign: int) -> None:
    _, orders = legs("0", str(-3 * sign), str(-2 * sign))
    (order,) = orders
    assert (order.id, order.quantity, order.reduce_only) == (SECOND, D(3), True)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_leg_on_the_same_side_is_left_alone(sign: int) -> None:
    _, orders = legs("0", str(-3 * sign), str(4 * sign))
    (order,) = orders
    assert (order.id, order.side, order.quantity) == (HERE, Side.SELL if sign > 0 else Side.BUY, D(1))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("second", "allowed"), [(5, True), (6, False)])
def test_the_position_guard_sums_the_legs(sign: int, second: int, allowed: bool) -> None:
    """10 coins may stand in all: 4 on one leg, 5 or 6 on the other, and one more is due."""
    state, orders = legs(str(-4 * sign), str(-second * sign), str((5 + second) * sign))
    assert [order.quantity for order in orders] == ([D(1)] if allowed else [])
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert (decision.reason is Reason.POSITION) is not allowed


# --- moneys that back only their own ----------------------------------------------------------------------------------


def in_two_moneys(ratio: str, other: str, positions: Mapping[InstrumentId, str]) -> AccountReading:
    """One wallet in USDT and one in USDC, of which the account's own margin is the one that is nearer to its end."""
    own = {"USDT": margin_of(ratio), "USDC": margin_of(other)}
    told = reading("11", positions)
    return replace(told, margin=max(own.values(), key=lambda margin: margin.margin_ratio), coin_margins=own)


def of_two_moneys(policy: Policy, held: AccountReading) -> State:
    state = world(policy, held)
    return state._replace(instruments={**state.instruments, SECOND: instrument_of(id=SECOND, settle="USDC")})


def test_of_two_moneys_the_position_that_the_short_one_backs_is_reduced() -> None:
    """To take the larger one off would give its protection up, and save nothing."""
    policy = policy_of(hedge_of(instruments=(HERE, SECOND), guards={"position": D(100)}))
    held = in_two_moneys("0.02", "0.9", {HERE: "-10", SECOND: "-1"})
    _, results = after(policy, 100, held, state=of_two_moneys(policy, held))
    (order,) = placed(results)
    assert (order.id, order.quantity) == (SECOND, D("0.25"))


@pytest.mark.parametrize(("instrument", "severity"), [(HERE, Severity.CLEAR), (SECOND, Severity.REDUCE)])
def test_a_money_that_backs_no_contract_of_a_hedge_takes_nothing_off_it(
    instrument: InstrumentId, severity: Severity
) -> None:
    policy = policy_of(hedge_of(instruments=(instrument,), guards={"position": D(100)}))
    held = in_two_moneys("0.02", "0.9", {instrument: "-11"})
    state, _ = after(policy, 100, held, state=of_two_moneys(policy, held))
    assert state.hedges["btc"].margin_severity is severity


def test_where_no_price_is_named_the_equity_of_its_own_money_says_how_far_liquidation_is() -> None:
    policy = policy_of(hedge_of(instruments=(HERE,), guards={"position": D(100)}))
    poor = Margin(equity=D(1_000), maintenance_margin=D(300), initial_margin=D(0), available=D(700))
    rich = Margin(equity=D(10) ** 6, maintenance_margin=D(2_640), initial_margin=D(0), available=D(10) ** 6)
    held = replace(reading("11", {HERE: "-11"}), margin=poor, coin_margins={"USDT": rich, "USDC": poor})
    state, _ = after(policy, 100, held, state=of_two_moneys(policy, held))
    assert state.hedges["btc"].liquidation_severity is Severity.CLEAR


def test_the_wallet_of_its_coin_counts_though_no_contract_of_the_hedge_settles_in_it() -> None:
    """Options that it hedges hang on that one, and nobody else tells of it."""
    policy = policy_of(hedge_of(guards={"position": D(100)}))
    held = replace(reading("11", {HERE: "-11"}), coin_margins={"BTC": margin_of("0.6")})
    state, _ = after(policy, 100, held, state=world(policy, held))
    assert state.hedges["btc"].margin_severity is Severity.STOP
