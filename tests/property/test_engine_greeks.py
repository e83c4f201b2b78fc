"""Signs in both directions, parity, limits and scales: what must hold of the greeks of any option."""

from dataclasses import replace
from decimal import Decimal as D
from math import isfinite
from typing import Any

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hedger.engine.formulas.greeks import black76, implied_volatility, premium_adjusted
from hedger.engine.formulas.overlay import Overlay, overlay
from hedger.model.instrument import Payoff
from hedger.model.option import OptionPosition, OptionType
from tests.support.engine_worlds import NOW
from tests.support.option_books import CALL, INVERSE, LINEAR, PUT, one, option_of

SPOT = D(60_000)
kinds = st.sampled_from(OptionType)
payoffs = st.sampled_from((LINEAR, INVERSE))
sizes = st.integers(1, 500).map(lambda n: D(n) / 10)
strikes = st.integers(45_000, 80_000).map(D)
days = st.floats(2, 400)
bases = st.integers(-5, 15).map(lambda percent: SPOT * (100 + percent) / 100)
sigmas = st.integers(10, 200).map(lambda percent: D(percent) / 100)


def greeks_of(*held: OptionPosition, spot: D = SPOT) -> Overlay:
    seen = overlay(held, spot, NOW)
    assert seen.flaw is None
    return seen


@given(kinds, payoffs, sizes, strikes, days, sigmas, bases)
def test_a_long_option_is_long_gamma_and_pays_theta_and_a_short_one_the_reverse(
    kind: OptionType, payoff: Payoff, size: D, strike: D, left: float, sigma: D, forward: D
) -> None:
    terms: dict[str, Any] = {
        "strike": strike,
        "days": left,
        "payoff": payoff,
        "mark_sigma": sigma,
        "forward_price": forward,
    }
    held = greeks_of(option_of(kind, size, **terms))
    sold = greeks_of(option_of(kind, -size, **terms))
    assume(held.gamma > 1e-30)
    assert held.gamma > 0
    assert held.vega > 0
    assert held.theta < 0
    assert held.premium > 0
    assert (sold.gamma, sold.vega, sold.theta, sold.premium) == (-held.gamma, -held.vega, -held.theta, -held.premium)
    assert sold.delta == -held.delta
    assert held.sigma == sold.sigma


@given(payoffs, sizes, strikes, days)
def test_a_call_is_long_the_coin_and_a_put_is_short_of_it(payoff: Payoff, size: D, strike: D, left: float) -> None:
    call, put = (greeks_of(option_of(kind, size, strike=strike, days=left, payoff=payoff)) for kind in (CALL, PUT))
    assert 0 <= call.delta <= size
    assert -size <= put.delta <= 0


@given(sizes, strikes, days, payoffs)
def test_a_covered_call_makes_the_book_short_gamma_and_a_protective_put_long(
    coins: D, strike: D, left: float, payoff: Payoff
) -> None:
    """The coins themselves have no gamma: the option alone says which side the book is on."""
    covered = greeks_of(option_of(CALL, -coins, strike=strike, days=left, payoff=payoff))
    protected = greeks_of(option_of(PUT, coins, strike=strike, days=left, payoff=payoff))
    assume(abs(covered.gamma) > 1e-30)
    assert covered.gamma < 0 < covered.theta
    assert protected.theta < 0 < protected.gamma
    assert coins + covered.delta <= coins
    assert coins + protected.delta <= coins
    assert covered.gamma_1pct < 0 < protected.gamma_1pct


@given(st.floats(0.3, 3), st.floats(1e-4, 2), st.floats(0.05, 3))
def test_a_call_less_a_put_is_the_forward_less_the_strike(moneyness: float, years: float, sigma: float) -> None:
    forward, strike = 60_000.0, 60_000.0 * moneyness
    call, put = (one(forward, strike, years, sigma, sign) for sign in (1.0, -1.0))
    assert abs((call.value - put.value)[0] - (forward - strike)) < 1e-9 * forward
    assert abs((call.delta - put.delta)[0] - 1) < 1e-13
    assert call.gamma == put.gamma
    assert call.vega == put.vega
    assert call.theta == put.theta


@given(st.floats(0.3, 3), st.floats(1e-4, 2), st.floats(0.05, 3), st.sampled_from((1.0, -1.0)))
def test_the_premium_adjusted_delta_is_delta_less_value_over_forward(
    moneyness: float, years: float, sigma: float, sign: float
) -> None:
    row = [np.array([x]) for x in (60_000.0, 60_000.0 * moneyness, years, sigma, sign)]
    greeks = black76(*row)
    assert abs(premium_adjusted(*row) - (greeks.delta - greeks.value / row[0]))[0] < 1e-13


@given(st.floats(0.3, 3), st.floats(1e-3, 2), st.floats(0.05, 3), st.floats(1e-4, 1e4), st.sampled_from((1.0, -1.0)))
def test_the_greeks_do_not_depend_on_the_unit_of_money(
    moneyness: float, years: float, sigma: float, unit: float, sign: float
) -> None:
    here = one(100.0, 100.0 * moneyness, years, sigma, sign)
    there = one(100.0 * unit, 100.0 * moneyness * unit, years, sigma, sign)
    close: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(there.delta, here.delta, **close)
    np.testing.assert_allclose(there.value / unit, here.value, **close)
    np.testing.assert_allclose(there.gamma * unit, here.gamma, **close)
    np.testing.assert_allclose(there.vega / unit, here.vega, **close)
    np.testing.assert_allclose(there.theta / unit, here.theta, **close)


@given(st.floats(0.5, 2), st.floats(0.01, 2), st.floats(0.1, 2), st.sampled_from((1.0, -1.0)))
def test_theta_is_what_gamma_earns_at_the_implied_volatility(
    moneyness: float, years: float, sigma: float, sign: float
) -> None:
    greeks = one(100.0, 100.0 * moneyness, years, sigma, sign)
    np.testing.assert_allclose(-greeks.theta, 0.5 * greeks.gamma * 100.0**2 * sigma**2, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(greeks.vega, greeks.gamma * 100.0**2 * sigma * years, rtol=1e-12, atol=1e-300)


@given(kinds, payoffs, sizes, strikes, days, sigmas, bases)
def test_delta_and_gamma_are_slopes_of_the_value_in_dollars_of_today(
    kind: OptionType, payoff: Payoff, size: D, strike: D, left: float, sigma: D, forward: D
) -> None:
    """The premium is in coins: times the price it is the dollars of today, for both payoffs."""
    terms: dict[str, Any] = {
        "strike": strike,
        "days": left,
        "payoff": payoff,
        "mark_sigma": sigma,
        "forward_price": forward,
    }
    option, step = option_of(kind, size, **terms), D(30)
    below, here, above = (greeks_of(option, spot=SPOT + move) for move in (-step, D(0), step))
    low, middle, high = (
        seen.premium * float(SPOT + move) for seen, move in zip((below, here, above), (-step, D(0), step), strict=True)
    )
    slope = (high - low) / float(2 * step)
    bend = (high - 2 * middle + low) / float(step) ** 2
    # A slope over 30 dollars either way misses up to 30²/6 · 0.242/w² of a delta, w = F·σ·√τ: 1.7e-4 at the narrowest.
    assert abs(slope - float(here.delta)) < 3e-4 * float(size)
    assert abs(bend - here.gamma) < 1e-2 * abs(here.gamma) + 1e-8 * float(size)


@given(st.lists(st.tuples(kinds, payoffs, sizes, st.booleans(), strikes), min_size=1, max_size=5), sizes, bases)
@example([(CALL, INVERSE, D(1), False, D(60_000))], D(2), SPOT)
def test_both_views_of_coin_settled_options_give_one_delta(
    rows: list[tuple[OptionType, Payoff, D, bool, D]], cash: D, forward: D
) -> None:
    """cash + Σ nΔ_BS + Σ N/P = E + Σ n(Δ_BS − c) + Σ N/P, where the equity holds the options' value."""
    held = [
        option_of(kind, -size if sold else size, strike=strike, forward_price=forward)
        for kind, _, size, sold, strike in rows
    ]
    inverse_future = -D(50_000) / SPOT
    seen = greeks_of(*held)
    left_out = float(cash + inverse_future) + float(seen.delta)
    equity, adjusted = float(cash), 0.0
    for option in held:
        row = [
            np.array([float(x)])
            for x in (forward, option.strike, 30 / 365, option.mark_sigma or 0, option.option_type.sign)
        ]
        worth = float(option.coins) * black76(*row).value[0] / float(forward)
        equity += worth
        adjusted += float(option.coins) * premium_adjusted(*row)[0]
    assert abs(equity + adjusted + float(inverse_future) - left_out) < 1e-9
    assert abs(equity - float(cash) - seen.premium) < 1e-9


@example(1.0597275024106003, 0.05078125, 0.05, -1.0)
@given(st.floats(0.3, 3), st.floats(1 / 8760, 2), st.floats(0.05, 3), st.sampled_from((1.0, -1.0)))
def test_a_price_gives_back_the_volatility_that_made_it(
    moneyness: float, years: float, sigma: float, sign: float
) -> None:
    forward, strike, time, side = (np.array([x]) for x in (60_000.0, 60_000.0 * moneyness, years, sign))
    greeks = black76(forward, strike, time, np.array([sigma]), side)
    # A price has sixteen digits: where all of them are intrinsic value, nothing of the volatility is left in it.
    assume(greeks.vega[0] * sigma > 1e-7 * max(greeks.value[0], 1e-300))
    assume(greeks.value[0] > 1e-280)
    found = implied_volatility(greeks.value, forward, strike, time, side)
    intrinsic = max(0.0, sign * (forward[0] - strike[0]))
    rounded = 4 * np.finfo(float).eps * max(forward[0], strike[0]) / (greeks.vega[0] * sigma) if intrinsic else 0.0
    assert abs(found[0] / sigma - 1) < 1e-8 + rounded


odd = st.sampled_from(
    [D(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1e-30", "1e30", "1e400")]
)
maybe = st.one_of(st.none(), odd, st.integers(1, 100_000).map(D))


@given(odd, odd, odd, maybe, maybe, maybe, st.sampled_from(tuple(Payoff)), kinds, st.integers(-(10**9), 10**12))
def test_whatever_a_venue_says_is_a_number_or_a_flaw(
    strike: D,
    quantity: D,
    index: D,
    mark: D | None,
    sigma: D | None,
    forward: D | None,
    payoff: Payoff,
    kind: OptionType,
    left: int,
) -> None:
    told: dict[str, Any] = {
        "quantity": quantity,
        "index_price": index,
        "mark_price": mark,
        "mark_sigma": sigma,
        "payoff": payoff,
    }
    odd_one = replace(option_of(kind), strike=strike, forward_price=forward, expiry_at=NOW + left, **told)
    priced = replace(option_of(kind), mark_price=mark, mark_sigma=sigma, forward_price=forward, payoff=payoff)
    for held in ((odd_one,), (priced,), (odd_one, priced, option_of())):
        seen = overlay(held, SPOT, NOW)
        numbers = (float(seen.delta), seen.gamma, seen.vega, seen.theta, seen.premium, seen.sigma or 0.0)
        assert all(isfinite(number) for number in (*numbers, *(x for bucket in seen.buckets for x in bucket[1:])))
        assert seen.flaw is not None or all(option.strike > 0 for option in held)


@given(st.floats(0.3, 3), st.floats(0.001, 2), st.sampled_from((1.0, -1.0)), st.floats(0, 1))
def test_a_price_outside_its_bounds_implies_nothing(moneyness: float, years: float, sign: float, beyond: float) -> None:
    forward, strike = 100.0, 100.0 * moneyness
    most, least = (forward if sign > 0 else strike), max(sign * (forward - strike), 0.0)
    for value in (most + beyond, least - beyond, -beyond):
        row = (np.array([x]) for x in (value, forward, strike, years, sign))
        assert np.isnan(implied_volatility(*row)[0])


@given(kinds, payoffs, sizes, strikes, st.floats(0, 30))
def test_greeks_shrink_in_a_line_over_the_settlement_average(
    kind: OptionType, payoff: Payoff, size: D, strike: D, minutes: float
) -> None:
    """A linear option goes to nothing; a coin-settled one to the coins that will stand in the equity."""
    ends: dict[str, Any] = {"strike": strike, "days": minutes / 1440, "payoff": payoff}
    option = option_of(kind, size, **ends)
    left = (option.expiry_at - NOW) / option.settlement_ms
    assume(left > 1e-6)
    settling, whole = greeks_of(option), greeks_of(option_of(kind, size, **ends, settlement_ms=0))
    kept = whole.premium if payoff is INVERSE else 0.0
    assert abs(float(settling.delta) - kept - left * (float(whole.delta) - kept)) < 1e-9 * float(size)
    assert abs(settling.gamma - left * whole.gamma) <= 1e-9 * abs(whole.gamma)
    assert settling.premium == whole.premium
