"""Law 8 at the gate: what saves margin leaves through open breakers and without the switch, paced by its refusals."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.guards.gate import held_back
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Mode, Reason, Severity, State
from hedger.engine.known.switch import Switch
from hedger.engine.step import Result, step
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder, Stamped, TimePassed
from hedger.model.order import RejectReason, Side
from hedger.sim.checkers.gate import GateChecker
from hedger.sim.checkers.orders import OrdersChecker
from hedger.sim.happenings import Died, Started
from tests.support.checker_stand import Stand
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
    feed,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    reading_of,
)

OPEN = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 30_000, cooldown_ms=30_000)
HALF_OPEN = replace(OPEN, status=BreakerStatus.HALF_OPEN)
RESTRICTED = replace(OPEN, status=BreakerStatus.RESTRICTED)
PLACE = PlaceOrder(
    id=perpetual(),
    client_order_id="mine",
    side=Side.SELL,
    quantity=D(1),
    price=D(60_000),
    reduce_only=False,
    ttl_ms=2_000,
    decision_id=1,
)


def with_breaker(state: State, breaker: Breaker) -> State:
    return state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], breaker=breaker)}, mode=Mode.HEDGING)


def endangered(breaker: Breaker, **changes: object) -> State:
    """A hedge that is near its liquidation, with an account whose breaker is this."""
    state = with_breaker(hedging("1", "-1"), breaker)
    memory = replace(state.hedges["btc"], liquidation_severity=Severity.REDUCE)
    return with_mode(state._replace(hedges={"btc": memory}, **changes), POLICY)  # type: ignore[arg-type]


@pytest.mark.parametrize("breaker", [OPEN, replace(HALF_OPEN, probe="another"), RESTRICTED])
def test_margin_is_saved_whatever_the_breaker_says(breaker: Breaker) -> None:
    result = step(endangered(breaker), Stamped(NOW, quote_at()), POLICY)
    assert [d.reason for d in result.decisions] == [Reason.MARGIN_REDUCTION]
    (sent,) = placed([result])
    assert sent.reduce_only
    assert held_back(result.state, sent, NOW) is None


def test_the_mode_while_margin_is_saved_is_reduce_only_unless_a_person_a_ban_or_a_refused_key_forbids_it() -> None:
    assert endangered(OPEN).mode is Mode.REDUCE_ONLY
    assert endangered(OPEN, paused="a look").mode is Mode.CANCEL_ONLY
    assert endangered(OPEN, journal_fault="disk full").mode is Mode.CANCEL_ONLY
    assert endangered(replace(OPEN, last=RejectReason.NOT_AUTHORISED)).mode is Mode.CANCEL_ONLY
    banned = replace(endangered(OPEN).accounts[ACCOUNT], banned=True, quiet_until_at=NOW + 1)
    assert endangered(OPEN, accounts={ACCOUNT: banned}).mode is Mode.CANCEL_ONLY


def test_too_many_unknown_orders_shut_every_account_so_that_only_what_saves_margin_leaves() -> None:
    lost = {o.client_order_id: o for o in (order_of(sequence=n, status=OrderStatus.UNKNOWN) for n in (1, 2, 3))}
    state = endangered(Breaker(), orders=lost)
    assert state.mode is Mode.CANCEL_ONLY
    state, _ = feed(state, (NOW, TimePassed()))
    assert state.accounts[ACCOUNT].breaker.status is BreakerStatus.OPEN
    assert state.mode is Mode.REDUCE_ONLY


def test_an_order_that_only_hedges_is_held_back_where_a_margin_reduction_is_not() -> None:
    lapsed = Switch(timeout_ms=10_000, fires_at=NOW, lease_until=NOW)
    for saves in (True, False):
        sent = order_of(sequence=9, reduce_only=True, margin_reduction=saves)
        state = hedging(orders=[sent])
        state = state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], switch=lapsed)})
        command = replace(PLACE, client_order_id=sent.client_order_id, reduce_only=True)
        assert (held_back(state, command, NOW) is None) is saves
        quieter = replace(state.accounts[ACCOUNT], quiet_until_at=NOW + 1)
        assert held_back(state._replace(accounts={ACCOUNT: quieter}), command, NOW) is not None


def test_refused_reductions_are_paced_more_slowly_up_to_half_a_minute_and_one_that_is_taken_ends_that() -> None:
    waits = []
    for refused in range(5):
        state = endangered(Breaker())
        memory = replace(state.hedges["btc"], refused_reductions=refused, sent_at=(NOW,))
        state = state._replace(hedges={"btc": memory})
        waits.append(next(ms for ms in range(0, 60_000, 2_500) if placed([_at(state, NOW + ms)])))
    assert waits == [5_000, 10_000, 20_000, 30_000, 30_000]
    sent = order_of(reduce_only=True, margin_reduction=True)
    rejected = OrderRejected(client_order_id=sent.client_order_id, reason=RejectReason.CLOCK, text="")
    after, _ = feed(hedging("1", "-1", orders=[sent]), (NOW, rejected))
    assert after.hedges["btc"].refused_reductions == 1
    taken = OrderAccepted(client_order_id=sent.client_order_id, venue_order_id="v1")
    state, _ = feed(after._replace(orders={sent.client_order_id: sent}), (NOW, taken))
    assert state.hedges["btc"].refused_reductions == 0


def _at(state: State, at: int) -> Result:
    """What a look at fresh prices and a fresh reading comes to."""
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", "-1", at=at), believed_at=at)
    marks = {id: (replace(mark, exchange_at=at), at) for id, (mark, _) in state.marks.items()}
    state = state._replace(now=at, marks=marks, accounts={ACCOUNT: view})
    return step(state, Stamped(at, quote_at(at=at)), POLICY)


# --- a coin that is worth a tick --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bid", "offset"), [("0.0003", 2), ("0.0002", 2), ("0.0001", 2), ("0.0001", 0)])
@pytest.mark.parametrize("severity", [Severity.CLEAR, Severity.REDUCE])
def test_a_coin_that_fell_to_its_tick_is_bought_for_one_tick(bid: str, offset: int, severity: Severity) -> None:
    """As LUNA did: two ticks behind the bid there is no price."""
    (sent,) = placed([_collapsed(bid, str(D(bid) + D("0.0001")), offset, severity)])
    assert (sent.side, sent.price) == (Side.BUY, D("0.0001"))


@pytest.mark.parametrize("severity", [Severity.CLEAR, Severity.REDUCE])
def test_where_no_passive_price_exists_nothing_is_bought_and_that_is_said(severity: Severity) -> None:
    result = _collapsed("0.00005", "0.0001", 0, severity)
    assert not placed([result])
    assert [decision.reason for decision in result.decisions] == [Reason.NO_QUOTE]
    assert "no passive price" in result.decisions[0].detail


def _collapsed(bid: str, ask: str, offset: int, severity: Severity) -> Result:
    """Short 100,000 of a coin whose price is a tick or so, and what a look at it comes to."""
    wide = {name: D(10) ** 9 for name in ("mark_collar", "index_collar", "basis", "spread", "position")}
    hedge = hedge_of(execution={"offset_ticks": offset}, guards={**wide, "depth": D(0)})
    policy = policy_of(replace(hedge, band=band("1")))
    rules = instrument_of(
        tick_size=D("0.0001"), min_notional=D(1), lot_size=D(1), min_quantity=D(1), max_quantity=D(10) ** 9
    )
    state = hedging("1000", "-100000", policy=policy, instrument=rules)
    price = quote_at(bid, ask)
    memory = replace(state.hedges["btc"], margin_severity=severity)
    row = position_at("-100000", mark_price=D(ask))
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1000", positions=(row,)))
    state = state._replace(
        hedges={"btc": memory},
        quotes={rules.id: (price, NOW)},
        marks={rules.id: (mark_at(ask), NOW)},
        accounts={ACCOUNT: view},
    )
    return step(state, Stamped(NOW, price), policy)


# --- what the checker of I9 says to it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reduce_only", "saves", "broken"),
    [(True, True, []), (True, False, ["I9"]), (False, True, ["I9"]), (False, False, ["I9"])],
)
def test_only_a_reduce_only_margin_reduction_may_leave_without_the_switch(
    reduce_only: bool, saves: bool, broken: list[str]
) -> None:
    stand = Stand(policy_of(hedge_of(), switch_ms={ACCOUNT: 60_000}))
    order = replace(stand.order(), reduce_only=reduce_only)
    known = replace(order_of(reduce_only=reduce_only, margin_reduction=saves), client_order_id=order.client_order_id)
    after = stand.state(orders={order.client_order_id: known})
    checker = GateChecker(stand.witness)
    findings = [*checker.look(stand.stepped(order, after=after)), *checker.look(stand.sent(order))]
    assert [finding.invariant for finding in findings] == broken


@pytest.mark.parametrize(("saves", "broken"), [(True, []), (False, ["I2"])])
def test_only_a_margin_reduction_may_outlive_the_switch_of_a_dead_process(saves: bool, broken: list[str]) -> None:
    stand = Stand(policy_of(hedge_of(), switch_ms={ACCOUNT: 60_000}))
    order = stand.order()
    stand.rest(order)
    known = replace(order_of(reduce_only=True, margin_reduction=saves), client_order_id=order.client_order_id)
    checker = OrdersChecker(stand.witness)
    after = stand.state(orders={order.client_order_id: known})
    happenings = (
        Started(at=stand.now, epoch=1),
        stand.stepped(before=stand.state(), after=after),
        Died(at=stand.now, killed=True, text="", epoch=1),
    )
    assert [finding for happening in happenings for finding in checker.look(happening)] == []
    stand.wait(66)
    assert [finding.invariant for finding in checker.look(Started(at=stand.now, epoch=2))] == broken
