"""Flatten: a person brings a hedge's positions to zero. It pauses, reduces and nothing else, proves it, and rests."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.decision.unwind import unwind
from hedger.engine.guards.gate import held_back
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Mode, Reason, Severity, State, initial_state
from hedger.engine.known.switch import Switch
from hedger.engine.step import Result, step
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import Instrument
from hedger.model.message import CancelOrder, Operation, OperatorAsked, OrderRejected, Stamped, TimePassed
from hedger.model.order import RejectReason, ReportStatus, Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    read_at,
    reading_of,
    report_of,
    started,
)

TWO = policy_of(hedge_of(), hedge_of("ETH"))
FLATTEN = OperatorAsked(operation=Operation.FLATTEN, reason="out")
PAUSE = OperatorAsked(operation=Operation.PAUSE, reason="a look")
UNPAUSE = OperatorAsked(operation=Operation.UNPAUSE, reason="go on")
LATCHED = Flatten(reason="out", asked_at=NOW - 10)


def flatten_of(*names: str) -> OperatorAsked:
    return replace(FLATTEN, names=names)


def at(state: State, after_ms: int, *, spot: str = "1", position: str = "-1", policy: Policy = POLICY) -> Result:
    """What a look comes to later, at fresh prices and a fresh reading of the account."""
    now = NOW + after_ms
    view = replace(state.accounts[ACCOUNT], reading=reading_of(spot, position, at=now), believed_at=now, fills_since={})
    marks = {id: (replace(mark, exchange_at=now), now) for id, (mark, _) in state.marks.items()}
    quotes = {id: (replace(quote, exchange_at=now), now) for id, (quote, _) in state.quotes.items()}
    state = state._replace(now=now, marks=marks, quotes=quotes, accounts={ACCOUNT: view})
    return step(state, Stamped(now, TimePassed()), policy)


def flattened(
    spot: str = "1", position: str = "-1", *, policy: Policy = POLICY, orders: Sequence[Order] = (), **changes: Any
) -> State:
    """A hedge that was flattened a moment ago, with a reading that was asked for since."""
    state = hedging(spot, position, policy=policy, orders=orders)
    latched = dict.fromkeys(state.hedges, LATCHED)
    return with_mode(state._replace(**{"flattening": latched, "paused": "out", **changes}), policy)


# --- it pauses first --------------------------------------------------------------------------------------------------


def test_a_flatten_waits_for_a_reading_that_was_asked_for_after_it() -> None:
    state, (result,) = feed(hedging("1", "-1"), (NOW, FLATTEN))
    assert placed([result]) == []
    assert state.hedges["btc"].decision is not None
    assert state.hedges["btc"].decision.reason is Reason.AWAITING_READING
    state, results = feed(state, read_at(NOW + 500, reading_of("1", "-1", at=NOW + 500)))
    (sent,) = placed(results)
    assert (sent.side, sent.quantity, sent.reduce_only) == (Side.BUY, D(1), True)
    assert state.orders[sent.client_order_id].flatten


def test_what_works_and_does_not_reduce_is_canceled_first_and_its_end_awaited() -> None:
    working = order_of(Side.SELL, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    state, (asked,) = feed(hedging("1", "-0.5", orders=[working]), (NOW, FLATTEN))
    assert [type(command) for command in asked.commands] == [CancelOrder]
    state, results = feed(state, (NOW + 100, TimePassed()), read_at(NOW + 200, reading_of("1", "-0.5", at=NOW + 200)))
    assert placed(results) == []
    ended = report_of(working, ReportStatus.CANCELED, "0.2", at=NOW + 300)
    state, results = feed(state, (NOW + 300, ended))
    assert placed(results) == []
    result = at(state, 4_000, position="-0.7")
    (sent,) = placed([result])
    assert (sent.side, sent.quantity) == (Side.BUY, D("0.7"))


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_an_order_that_rests_stays_only_if_it_is_reduce_only_and_small_enough(side: Side) -> None:
    for reduce_only, quantity in ((True, "0.5"), (False, "0.5"), (True, "1.5")):
        working = order_of(side, quantity, status=OrderStatus.OPEN, venue_order_id="v1", reduce_only=reduce_only)
        result = at(flattened(orders=[working]), 10)
        stays = side is Side.BUY and reduce_only and quantity == "0.5"
        assert [type(command) for command in result.commands] == ([] if stays else [CancelOrder])


def test_an_order_that_was_decided_before_the_flatten_does_not_leave_after_it() -> None:
    state, (hedged,) = feed(hedging("1", "0"), (NOW, quote_at()))
    (sent,) = placed([hedged])
    assert held_back(state, sent, NOW) is None
    after, _ = feed(state, (NOW, flatten_of("btc")))
    assert held_back(after, sent, NOW) == "its hedge is being flattened: out"
    assert after.mode is Mode.REDUCE_ONLY


@pytest.mark.parametrize(
    ("latch", "held"),
    [
        (LATCHED, None),
        (replace(LATCHED, held=True), "its flatten is paused: a look"),
        (replace(LATCHED, flat_at=NOW), "its hedge was flattened: out"),
        (replace(LATCHED, held=True, flat_at=NOW), "its hedge was flattened: out"),
    ],
)
def test_an_order_that_reduces_leaves_under_the_pause_of_its_own_flatten_and_no_later_one(
    latch: Flatten, held: str | None
) -> None:
    result = at(flattened(), 10)
    (sent,) = placed([result])
    state = result.state._replace(flattening={"btc": latch}, paused="a look")
    assert held_back(state, sent, NOW + 10) == held
    assert held_back(state._replace(flattening={}), sent, NOW + 10) == "a look"


def test_an_order_of_a_paused_hedge_does_not_leave_while_another_one_is_flattened() -> None:
    order = order_of()
    command = feed(hedging("1", "0"), (NOW, quote_at()))[1][0].commands[0]
    state = flattened(orders=[order], flattening={"eth": LATCHED})
    assert held_back(state, replace(command, client_order_id=order.client_order_id), NOW) == "out"  # type: ignore[arg-type]


# --- it reduces and nothing else --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("position", "side"), [("-1", Side.BUY), ("1.2345", Side.SELL)])
def test_it_takes_off_whole_lots_up_to_the_position(position: str, side: Side) -> None:
    (sent,) = placed([at(flattened(position=position), 10, position=position)])
    assert sent.side is side
    assert sent.quantity == abs(D(position)).quantize(D("0.001"), rounding="ROUND_DOWN")
    assert sent.reduce_only


def test_what_an_order_of_unknown_fate_may_still_take_off_is_not_sent_again() -> None:
    lost = order_of(Side.BUY, "0.4", status=OrderStatus.UNKNOWN, flatten=True, reduce_only=True)
    (sent,) = placed([at(flattened(orders=[lost]), 10)])
    assert sent.quantity == D("0.6")
    all_of_it = replace(lost, quantity=D(1))
    result = at(flattened(orders=[all_of_it]), 10)
    assert placed([result]) == []
    assert result.decisions[0].reason is Reason.UNRESOLVED_ORDERS


def test_what_an_order_of_unknown_fate_may_add_is_not_taken_off_before_it_is_known() -> None:
    lost = order_of(Side.SELL, "0.4", status=OrderStatus.UNKNOWN)
    (sent,) = placed([at(flattened(orders=[lost]), 10)])
    assert sent.quantity == D(1)


def test_less_than_the_venue_takes_remains_and_is_said() -> None:
    for position, least in (("-0.0004", "0.001"), ("-0.001", "0.001"), ("-0.004", "0.005")):
        rules = instrument_of(min_quantity=D(least))
        state = flattened(position=position)._replace(instruments={perpetual(): rules})
        result = at(state, 10, position=position)
        (decision,) = result.decisions
        assert (decision.action, decision.reason) == (Action.HOLD, Reason.FLAT)
        assert position in decision.detail


def test_a_price_that_is_not_trusted_does_not_make_a_position_too_small_to_trade() -> None:
    state = flattened()._replace(instruments={perpetual(): instrument_of(min_notional=D(100))})
    fallen = replace(quote_at("60", "60.1"), exchange_at=NOW)
    state = state._replace(quotes={perpetual(): (fallen, NOW)})
    result = at(state, 10)
    assert result.decisions[0].reason is Reason.MARK_COLLAR
    assert not result.state.flattening["btc"].flat_at


def test_a_venue_that_takes_nothing_any_more_does_not_make_a_large_position_flat() -> None:
    hedge = hedge_of(guards={"order_notional": D(50_000)})
    state = flattened(policy=policy_of(hedge))
    state = state._replace(instruments={perpetual(): instrument_of(min_quantity=D(1_000))})
    result = at(state, 10, policy=policy_of(hedge))
    assert result.decisions[0].reason is Reason.BELOW_MINIMUM
    assert not result.state.flattening["btc"].flat_at


def test_a_slice_leaves_enough_behind_for_the_venue_to_take() -> None:
    hedge = hedge_of(guards={"order_notional": D(30_000)})  # half a coin at a time
    rules = instrument_of(min_quantity=D("0.01"))
    state = flattened(policy=policy_of(hedge))._replace(instruments={perpetual(): rules})
    (sent,) = placed([at(state, 10, position="-0.505", policy=policy_of(hedge))])
    assert sent.quantity == D("0.495")
    (sent,) = placed([at(state, 10, position="-1", policy=policy_of(hedge))])
    assert sent.quantity == D("0.5")


def test_spot_is_left_alone_and_options_stay() -> None:
    (sent,) = placed([at(flattened("5", "-1"), 10, spot="5")])
    assert (sent.id, sent.quantity) == (perpetual(), D(1))


def test_the_days_limits_do_not_stop_it_and_the_pace_of_orders_does() -> None:
    hedge = hedge_of(guards={"daily_notional": D(1), "daily_cost": D(0), "orders_per_day": 1, "cancels_per_hour": 1})
    state = flattened(policy=policy_of(hedge))
    memory = replace(state.hedges["btc"], day=NOW // 86_400_000, day_orders=50, day_notional=D(10**9))
    state = state._replace(hedges={"btc": memory})
    assert len(placed([at(state, 10, policy=policy_of(hedge))])) == 1
    busy = replace(memory, sent_at=(NOW,) * hedge.guards.orders_per_minute)
    result = at(state._replace(hedges={"btc": busy}), 10, policy=policy_of(hedge))
    assert (placed([result]), result.decisions[0].reason) == ([], Reason.ORDERS_PER_MINUTE)


# --- what holds for it all the same -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s: s._replace(quotes={perpetual(): (quote_at(at=NOW - 5_000), NOW - 5_000)}), Reason.QUOTE_AGE),
        (lambda s: s._replace(marks={perpetual(): (mark_at(at=NOW - 5_000), NOW - 5_000)}), Reason.MARK_AGE),
        (lambda s: s._replace(marks={perpetual(): (mark_at("61000"), NOW)}), Reason.MARK_COLLAR),
        (lambda s: _with_view(s, believed_at=NOW - 20_000, barrier_at=0), Reason.ACCOUNT_AGE),
        (lambda s: _with_view(s, barrier_at=NOW), Reason.AWAITING_READING),
        (lambda s: _with_view(s, doubted=reading_of("1", "-2")), Reason.AWAITING_READING),
        (lambda s: _with_view(s, switch=Switch(timeout_ms=1, fires_at=NOW, lease_until=NOW)), Reason.SWITCH_LEASE),
        (lambda s: _with_view(s, breaker=Breaker(status=BreakerStatus.OPEN, until_at=NOW + 9)), Reason.BREAKER),
        (lambda s: _with_view(s, quiet_until_at=NOW + 9), Reason.QUIET),
        (lambda s: _with_view(s, reading=reading_of("1", "-1", one_way=False)), Reason.POSITION_MODE),
        (lambda s: s._replace(delisted=frozenset({perpetual()})), Reason.INSTRUMENT_GONE),
    ],
)
def test_facts_that_cannot_be_trusted_stop_it(spoil: Any, reason: Reason) -> None:
    state = spoil(flattened())
    hedge = POLICY.hedges[0]
    verdict = unwind(state, hedge, state.hedges["btc"], LATCHED, None)
    assert (verdict.draft, verdict.reason) == (None, reason)
    sound = unwind(flattened(), hedge, flattened().hedges["btc"], LATCHED, None)
    assert sound.draft is not None


def _with_view(state: State, **changes: Any) -> State:
    return state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], **changes)})


def test_what_stops_risk_does_not_stop_it() -> None:
    hedge = hedge_of(guards={"position": D("0.1"), "spread": D("0.0001"), "depth": D(10**9), "basis": D(0)})
    state = flattened(policy=policy_of(hedge))
    memory = replace(state.hedges["btc"], margin_severity=Severity.STOP, futile=2)
    restricted = Breaker(status=BreakerStatus.RESTRICTED, until_at=NOW + 30_000)
    state = _with_view(state._replace(hedges={"btc": memory}), breaker=restricted)
    assert len(placed([at(state, 10, policy=policy_of(hedge))])) == 1


def test_where_margin_is_short_what_saves_it_leaves_through_an_open_breaker() -> None:
    opened = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 30_000)
    state = _with_view(flattened(), breaker=opened)
    memory = replace(state.hedges["btc"], liquidation_severity=Severity.REDUCE)
    result = at(with_mode(state._replace(hedges={"btc": memory}), POLICY), 10)
    (sent,) = placed([result])
    assert (sent.quantity, result.decisions[0].reason) == (D("0.25"), Reason.MARGIN_REDUCTION)
    lost = order_of(Side.BUY, "0.9", status=OrderStatus.UNKNOWN, reduce_only=True, flatten=True)
    state = state._replace(hedges={"btc": memory}, orders={lost.client_order_id: lost})
    (sent,) = placed([at(with_mode(state, POLICY), 10)])
    assert sent.quantity == D("0.1")


def test_a_kill_outranks_it_and_it_goes_on_after_the_resume() -> None:
    state, _ = feed(hedging("1", "-1"), (NOW, FLATTEN), (NOW + 1, replace(PAUSE, operation=Operation.HALT)))
    assert state.mode is Mode.HALTED
    assert placed([at(state, 10)]) == []
    state, _ = feed(state, (NOW + 20, replace(PAUSE, operation=Operation.RESUME)))
    assert state.flattening["btc"].works
    result = at(with_mode(state._replace(reconciled=True), POLICY), 30)
    assert [order.reduce_only for order in placed([result])] == [True]


def test_in_shadow_it_says_what_it_would_do_and_sends_nothing() -> None:
    shadow = replace(POLICY, sends=False)
    result = at(flattened(policy=shadow), 10, policy=shadow)
    assert result.commands == ()
    assert [(d.action, d.reason) for d in result.decisions] == [(Action.PLACE, Reason.FLATTEN)]


def test_it_needs_no_prices_but_those_of_the_instrument_that_is_held() -> None:
    """Of a coin whose pair is not seen, or of another account, nothing is needed to take a position off."""
    state = flattened()._replace(paused="out")
    hedge = replace(POLICY.hedges[0], spot_accounts=(ACCOUNT, "cold"))
    policy = replace(POLICY, hedges=(hedge,), accounts=(ACCOUNT, "cold"))
    fresh = initial_state(policy, now=NOW, epoch=1)
    accounts = {**fresh.accounts, ACCOUNT: state.accounts[ACCOUNT]}
    state = state._replace(accounts=accounts, accounts_of_hedge=fresh.accounts_of_hedge)
    result = step(state, Stamped(NOW, quote_at()), policy)
    assert [order.quantity for order in placed([result])] == [D(1)]
    assert result.decisions[0].exposure is None


# --- how it works in the book -----------------------------------------------------------------------------------------


def test_it_follows_the_touch_and_rests_after_a_fill_as_any_order_does() -> None:
    working = order_of(Side.BUY, "1", status=OrderStatus.OPEN, venue_order_id="v1", reduce_only=True, flatten=True)
    state = flattened(orders=[working])
    higher = replace(quote_at("60010", "60010.1"), exchange_at=NOW + 4_000)
    near = {perpetual(): (mark_at("60010", at=NOW + 4_000), NOW + 4_000)}
    view = replace(state.accounts[ACCOUNT], believed_at=NOW + 3_999, reading=reading_of("1", "-1", at=NOW + 3_999))
    _, (moved,) = feed(state._replace(marks=near, accounts={ACCOUNT: view}), (NOW + 4_000, higher))
    assert moved.decisions[0].reason is Reason.PRICE_MOVED
    state, _ = feed(state, (NOW + 100, fill_of(working, "1", at=NOW + 100)))
    assert state.hedges["btc"].rest_until == NOW + 100 + POLICY.hedges[0].execution.cooldown_ms
    assert state.hedges["btc"].effect_due is None


def test_what_a_hedge_did_before_it_was_flattened_is_not_judged() -> None:
    state = flattened()
    memory = replace(state.hedges["btc"], effect_due=(D("0.4"), D(1), D(1), D(0)))
    result = at(state._replace(hedges={"btc": memory}), 10)
    assert result.state.hedges["btc"].effect_due is None
    assert result.state.hedges["btc"].futile == 0


def test_refused_attempts_make_it_rest_and_it_tries_again() -> None:
    state = flattened()
    result = at(state, 10)
    (sent,) = placed([result])
    refused = OrderRejected(client_order_id=sent.client_order_id, reason=RejectReason.POST_ONLY_WOULD_CROSS, text="")
    state, _ = feed(result.state, (NOW + 100, refused))
    resting = at(state, 200)
    decision = resting.state.hedges["btc"].decision
    assert (placed([resting]), decision and decision.reason) == ([], Reason.RESTING_AFTER_ATTEMPTS)
    assert len(placed([at(state, 2_000)])) == 1


# --- it proves it, and rests ------------------------------------------------------------------------------------------


def test_flat_is_proven_by_a_settled_reading_and_then_nothing_at_all_is_traded() -> None:
    result = at(flattened(position="0"), 10, position="0")
    assert (result.decisions[0].action, result.decisions[0].reason) == (Action.HOLD, Reason.FLAT)
    assert result.state.flattening["btc"].flat_at == NOW + 10
    state = with_mode(result.state, POLICY)
    assert state.mode is Mode.CANCEL_ONLY
    by_hand = at(state, 5_000, position="-2")
    assert placed([by_hand]) == []
    assert by_hand.state.hedges["btc"].decision is not None
    assert by_hand.state.hedges["btc"].decision.reason is Reason.FLAT


@pytest.mark.parametrize(
    "doubt",
    [
        {"orders": [order_of(Side.BUY, "0.4", status=OrderStatus.UNKNOWN)]},
        {"orders": [order_of(Side.SELL, "0.4", status=OrderStatus.UNKNOWN)]},
        {"orders": [order_of(Side.BUY, "0.4", status=OrderStatus.PENDING_CANCEL)]},
    ],
)
def test_flat_is_not_said_while_an_order_of_ours_may_still_fill(doubt: dict[str, Any]) -> None:
    result = at(flattened(position="0", **doubt), 10, position="0")
    assert not result.state.flattening["btc"].flat_at
    assert placed([result]) == []


def test_flat_is_not_said_of_an_account_that_is_not_read() -> None:
    for spoiled in ({"barrier_at": NOW}, {"reading": None}, {"believed_at": NOW - 20_000, "barrier_at": 0}):
        state = _with_view(flattened(position="0"), **spoiled)
        assert not step(state, Stamped(NOW, quote_at()), POLICY).state.flattening["btc"].flat_at


def test_a_missing_row_is_not_flat() -> None:
    gone = replace(reading_of("1", "-1"), positions=())
    state, results = feed(hedging("1", "-1"), (NOW, FLATTEN), read_at(NOW + 500, replace(gone, exchange_at=NOW + 500)))
    assert not state.flattening["btc"].flat_at
    assert placed(results) == []


def test_an_order_that_comes_back_after_flat_was_proven_is_canceled() -> None:
    late = order_of(Side.SELL, "0.4", status=OrderStatus.OPEN, venue_order_id="v1")
    done = {"btc": replace(LATCHED, flat_at=NOW)}
    result = at(flattened(position="0", orders=[late], flattening=done), 10, position="0")
    assert [type(command) for command in result.commands] == [CancelOrder]


# --- what it is latched against ---------------------------------------------------------------------------------------


def test_only_an_unpause_lifts_it_and_then_it_hedges_again() -> None:
    state, _ = feed(hedging("1", "0"), (NOW, FLATTEN))
    assert state.paused == "out"
    state, _ = feed(state, (NOW + 1, replace(PAUSE, operation=Operation.RESUME)))
    assert state.flattening["btc"].works
    state = at(state, 10, position="0").state
    assert state.flattening["btc"].flat_at
    state, results = feed(state, (NOW + 20, UNPAUSE))
    assert (state.paused, state.flattening) == (None, {})
    (sent,) = placed(results)
    assert (sent.side, sent.quantity, sent.reduce_only) == (Side.SELL, D(1), False)


def _outside(state: State, since: int) -> State:
    return state._replace(hedges={name: replace(memory, outside_since=since) for name, memory in state.hedges.items()})


def test_an_unpause_begins_the_time_outside_the_band_anew_and_counts_what_was() -> None:
    paused = _outside(hedging("1", "0"), NOW - 90_000)._replace(paused="lunch")
    memory = feed(paused, (NOW + 10, UNPAUSE))[0].hedges["btc"]
    assert (memory.outside_since, memory.outside_ms) == (NOW + 10, 90_010)
    inside = hedging("1", "-1")._replace(paused="lunch")
    assert feed(inside, (NOW + 10, UNPAUSE))[0].hedges["btc"].outside_since is None


def test_an_unpause_of_what_was_not_paused_hides_no_time_outside_the_band() -> None:
    memory = feed(_outside(hedging("1", "0"), NOW - 90_000), (NOW + 10, UNPAUSE))[0].hedges["btc"]
    assert (memory.outside_since, memory.outside_ms) == (NOW - 90_000, 0)
    two = _outside(_two_coins(), NOW - 90_000)
    for flattened_one, since in (("btc", NOW - 90_000), ("eth", NOW + 10)):
        one = two._replace(flattening={flattened_one: LATCHED})
        after = step(one, Stamped(NOW + 10, UNPAUSE), TWO).state
        assert after.hedges["eth"].outside_since == since


def test_a_pause_that_comes_later_stops_it_and_asking_again_goes_on() -> None:
    state, _ = feed(hedging("1", "-1"), (NOW, FLATTEN), (NOW + 1, PAUSE))
    assert state.mode is Mode.CANCEL_ONLY
    assert state.paused == "a look", "what was asked for last is what is told"
    assert placed([at(state, 10)]) == []
    assert state.flattening["btc"].held
    state, _ = feed(state, (NOW + 20, FLATTEN))
    assert len(placed([at(with_mode(state, POLICY), 30)])) == 1


def test_a_pause_leaves_a_flatten_that_is_done_as_it_is() -> None:
    done = replace(LATCHED, flat_at=NOW - 5)
    state, _ = feed(flattened(position="0", flattening={"btc": done}), (NOW + 1, PAUSE))
    assert state.flattening["btc"] == done


def test_a_flatten_of_one_hedge_lets_the_others_hedge_and_leaves_a_pause_of_them_standing() -> None:
    def look(state: State) -> dict[str, tuple[Side, bool]]:
        result = step(with_mode(state, TWO), Stamped(NOW, TimePassed()), TWO)
        return {order.id.symbol[:3]: (order.side, order.reduce_only) for order in placed([result])}

    state = _two_coins()
    assert look(state) == {"ETH": (Side.SELL, False)}
    latched = state._replace(flattening={"btc": LATCHED})
    assert with_mode(latched, TWO).mode is Mode.HEDGING
    assert look(latched) == {"BTC": (Side.BUY, True), "ETH": (Side.SELL, False)}
    assert with_mode(latched._replace(paused="a look"), TWO).mode is Mode.REDUCE_ONLY
    assert look(latched._replace(paused="a look")) == {"BTC": (Side.BUY, True)}
    asked = step(state, Stamped(NOW, flatten_of("btc")), TWO).state
    assert (asked.paused, list(asked.flattening)) == (None, ["btc"])


def test_a_name_that_no_hedge_has_flattens_nothing() -> None:
    assert not feed(hedging("1", "-1"), (NOW, flatten_of("doge")))[0].flattening
    assert feed(started(), (NOW, FLATTEN))[0].flattening["btc"].works


def _two_coins() -> State:
    """Two hedges on one account: one coin is hedged, the other is not."""
    rules = [instrument_of("BTC"), instrument_of("ETH")]
    rows = [_row(rule, quantity) for rule, quantity in zip(rules, ("-1", "0"), strict=True)]
    reading: AccountReading = replace(reading_of("1"), positions=tuple(rows), spot={"BTC": D(1), "ETH": D(1)})
    fresh = initial_state(TWO, now=NOW, epoch=1)
    view = replace(
        fresh.accounts[ACCOUNT], reading=reading, believed_at=NOW - 1, barrier_at=NOW - 1_000, clean_cycles=5
    )
    state = fresh._replace(
        instruments={rule.id: rule for rule in rules},
        quotes={rule.id: (replace(quote_at(), id=rule.id), NOW) for rule in rules},
        marks={rule.id: (replace(mark_at(), id=rule.id), NOW) for rule in rules},
        reconciled=True,
        accounts={ACCOUNT: view},
    )
    return with_mode(state, TWO)


def _row(rules: Instrument, quantity: str) -> Position:
    return position_at(quantity, id=rules.id, underlying=rules.underlying)
