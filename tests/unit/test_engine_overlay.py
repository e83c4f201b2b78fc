"""The options of a book: where forward and volatility come from, what is refused, and how it is added up."""

import json
from dataclasses import replace
from decimal import Decimal as D
from math import exp, log
from typing import Any

import pytest

from hedger.engine.formulas.overlay import NO_OPTIONS, overlay
from hedger.engine.formulas.overlay_rows import rows_of_readings
from hedger.engine.held.exposure import coins_of, delta_of, exposure
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Action, State
from hedger.engine.step import step
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.message import Stamped
from hedger.model.option import OptionPosition
from hedger.model.spans import DAY_MS
from hedger.runtime.codec import decode, encode
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, hedging, mark_at, placed, position_at, quote_at, reading_of
from tests.support.option_books import CALL, HALF_HOUR_MS, INVERSE, LINEAR, PUT, one, option_of

SPOT = D(60_000)
YEARS = 30 / 365


def flaw_of(option: OptionPosition, **terms: Any) -> str:
    """The flaw that an option alone gives; nothing of it may be in the numbers."""
    seen = overlay([option], SPOT, NOW, **terms)
    assert seen.flaw is not None
    assert str(option.id) in seen.flaw
    assert not any((seen.delta, seen.gamma, seen.vega, seen.theta, seen.premium))
    return seen.flaw


def book(*options: OptionPosition, hedge: Hedge | None = None, **more: Any) -> tuple[State, Hedge]:
    """A hedge's state whose account holds 1 BTC and some options."""
    hedge = hedge or hedge_of()
    state = hedging("1", policy=policy_of(hedge))
    view = state.accounts[ACCOUNT]
    return with_reading(state, replace(view.reading or reading_of(), options=options, **more)), hedge


def with_reading(state: State, reading: Any) -> State:
    return state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], reading=reading)})


def dated(days: float = 60, payoff: Payoff = LINEAR, **changes: Any) -> Instrument:
    id = InstrumentId(ACCOUNT, f"BTC/USDT:USDT-{days}")
    at = NOW + int(days * DAY_MS)
    rules = instrument_of(id=id, kind=Kind.FUTURE, payoff=payoff, expiry_at=at, settlement_ms=HALF_HOUR_MS)
    return replace(rules, **changes)


# --- forward and volatility -------------------------------------------------------------------------------------------


def test_without_options_there_is_no_overlay() -> None:
    assert overlay([], SPOT, NOW) == NO_OPTIONS
    state, hedge = book()
    held = exposure(state, hedge)
    assert held is not None
    assert held.options == NO_OPTIONS


def test_the_venues_forward_is_carried_to_the_live_index() -> None:
    option = option_of(payoff=LINEAR, forward_price=D(61_200))
    seen = overlay([option], D(63_000), NOW)
    greeks = one(63_000 * 1.02, 60_000, YEARS, 0.5, 1)
    assert float(seen.delta) == pytest.approx(greeks.delta[0] * 1.02, rel=1e-11)
    assert seen.gamma == pytest.approx(greeks.gamma[0] * 1.02**2, rel=1e-11)
    assert seen.vega == pytest.approx(greeks.vega[0] / 100, rel=1e-11)
    assert seen.theta == pytest.approx(greeks.theta[0] / 365, rel=1e-11)
    assert seen.premium == pytest.approx(greeks.value[0] / 63_000, rel=1e-11)


def test_a_coin_settled_option_enters_with_the_delta_of_black_and_scholes() -> None:
    option = option_of(quantity="-3", contract_multiplier=D("0.1"), forward_price=D(61_200))
    seen = overlay([option], SPOT, NOW)
    greeks = one(61_200, 60_000, YEARS, 0.5, 1)
    assert float(seen.delta) == pytest.approx(-0.3 * greeks.delta[0], rel=1e-11)
    assert seen.premium == pytest.approx(-0.3 * greeks.value[0] / 61_200, rel=1e-11)
    assert seen.gamma == pytest.approx(-0.3 * greeks.gamma[0] * 1.02, rel=1e-11)
    assert seen.gamma_1pct == pytest.approx(seen.gamma * 600, rel=1e-11)


def test_a_missing_forward_is_taken_from_the_dated_futures() -> None:
    """Between 30 days at 6 % a year and 90 days at 12 % lies 60 days at 9 %; outside it is flat."""
    yearly = {30: 0.06, 90: 0.12}
    curve = tuple((NOW + days * DAY_MS, exp(rate * days / 365)) for days, rate in yearly.items())
    for days, rate in ((10, 0.06), (30, 0.06), (60, 0.09), (90, 0.12), (200, 0.12)):
        forward = D(repr(60_000 * exp(rate * days / 365)))
        missing = overlay([option_of(days=days, forward_price=None)], SPOT, NOW, curve=curve)
        named = overlay([option_of(days=days, forward_price=forward)], SPOT, NOW)
        assert missing.flaw is None
        assert float(missing.delta) == pytest.approx(float(named.delta), rel=1e-10)


def test_a_future_in_its_last_hour_gives_no_forward() -> None:
    assert "no forward" in flaw_of(option_of(forward_price=None), curve=((NOW + 3_599_999, 1.01),))


def test_the_curve_is_made_of_marks_and_of_positions_that_were_read() -> None:
    option, near, far = option_of(days=60, forward_price=None, payoff=LINEAR), dated(30), dated(90, INVERSE)
    prices = {"mark_price": D(61_000), "index_price": SPOT}
    row = position_at(id=near.id, expiry_at=near.expiry_at, **prices)
    state, hedge = book(option, positions=(position_at("0"), row))
    by_position = exposure(state, hedge)
    mark = replace(mark_at("63000"), id=far.id, index_price=SPOT)
    state = state._replace(instruments={**state.instruments, far.id: far}, marks={**state.marks, far.id: (mark, NOW)})
    by_both = exposure(state, hedge)
    assert by_position is not None
    assert by_both is not None
    assert by_position.options.flaw is None
    near_yearly, far_yearly = log(61 / 60) * 365 / 30, log(63 / 60) * 365 / 90
    expected = {by_position: near_yearly, by_both: (near_yearly + far_yearly) / 2}
    for seen, yearly in expected.items():
        forward = 60_000 * exp(yearly * 60 / 365)
        delta = one(forward, 60_000, 60 / 365, 0.5, 1).delta[0] * forward / 60_000
        assert float(seen.options.delta) == pytest.approx(delta, rel=1e-9)


def test_a_mark_that_is_too_old_gives_no_forward() -> None:
    option, far = option_of(days=60, forward_price=None), dated(90)
    mark = replace(mark_at("63000"), id=far.id, index_price=SPOT)
    state, hedge = book(option)
    old = (mark, NOW - hedge.guards.account_age - 1)
    state = state._replace(instruments={**state.instruments, far.id: far}, marks={**state.marks, far.id: old})
    seen = exposure(state, hedge)
    assert seen is not None
    assert "no forward" in (seen.options.flaw or "")


@pytest.mark.parametrize("kind", [CALL, PUT])
def test_a_missing_volatility_is_what_the_mark_implies(kind: Any) -> None:
    """A mark in coins is worth that part of the forward, a mark in money is worth itself."""
    value = float(one(61_200, 63_000, YEARS, 0.731, kind.sign).value[0])
    terms: dict[str, Any] = {"strike": "63000", "forward_price": D(61_200), "mark_sigma": None}
    for payoff, mark in ((LINEAR, value), (INVERSE, value / 61_200)):
        seen = overlay([option_of(kind, payoff=payoff, mark_price=D(repr(mark)), **terms)], SPOT, NOW)
        assert seen.flaw is None
        assert seen.sigma == pytest.approx(0.731, rel=1e-9)


def test_the_implied_volatility_belongs_to_the_moment_of_the_reading() -> None:
    """A price that moves, and time that passes, until the next reading change no volatility."""
    value = float(one(60_000, 60_000, YEARS, 0.6, 1).value[0])
    option = option_of(payoff=LINEAR, mark_price=D(repr(value)), mark_sigma=None)
    later = overlay([option], D(66_000), NOW + 5 * DAY_MS, read_at=NOW)
    assert later.sigma == pytest.approx(0.6, rel=1e-9)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"forward_price": None}, "no forward"),
        ({"mark_sigma": None}, "no volatility"),
        ({"mark_sigma": D(0)}, "volatility is 0"),
        ({"mark_sigma": D("-0.5")}, "volatility is -0.5"),
        ({"mark_sigma": D(50)}, "where 0.5 would be 50 %"),
        ({"mark_sigma": D("NaN")}, "volatility is NaN"),
        ({"forward_price": D("Infinity")}, "forward is Infinity"),
        ({"forward_price": D("sNaN")}, "forward is sNaN"),
        ({"forward_price": D(0)}, "forward is 0"),
        ({"forward_price": D(60)}, "not in the same units"),
        ({"index_price": D("NaN")}, "index price is NaN"),
        ({"index_price": D(0)}, "index price is 0"),
        ({"index_price": D(60), "forward_price": D(60)}, "units of the live one"),
        ({"strike": D(0)}, "strike is 0"),
        ({"strike": D("NaN")}, "strike is NaN"),
        ({"contract_multiplier": D(0)}, "multiplier is 0"),
        ({"quantity": D("Infinity")}, "quantity is Infinity"),
        ({"mark_price": D(-1)}, "mark price is -1"),
        ({"mark_price": D("NaN")}, "mark price is NaN"),
        ({"mark_price": D(3_000)}, "more than"),
        ({"mark_price": D("0.2"), "strike": D(40_000)}, "under its intrinsic value"),
        ({"mark_price": D("0.33"), "strike": D(40_000), "mark_sigma": None}, "no volatility"),
        ({"expiry_at": NOW}, "has expired and is still listed"),
        ({"expiry_at": NOW - 60_000}, "has expired and is still listed"),
        ({"payoff": Payoff.QUANTO}, "neither its quote nor its coin"),
    ],
)
def test_an_input_that_is_missing_or_impossible_is_a_flaw_with_a_name(changes: dict[str, Any], words: str) -> None:
    assert words in flaw_of(option_of(**changes))


def test_one_flawed_option_leaves_the_others_counted_and_says_how_many_there_are() -> None:
    good = option_of(PUT)
    seen = overlay([option_of(mark_sigma=None), good, option_of(CALL, "2", forward_price=None)], SPOT, NOW)
    alone = overlay([good], SPOT, NOW)
    assert seen.flaw is not None
    assert "(and 1 more)" in seen.flaw
    assert (seen.delta, seen.gamma, seen.premium) == (alone.delta, alone.gamma, alone.premium)


def test_a_mark_may_be_a_tick_below_what_exercise_brings() -> None:
    seen = overlay([option_of(strike="40000", mark_price=D("0.333"))], SPOT, NOW)
    assert seen.flaw is None


# --- sums -------------------------------------------------------------------------------------------------------------


def test_options_are_added_up_by_expiry_and_in_all() -> None:
    held = [option_of(CALL, "-2", days=7), option_of(PUT, "3", days=7, payoff=LINEAR), option_of(PUT, "1", days=40)]
    seen = overlay(held, SPOT, NOW)
    week, month = overlay(held[:2], SPOT, NOW), overlay(held[2:], SPOT, NOW)
    assert seen.options == 3
    assert [bucket.expiry_at for bucket in seen.buckets] == [NOW + 7 * DAY_MS, NOW + 40 * DAY_MS]
    for bucket, alone in zip(seen.buckets, (week, month), strict=True):
        assert bucket[1:] == pytest.approx(
            (float(alone.delta), alone.gamma, alone.vega, alone.theta, alone.premium), rel=1e-10
        )
    assert float(seen.delta) == pytest.approx(sum(bucket.delta for bucket in seen.buckets), rel=1e-10)


def test_the_volatility_of_the_book_is_weighted_by_vega() -> None:
    low, high = option_of(CALL, "1", mark_sigma=D("0.4")), option_of(PUT, "-3", mark_sigma=D("0.8"), days=60)
    alone = [overlay([option], SPOT, NOW) for option in (low, high)]
    weights = [abs(seen.vega) for seen in alone]
    seen = overlay([low, high], SPOT, NOW)
    expected = (0.4 * weights[0] + 0.8 * weights[1]) / sum(weights)
    assert seen.sigma == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("quantities", [("1", "3"), ("-1", "-3"), ("3", "-1")])
@pytest.mark.parametrize("payoff", [LINEAR, INVERSE])
def test_at_its_break_even_the_gamma_of_a_book_earns_what_its_theta_costs(
    quantities: tuple[str, str], payoff: Payoff
) -> None:
    terms: dict[str, Any] = {"payoff": payoff, "forward_price": D(61_000)}
    low = option_of(CALL, quantities[0], mark_sigma=D("0.4"), **terms)
    seen = overlay([low, option_of(PUT, quantities[1], mark_sigma=D("0.8"), days=60, **terms)], SPOT, NOW)
    assert seen.break_even is not None
    assert seen.gamma * (float(SPOT) * seen.break_even) ** 2 / 2 == pytest.approx(-seen.theta, rel=1e-9)


def test_a_book_that_calm_and_moves_both_pay_has_no_break_even() -> None:
    near = option_of(CALL, "1", days=7, mark_sigma=D("0.45"))
    seen = overlay([near, option_of(CALL, "-2", strike="70000", days=40, mark_sigma=D("0.8"))], SPOT, NOW)
    assert seen.gamma > 0
    assert seen.theta > 0
    assert seen.break_even is None


def test_only_the_options_on_the_hedged_coin_count() -> None:
    state, hedge = book(option_of(), option_of(underlying="ETH"), option_of(quantity="0", strike="1"))
    seen, alone = exposure(state, hedge), overlay([option_of()], SPOT, NOW)
    assert seen is not None
    assert seen.options == alone
    assert seen.delta == 1 + alone.delta


def test_a_state_with_options_is_written_and_read_back_the_same() -> None:
    state, hedge = book(option_of(CALL, "-2"), option_of(PUT, days=7))
    held = exposure(state, hedge)
    assert held is not None
    assert decode(type(held), json.loads(encode(held))) == held


def test_the_arrays_of_a_reading_are_made_once() -> None:
    reading = replace(reading_of(), options=(option_of(),))
    same, other = rows_of_readings((reading,), "BTC"), rows_of_readings((replace(reading),), "BTC")
    assert rows_of_readings((reading,), "BTC") is same
    assert other is not same


# --- settlement -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payoff", [LINEAR, INVERSE])
def test_a_dated_future_loses_its_delta_over_its_settlement_average(payoff: Payoff) -> None:
    rules = dated(1, payoff, contract_multiplier=D(100) if payoff is INVERSE else D(1))
    at = rules.expiry_at or 0
    row = position_at(
        "-6", payoff=payoff, contract_multiplier=rules.contract_multiplier, expiry_at=at, index_price=SPOT
    )
    whole = D(-6) if payoff is LINEAR else D(-600) / 60_000
    state, _ = book()
    mark = replace(mark_at("60000"), id=rules.id)
    state = state._replace(marks={rules.id: (mark, NOW)})
    for before, share in ((DAY_MS, D(1)), (HALF_HOUR_MS, D(1)), (900_000, D("0.5")), (0, D(0)), (-60_000, D(0))):
        assert delta_of(row, at - before, HALF_HOUR_MS) == whole * share
        assert coins_of(state._replace(now=at - before), rules, D(-6)) == whole * share


def test_a_perpetual_has_no_settlement_average() -> None:
    assert delta_of(position_at("-6"), NOW, HALF_HOUR_MS) == -6


def test_the_book_does_not_jump_when_a_coin_settled_option_is_paid() -> None:
    """At the end of the average its delta is the coins that it pays, and those are in the equity right after."""
    option = option_of(CALL, "2", strike="40000", days=1)
    last = overlay([option], SPOT, option.expiry_at - 1)
    paid = 2 * (60_000 - 40_000) / 60_000
    assert float(last.delta) == pytest.approx(paid, rel=1e-5)
    assert last.gamma == pytest.approx(0, abs=1e-12)


def test_nothing_is_left_of_a_linear_option_at_the_end_of_its_average() -> None:
    option = option_of(CALL, "2", strike="40000", days=1, payoff=LINEAR)
    half = overlay([option], SPOT, option.expiry_at - HALF_HOUR_MS // 2)
    last = overlay([option], SPOT, option.expiry_at - 1)
    assert float(half.delta) == pytest.approx(1.0, rel=1e-9)
    assert float(last.delta) == pytest.approx(0.0, abs=1e-5)


def test_a_contract_that_moves_no_delta_any_more_is_not_traded() -> None:
    """To bring the delta in with it would take any number of contracts."""
    rules = dated(1, id=perpetual())
    for before in (HALF_HOUR_MS // 2, 0, -60_000):
        ending = replace(rules, expiry_at=NOW + before)
        result = step(hedging("1", instrument=ending), Stamped(NOW, quote_at()), POLICY)
        assert not placed([result])
        assert result.decisions[0].action is Action.DENY
