"""Black-76 against other people's libraries on a grid, and where the formulas end."""

from itertools import product
from math import erfc, exp, inf, nan, pi, sqrt

import numpy as np
import pytest
import QuantLib as ql
from vollib.black import black
from vollib.black.greeks import analytical

from hedger.engine.formulas.greeks import CHUNK, black76, implied_volatility, premium_adjusted
from hedger.engine.formulas.normal import Floats, cumulative, density, distribution
from tests.support.option_books import one

FORWARD = 60_000.0
HOUR, YEAR = 1 / 8760, 1.0
GRID = tuple(
    product(
        (0.3, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 3.0),
        (HOUR, 1 / 365, 7 / 365, 0.25, YEAR, 2 * YEAR),
        (0.05, 0.2, 0.6, 1.0, 3.0),
        (1.0, -1.0),
    )
)


def rows() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The grid as forward, strike, years, sigma, sign."""
    moneyness, years, sigma, sign = (np.array(column) for column in zip(*GRID, strict=True))
    return np.full(len(GRID), FORWARD), FORWARD * moneyness, years, sigma, sign


def test_the_normal_distribution_is_right_to_its_last_digits() -> None:
    x = np.linspace(-37.0, 37.0, 20_001)
    below, bell = distribution(x)
    exact = np.array([0.5 * erfc(-float(each) / sqrt(2)) for each in x])
    assert np.abs(below - exact).max() < 1e-14
    np.testing.assert_allclose(below, exact, rtol=1e-12)
    np.testing.assert_allclose(bell, [exp(-(float(each) ** 2) / 2) / sqrt(2 * pi) for each in x], rtol=1e-12)


def test_the_normal_distribution_of_one_number_is_that_of_an_array() -> None:
    for x in (-9.0, -1.5, 0.0, 0.3, 8.0):
        below, bell = distribution(np.array([x]))
        assert below[0] == pytest.approx(cumulative(x), rel=1e-13)
        assert bell[0] == pytest.approx(density(x), rel=1e-13)


def test_the_ends_of_the_normal_distribution_are_none_and_all() -> None:
    below, bell = distribution(np.array([-inf, inf, -1e300, 1e300, nan]))
    assert below[:4] == pytest.approx([0, 1, 0, 1])
    assert bell[:4] == pytest.approx([0, 0, 0, 0])
    assert np.isnan(below[4])
    assert np.isnan(bell[4])


def test_values_and_greeks_are_those_of_quantlib() -> None:
    ours = black76(*rows())
    for place, (moneyness, years, sigma, sign) in enumerate(GRID):
        kind, strike = (ql.Option.Call if sign > 0 else ql.Option.Put), FORWARD * moneyness
        theirs = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), FORWARD, sigma * sqrt(years), 1.0)
        assert ours.value[place] == pytest.approx(theirs.value(), rel=1e-9, abs=1e-9)
        assert ours.delta[place] == pytest.approx(theirs.deltaForward(), rel=1e-8, abs=1e-14)
        assert ours.gamma[place] == pytest.approx(theirs.gammaForward(), rel=1e-8, abs=1e-18)
        assert ours.vega[place] == pytest.approx(theirs.vega(years), rel=1e-8, abs=1e-9)
        assert ours.theta[place] == pytest.approx(theirs.theta(FORWARD, years), rel=1e-8, abs=1e-9)


def test_values_and_greeks_are_those_of_vollib() -> None:
    """It gives vega for a vol point and theta for a day."""
    ours = black76(*rows())
    for place, (moneyness, years, sigma, sign) in enumerate(GRID):
        given = ("c" if sign > 0 else "p", FORWARD, FORWARD * moneyness, years, 0.0, sigma)
        assert ours.value[place] == pytest.approx(black(*given[:4], given[4], sigma), rel=1e-9, abs=1e-8)
        assert ours.delta[place] == pytest.approx(analytical.delta(*given), rel=1e-8, abs=1e-14)
        assert ours.gamma[place] == pytest.approx(analytical.gamma(*given), rel=1e-8, abs=1e-18)
        assert ours.vega[place] / 100 == pytest.approx(analytical.vega(*given), rel=1e-8, abs=1e-9)
        assert ours.theta[place] / 365 == pytest.approx(analytical.theta(*given), rel=1e-8, abs=1e-9)


def test_a_value_gives_its_volatility_back_wherever_vega_is_not_negligible() -> None:
    forward, strike, years, sigma, sign = rows()
    greeks = black76(forward, strike, years, sigma, sign)
    found = implied_volatility(greeks.value, forward, strike, years, sign)
    told = (greeks.vega * sigma > 1e-7 * greeks.value) & (greeks.value > 1e-280)
    assert told.sum() > len(GRID) * 0.7
    assert np.abs(found[told] / sigma[told] - 1).max() < 1e-8


def test_no_volatility_is_found_where_none_can_be() -> None:
    value = np.array([nan, 10.0, 10.0, 10.0, 10.0, 10.0, 0.0, inf])
    forward = np.array([100.0, nan, 0.0, -1.0, 100.0, 100.0, 100.0, 100.0])
    strike = np.array([100.0, 100.0, 100.0, 100.0, 0.0, 100.0, 100.0, 100.0])
    years = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    assert np.isnan(implied_volatility(value, forward, strike, years, np.ones(8))).all()


@pytest.mark.parametrize(("years", "sigma"), [(0.0, 0.5), (-1.0, 0.5), (0.5, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_without_time_or_volatility_an_option_is_its_payoff(years: float, sigma: float, sign: float) -> None:
    for strike, delta in ((90.0, 1.0), (100.0, 0.5), (110.0, 0.0)):
        greeks = one(100.0, strike, years, sigma, sign)
        expected = delta if sign > 0 else delta - 1
        assert greeks.value[0] == pytest.approx(max(sign * (100.0 - strike), 0.0), abs=1e-12)
        assert greeks.delta[0] == pytest.approx(expected)
        assert (greeks.gamma[0], greeks.theta[0]) == (0.0, 0.0)
        at_the_strike = 100.0 * density(0.0) * sqrt(max(years, 0.0)) if strike == 100.0 else 0.0
        assert greeks.vega[0] == pytest.approx(at_the_strike)


def test_the_last_millisecond_and_the_farthest_strikes_are_finite() -> None:
    for moneyness, years, sign in product((1e-6, 0.5, 1.0, 2.0, 1e6), (1e-3 / 31_536_000, HOUR, 5.0), (1.0, -1.0)):
        greeks = one(FORWARD, FORWARD * moneyness, years, 0.8, sign)
        assert all(np.isfinite(each).all() for each in greeks)
        if moneyness != 1.0 and years < HOUR:
            assert greeks.delta[0] in (0.0, 1.0, -1.0)


def test_what_is_no_number_stays_none_and_spoils_no_neighbour() -> None:
    forward, strike = np.array([100.0, nan, 100.0]), np.array([100.0, 100.0, nan])
    greeks = black76(forward, strike, np.ones(3), np.full(3, 0.5), np.ones(3))
    for each in greeks:
        assert np.isfinite(each[0])
        assert np.isnan(each[1:]).all()


def test_rows_beyond_one_chunk_are_the_same_as_alone() -> None:
    strikes = np.linspace(30_000.0, 120_000.0, 2 * CHUNK + 3)
    ones = np.ones(len(strikes))
    many = black76(FORWARD * ones, strikes, ones, 0.5 * ones, ones)
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 2):
        alone = one(FORWARD, strikes[place], 1.0, 0.5, 1.0)
        assert [each[place] for each in many] == pytest.approx([each[0] for each in alone], rel=1e-12)


def test_the_premium_adjusted_delta_of_a_call_rises_and_falls_again() -> None:
    """Against a falling strike: Black-Scholes goes to 1, premium-adjusted turns and goes back to nothing."""
    strikes = np.array([120_000.0, 60_000.0, 45_000.0, 20_000.0, 1_000.0])
    ones = np.ones(len(strikes))
    row = (FORWARD * ones, strikes, 0.5 * ones, 0.6 * ones, ones)
    adjusted, plain = premium_adjusted(*row), black76(*row).delta
    assert (np.diff(plain) > 0).all()
    turned = np.diff(adjusted)
    assert turned[0] > 0
    assert turned[-1] < 0
    assert adjusted[-1] < 0.02 < 0.99 < plain[-1]
