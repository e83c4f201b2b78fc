"""Each guard and an order that rests already: facts take it off, risk only what adds, entry and leave never do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.decision.decide import decide
from hedger.engine.decision.facts import gather
from hedger.engine.decision.unwind import unwind
from hedger.engine.decision.verdict import Verdict, give_way, no_price, off_the_grid, proposal_of, rests_no_longer
from hedger.engine.guards.conduct import priced
from hedger.engine.guards.limits import GUARDS, Kind, first_denial
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge, Peg
from hedger.engine.known.state import Action, Reason, Severity, State
from hedger.engine.known.switch import Switch
from hedger.engine.step import Result, step
from hedger.model.account import AccountReading, MarginMode, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import CancelOrder, Stamped
from hedger.model.order import Side
from tests.support.dated_worlds import DAY, NEAR, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, hedging, mark_at, order_of, placed, position_at, quote_at, reading_of

TODAY = NOW // DAY
KINDS = {name: kind for name, kind, _ in GUARDS}
LATCHED = Flatten(reason="out", asked_at=NOW - 10)
BREAKER = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 30_000)


@dataclass(frozen=True)
class Case:
    """What trips a guard while an order rests: other limits, or a state that is bent. `dated`: of a dated contract, at
    this price."""

    bend: Callable[[State], State] = lambda state: state
    guards: dict[str, Any] = field(default_factory=dict)
    hedge: dict[str, Any] = field(default_factory=dict)
    dated: str = ""


def at_hand(case: Case, spot: str = "2", position: str = "-1") -> tuple[State, Hedge]:
    """A book with a position, before it is bent."""
    if case.dated:
        policy = dated_policy(NEAR, guards=case.guards)
        state = world(policy, {NEAR: future(NEAR, 90)}, {NEAR: position}, spot=spot, prices={NEAR: case.dated})
        return state, policy.hedges[0]
    hedge = hedge_of(guards=case.guards, **case.hedge)
    return hedging(spot, position, policy=policy_of(hedge)), hedge


def viewed(**changes: Any) -> Callable[[State], State]:
    return lambda s: s._replace(accounts={ACCOUNT: replace(s.accounts[ACCOUNT], **changes)})


def read(change: Callable[[AccountReading], AccountReading]) -> Callable[[State], State]:
    def bend(state: State) -> State:
        reading = state.accounts[ACCOUNT].reading
        assert reading is not None
        return viewed(reading=change(reading))(state)

    return bend


def rows(**changes: Any) -> Callable[[State], State]:
    return read(lambda reading: replace(reading, positions=tuple(replace(p, **changes) for p in reading.positions)))


def quoted(quote: Quote, received_at: int = NOW) -> Callable[[State], State]:
    return lambda s: s._replace(quotes={perpetual(): (quote, received_at)})


def marked(mark: Mark, received_at: int = NOW) -> Callable[[State], State]:
    return lambda s: s._replace(marks={perpetual(): (mark, received_at)})


def remembering(**changes: Any) -> Callable[[State], State]:
    return lambda s: s._replace(hedges={"btc": replace(s.hedges["btc"], **changes)})


def drifting(state: State) -> State:
    movement = replace(state.accounts[ACCOUNT].movement, drifting_until=NOW + 60_000)
    return viewed(movement=movement)(state)


def priced_far_off(state: State) -> State:
    return state._replace(hedges={"btc": priced(state.hedges["btc"], perpetual(), D(50_000), NOW)})


def with_coin_settled(reading: AccountReading) -> AccountReading:
    id = InstrumentId(ACCOUNT, "BTC/USD:BTC")
    row: Position = position_at("1", id=id, payoff=Payoff.INVERSE, contract_multiplier=D(100))
    return replace(reading, positions=(*reading.positions, row))


UNSEEN = Peg(asset="USDT", par=D(1), limit=D(50), source=InstrumentId(ACCOUNT, "USDT/USD"))
CASES: dict[str, Case] = {
    "quote_age": Case(quoted(quote_at(at=NOW - 3_001), NOW - 3_001)),
    "mark_age": Case(marked(mark_at(at=NOW - 3_001), NOW - 3_001)),
    "account_age": Case(viewed(believed_at=NOW - 10_001, barrier_at=0)),
    "position_mode": Case(read(lambda reading: replace(reading, one_way=False))),
    "instrument_gone": Case(lambda s: s._replace(delisted=frozenset({perpetual()}))),
    "switch_lease": Case(viewed(switch=Switch(timeout_ms=1, fires_at=NOW, lease_until=NOW))),
    "breaker": Case(viewed(breaker=BREAKER)),
    "mark_collar": Case(marked(mark_at("60310"))),
    "price_sources": Case(rows(mark_price=D(80_000))),
    "quiet": Case(viewed(quiet_until_at=NOW + 9)),
    "expiring": Case(guards={"expiring": 91 * DAY}, dated="60000"),
    "index_collar": Case(marked(mark_at(index_price=D(59_000))), {"basis": D(1_000)}),
    "numeraire": Case(read(with_coin_settled), hedge={"numeraire_said": False}),
    "depeg": Case(hedge={"pegs": (UNSEEN,)}),
    "restricted": Case(viewed(breaker=replace(BREAKER, status=BreakerStatus.RESTRICTED))),
    "foreign_drift": Case(drifting),
    "futile_hedges": Case(remembering(futile=3)),
    "margin_ratio": Case(remembering(margin_severity=Severity.STOP)),
    "liquidation_distance": Case(remembering(liquidation_severity=Severity.STOP)),
    "free_margin": Case(read(lambda reading: replace(reading, margin=replace(reading.margin, available=D(0))))),
    "leverage": Case(rows(leverage=D(5))),
    "margin_mode": Case(rows(margin_mode=MarginMode.ISOLATED)),
    "spread": Case(guards={"spread": D("0.01")}),
    "depth": Case(guards={"depth": D(10_000_000)}),
    "basis": Case(marked(mark_at(index_price=D(59_900))), {"basis": D(1)}),
    "basis_yearly": Case(guards={"basis": D(1), "basis_yearly": D("0.01")}, dated="60300"),
    "adverse_funding": Case(marked(mark_at(funding_rate=D("-0.001")))),
    "position": Case(guards={"position": D("1.5")}),
    "order_notional": Case(guards={"order_notional": D(59_000)}),
    "daily_notional": Case(guards={"daily_notional": D(1)}),
    "daily_cost": Case(remembering(cost_day=TODAY, cost_before=D(-50)), {"daily_cost": D(49)}),
    "price_drift": Case(priced_far_off),
    "cancels_per_hour": Case(guards={"cancels_per_hour": 0}),
    "orders_per_minute": Case(guards={"orders_per_minute": 0}),
    "orders_per_day": Case(guards={"orders_per_day": 0}),
}


def resting(state: State, side: Side = Side.SELL, **changes: Any) -> Order:
    """An order of one coin that the venue has, at the best price of its side."""
    (id,) = state.instruments
    quote = state.quotes[id][0]
    price = quote.ask if side is Side.SELL else quote.bid
    made = order_of(side, "1", id=id, price=price, status=OrderStatus.OPEN, venue_order_id="v1")
    return replace(made, **changes)


def look(case: Case, spot: str, position: str, *, bent: bool = True, flattening: bool = False) -> Verdict:
    """What becomes of an order to sell a coin, as the guard is tripped."""
    state, hedge = at_hand(case, spot, position)
    order = resting(state, reduce_only=flattening, flatten=flattening)
    state = state._replace(orders={order.client_order_id: order})
    state = case.bend(state) if bent else state
    memory = state.hedges[hedge.name]
    if flattening:
        return unwind(state, hedge, memory, LATCHED, order)
    return decide(state, hedge, memory, gather(state, hedge))


def test_every_guard_there_is_meets_an_order_at_rest() -> None:
    assert CASES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", CASES)
def test_facts_and_risk_take_an_order_that_adds_off_the_book_and_entry_and_leave_let_it_rest(name: str) -> None:
    verdict = look(CASES[name], "3", "-1")
    if KINDS[name] in (Kind.FACT, Kind.RISK):
        assert (verdict.action, verdict.reason) == (Action.CANCEL, Reason(name))
        assert verdict.cancel is not None
        assert verdict.cancel.status is OrderStatus.OPEN
    else:
        assert (verdict.action, verdict.reason, verdict.cancel) == (Action.WAIT, Reason.ORDER_WORKING, None)


@pytest.mark.parametrize("flattening", [False, True], ids=["hedged", "flattened"])
@pytest.mark.parametrize("name", CASES)
def test_only_facts_take_an_order_that_makes_the_position_smaller_off_the_book(name: str, flattening: bool) -> None:
    verdict = look(CASES[name], "1", "1", flattening=flattening)
    if KINDS[name] is Kind.FACT:
        assert (verdict.action, verdict.reason) == (Action.CANCEL, Reason(name))
    else:
        assert (verdict.action, verdict.reason) == (Action.WAIT, Reason.ORDER_WORKING)


@pytest.mark.parametrize("name", CASES)
def test_the_guard_denies_a_new_order_where_it_is_tripped(name: str) -> None:
    """Without this, a case that trips nothing would leave an order at rest for no reason."""
    case = CASES[name]
    state, hedge = at_hand(case)
    state = case.bend(state)
    (rules,) = state.instruments.values()
    quote, mark = state.quotes[rules.id][0], state.marks[rules.id][0]
    memory = state.hedges[hedge.name]
    denied = first_denial(proposal_of(state, hedge, memory, rules, quote, mark, Side.SELL, D(1), quote.ask))
    assert denied is not None
    assert denied.reason is Reason(name)


def test_where_no_guard_is_tripped_an_order_rests_on() -> None:
    for spot, position, flattening in (("3", "-1", False), ("1", "1", False), ("1", "1", True)):
        verdict = look(Case(), spot, position, flattening=flattening)
        assert (verdict.action, verdict.reason) == (Action.WAIT, Reason.ORDER_WORKING)


# --- as the one step does it ------------------------------------------------------------------------------------------


def stepped(event: Quote | Mark, **guards: Any) -> Result:
    hedge = hedge_of(guards=guards)
    state, policy = hedging("2", "-1", policy=policy_of(hedge)), policy_of(hedge)
    order = resting(state)
    return step(state._replace(orders={order.client_order_id: order}), Stamped(NOW, event), policy)


@pytest.mark.parametrize(
    ("event", "reason"),
    [(mark_at("60310"), Reason.MARK_COLLAR), (mark_at(funding_rate=D("-0.001")), Reason.ADVERSE_FUNDING)],
    ids=["fact", "risk"],
)
def test_the_price_that_trips_a_guard_cancels_what_rests_and_nothing_takes_its_place(
    event: Mark, reason: Reason
) -> None:
    result = stepped(event)
    (command,) = result.commands
    assert isinstance(command, CancelOrder)
    assert [(d.action, d.reason) for d in result.decisions] == [(Action.CANCEL, reason)]
    assert result.state.orders[command.client_order_id].status is OrderStatus.PENDING_CANCEL


def test_a_spread_that_opens_keeps_new_orders_out_and_leaves_the_one_that_rests() -> None:
    result = stepped(quote_at("59700", "60000.1"))
    assert result.commands == ()
    assert [(d.action, d.reason) for d in result.decisions] == [(Action.WAIT, Reason.ORDER_WORKING)]
    state = hedging("2", "-1")
    denied = step(state, Stamped(NOW, quote_at("59700", "60000.1")), policy_of(hedge_of()))
    assert (placed([denied]), denied.decisions[0].reason) == ([], Reason.SPREAD)


# --- what exactly is judged -------------------------------------------------------------------------------------------


def judged(state: State, order: Order, hedge: Hedge | None = None) -> Reason | None:
    hedge = hedge or hedge_of()
    denied = rests_no_longer(state, hedge, state.hedges["btc"], order)
    return None if denied is None else denied.reason


def test_an_order_is_judged_by_its_own_price_and_by_what_of_it_may_still_fill() -> None:
    state = hedging("2", "-1")
    far = resting(state, price=D("60301"))
    assert judged(state, far) is Reason.MARK_COLLAR
    small = hedge_of(guards={"order_notional": D(30_000)})
    half = resting(state, booked=D("0.5"))
    assert judged(state, half, small) is Reason.ORDER_NOTIONAL, "half a coin is worth ten cents more"
    assert judged(state, replace(half, reported=D("0.501")), small) is None
    assert judged(hedging("1", "0.4"), resting(state, booked=D("0.6")), small) is None, "the rest only reduces"


def test_the_side_of_an_order_decides_what_is_adverse_to_it() -> None:
    state = marked(mark_at(funding_rate=D("0.001")))(hedging("-2", "1"))
    assert judged(state, resting(state, Side.BUY)) is Reason.ADVERSE_FUNDING
    assert judged(state, resting(state, Side.SELL)) is None


@pytest.mark.parametrize("name", ["breaker", "switch_lease", "price_sources"])
def test_an_order_that_saves_margin_rests_where_any_other_one_is_taken_off(name: str) -> None:
    state = CASES[name].bend(hedging("1", "1"))
    for saves in (True, False):
        order = resting(state, reduce_only=True, margin_reduction=saves)
        assert judged(state, order) is (None if saves else Reason(name))


def test_an_order_rests_until_its_deadline_and_not_at_it() -> None:
    deadline = hedge_of().execution.deadline_ms
    for age, reason in ((deadline - 1, None), (deadline, Reason.PAST_DEADLINE)):
        state = hedging("2", "-1")
        assert judged(state, resting(state, placed_at=NOW - age)) is reason


def test_a_guard_is_named_before_the_deadline_and_the_deadline_before_the_market() -> None:
    state = hedging("2", "-1")
    late = resting(state, placed_at=NOW - 120_000, price=D(60_050))
    assert judged(state, late) is Reason.PAST_DEADLINE
    assert judged(state, replace(late, placed_at=NOW - 119_999)) is Reason.PRICE_MOVED
    assert judged(CASES["breaker"].bend(state), late) is Reason.BREAKER


def test_the_market_takes_off_what_lies_behind_it_on_either_side() -> None:
    state = hedging("2", "-1")
    old: dict[str, Any] = {"placed_at": NOW - 3_000}
    assert judged(state, resting(state, Side.SELL, price=D("60000.3"), **old)) is Reason.PRICE_MOVED
    assert judged(state, resting(state, Side.SELL, price=D("60000.2"), **old)) is None, "a tick is worth the queue"
    assert judged(state, resting(state, Side.BUY, price=D("59999.8"), **old)) is Reason.PRICE_MOVED
    assert judged(state, resting(state, Side.BUY, price=D("60000.2"), **old)) is None, "it is before the market"
    behind = rests_no_longer(state, hedge_of(), state.hedges["btc"], resting(state, price=D("60001"), **old))
    assert behind == (Reason.PRICE_MOVED, "60001 is behind 60000/60000.1")


# --- the rules of its instrument, and what can be taken off -----------------------------------------------------------


def test_an_order_of_another_grid_or_another_unit_is_told_and_one_on_the_grid_is_not() -> None:
    state = hedging("2", "-1")
    assert off_the_grid(state, resting(state)) is None
    for odd in (resting(state, price=D("60000.15")), resting(state, quantity=D("1.0005"))):
        denied = off_the_grid(state, odd)
        assert denied is not None
        assert denied.reason is Reason.RULES_CHANGED
        assert f"{odd.quantity} at {odd.price}" in denied.detail
    assert off_the_grid(viewed(owed=1)(state), resting(state)) is not None


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN, None])
def test_only_what_is_known_to_rest_can_be_taken_off_and_the_reason_is_told_all_the_same(
    status: OrderStatus | None,
) -> None:
    state = CASES["breaker"].bend(hedging("2", "-1"))
    order = resting(state)
    denied = rests_no_longer(state, hedge_of(), state.hedges["btc"], order)
    assert denied is not None
    off = give_way(order, denied)
    assert off == Verdict(Action.CANCEL, Reason.BREAKER, denied.detail, cancel=order)
    verdict = give_way(None if status is None else replace(order, status=status), denied)
    assert verdict == Verdict(Action.DENY, Reason.BREAKER, denied.detail)


def test_the_reading_of_now_says_which_position_an_order_meets() -> None:
    state = hedging("2", "-1")
    short = hedge_of(guards={"order_notional": D(1)})
    assert judged(state, resting(state), short) is Reason.ORDER_NOTIONAL
    long = viewed(reading=reading_of("1", "1"))(state)
    assert judged(long, resting(state), short) is None


def test_that_there_is_no_price_is_said_with_the_market_and_its_ticks() -> None:
    assert no_price(instrument_of(), quote_at()) == "no passive price at 60000/60000.1 with ticks of 0.1"
