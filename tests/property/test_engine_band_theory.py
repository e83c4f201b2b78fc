"""The formulas of the bands for any book: what makes them wider, what narrower, and that they solve their equations."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.formulas.optimal import (
    aversion_of,
    band_residual,
    budget_width,
    clock_for,
    clock_residual,
    clock_turnover,
    fixed_cost_width,
    leland_variance,
    solve_fixed,
    target_variance,
    trades,
    trigger_and_reset,
    turnover,
    watched,
    whalley_wilmott,
    zakamouline,
    zakamouline_variance,
)
from hedger.engine.known.policy import Band, BandInputs, BandRule, RebalanceTo
from hedger.engine.wanted.band import Conditions, trigger_of, widths

costs = st.floats(1e-5, 1e-2)
gammas = st.floats(1e-7, 1e-2)
sigmas = st.floats(0.05, 3.0)
spots = st.floats(0.5, 200_000)
aversions = st.floats(1e-9, 1e-2)
halves = st.floats(1e-4, 100)
years = st.floats(1 / 365, 2)
more = st.floats(1.001, 50)


def half(cost: float, gamma: float, sigma: float, spot: float, aversion: float) -> float:
    return whalley_wilmott(cost, target_variance(gamma, sigma, spot), sigma, spot, aversion)


@given(costs, gammas, sigmas, spots, aversions, more)
def test_a_band_grows_with_cost_and_gamma_and_shrinks_with_aversion(
    cost: float, gamma: float, sigma: float, spot: float, aversion: float, times: float
) -> None:
    width = half(cost, gamma, sigma, spot, aversion)
    assert half(cost * times, gamma, sigma, spot, aversion) == pytest.approx(width * times ** (1 / 3))
    assert half(cost, gamma * times, sigma, spot, aversion) == pytest.approx(width * times ** (2 / 3))
    assert half(cost, gamma, sigma, spot, aversion * times) == pytest.approx(width * times ** (-1 / 3))
    assert half(cost, -gamma, sigma, spot, aversion) == width, "long and short gamma are equally far from their target"
    assert half(cost, gamma, sigma * times, spot, aversion) == pytest.approx(width), "in coins, volatility cancels"


@given(costs, gammas, sigmas, spots, aversions)
def test_the_formula_is_the_one_that_was_published(
    cost: float, gamma: float, sigma: float, spot: float, aversion: float
) -> None:
    assert half(cost, gamma, sigma, spot, aversion) ** 3 == pytest.approx(1.5 * cost * spot * gamma**2 / aversion)


@given(costs, gammas, sigmas, spots, aversions)
def test_at_the_best_width_cost_is_twice_the_risk_penalty(
    cost: float, gamma: float, sigma: float, spot: float, aversion: float
) -> None:
    variance, width = target_variance(gamma, sigma, spot), half(cost, gamma, sigma, spot, aversion)

    def paid(h: float) -> float:
        return cost * spot * turnover(variance, h, h)

    def penalty(h: float) -> float:
        return aversion / 2 * band_residual(h, h, sigma, spot) ** 2

    assert paid(width) == pytest.approx(2 * penalty(width))
    least = paid(width) + penalty(width)
    assert least <= paid(width * 1.01) + penalty(width * 1.01)
    assert least <= paid(width * 0.99) + penalty(width * 0.99)


@given(halves, gammas, sigmas, spots, st.floats(0, 1e-4))
def test_a_band_that_is_watched_at_times_is_narrower_and_never_negative(
    width: float, gamma: float, sigma: float, spot: float, span: float
) -> None:
    corrected = watched(width, gamma, sigma, spot, span)
    assert 0 <= corrected <= width
    assert corrected == watched(width, -gamma, sigma, spot, span)
    assert watched(width, gamma, sigma, spot, 0.0) == width
    assert watched(width, gamma, sigma, spot, 2 * span) <= corrected


@given(st.floats(1e-9, 1e6), st.floats(1e-9, 1e6))
def test_trigger_and_reset_solve_their_two_equations(p: float, q: float) -> None:
    trigger, reset = solve_fixed(p, q)
    assert trigger >= reset >= 0
    assert trigger * reset * (trigger + reset) == pytest.approx(p, rel=1e-6, abs=1e-9 * (p + q))
    assert (trigger + reset) * (trigger - reset) ** 3 == pytest.approx(q, rel=1e-4, abs=1e-9 * (p + q))


@given(halves)
def test_without_a_fixed_cost_trigger_and_reset_are_the_edge(width: float) -> None:
    assert trigger_and_reset(width, 0.0) == pytest.approx((width, width))
    trigger, reset = trigger_and_reset(width, width * 1e-12)
    assert trigger == pytest.approx(width, rel=1e-3)
    assert reset == pytest.approx(width, rel=1e-3)


@given(st.floats(1e-9, 1e9))
def test_without_a_proportional_cost_a_rebalance_ends_on_the_target(q: float) -> None:
    trigger, reset = solve_fixed(0.0, q)
    assert trigger == pytest.approx(q**0.25)
    assert reset == pytest.approx(0, abs=trigger * 1e-6)


@given(halves, st.floats(1e-6, 1e3), more)
def test_a_dearer_order_is_triggered_later_and_goes_further_in(width: float, share: float, times: float) -> None:
    trigger, reset = trigger_and_reset(width, share * width)
    later, further = trigger_and_reset(width, share * width * times)
    assert later > trigger
    assert further < reset or further == pytest.approx(reset, abs=1e-6 * width)
    assert trigger >= width * (1 - 1e-12)
    assert reset <= width * (1 + 1e-12)


@given(halves, st.floats(0, 1e3))
def test_a_fixed_cost_band_leaves_what_its_budget_allows(width: float, share: float) -> None:
    trigger, reset = trigger_and_reset(fixed_cost_width(width, share * width), share * width)
    assert band_residual(trigger, reset, 0.6, 100.0) == pytest.approx(band_residual(width, width, 0.6, 100.0), rel=1e-6)


@given(costs, gammas, sigmas, spots, halves, st.floats(0, 10), more)
def test_no_other_trigger_and_reset_cost_less_with_a_fixed_cost(
    cost: float, gamma: float, sigma: float, spot: float, width: float, share: float, times: float
) -> None:
    """The two equations are the conditions of a minimum: a step in any direction costs more."""
    break_even = (0.01 + share) * width
    variance = target_variance(gamma, sigma, spot)
    aversion = aversion_of(width, cost, variance, sigma, spot)
    trigger, reset = trigger_and_reset(width, break_even)

    def total(a: float, b: float) -> float:
        paid = cost * spot * (turnover(variance, a, b) + break_even * trades(variance, a, b))
        return paid + aversion / 2 * band_residual(a, b, sigma, spot) ** 2

    least, step = total(trigger, reset), (trigger - reset) * 0.02
    for a, b in ((step, 0), (-step, 0), (0, step), (0, -step), (step, step), (-step, -step)):
        if reset + b >= 0:
            assert total(trigger + a, reset + b) >= least * (1 - 1e-9)


@given(costs, gammas, sigmas, spots, years, aversions, more)
def test_zakamoulines_band_grows_with_cost_and_shrinks_with_aversion(
    cost: float, gamma: float, sigma: float, spot: float, left: float, aversion: float, times: float
) -> None:
    width, steepness = zakamouline(cost, gamma, sigma, spot, left, aversion)
    assert width > 0
    assert zakamouline(cost * times, gamma, sigma, spot, left, aversion)[0] > width
    assert zakamouline(cost, gamma * times, sigma, spot, left, aversion)[0] > width
    assert zakamouline(cost, gamma, sigma, spot, left, aversion * times)[0] < width
    assert zakamouline(cost, -gamma, sigma, spot, left, aversion) == (width, steepness)
    assert steepness < 0
    assert zakamouline_variance(steepness, long=False) > 1, "who is short hedges as if prices moved more"
    assert zakamouline_variance(steepness, long=True) < 1, "who is long hedges as if they moved less"


@given(costs, sigmas, st.floats(1e-6, 0.1))
def test_lelands_volatility_is_higher_if_short_and_lower_if_long(cost: float, sigma: float, span: float) -> None:
    short, long = leland_variance(cost, sigma, span, long=False), leland_variance(cost, sigma, span, long=True)
    assert short > 1 > long
    assert short + long == pytest.approx(2)
    assert leland_variance(2 * cost, sigma, span, long=False) > short
    assert leland_variance(cost, sigma, 2 * span, long=False) < short


@given(halves, gammas, sigmas, spots)
def test_at_equal_residual_an_edge_trades_least_then_a_centre_then_a_clock(
    width: float, gamma: float, sigma: float, spot: float
) -> None:
    variance = target_variance(gamma, sigma, spot)
    left = band_residual(width, width, sigma, spot)
    centre = 2**0.5 * width
    span = clock_for(width, variance)
    assert band_residual(centre, 0.0, sigma, spot) == pytest.approx(left)
    assert clock_residual(variance, sigma, spot, span) == pytest.approx(left)
    edge = turnover(variance, width, width)
    assert turnover(variance, centre, 0.0) / edge == pytest.approx(2**0.5)
    assert clock_turnover(variance, span) / edge == pytest.approx(1.954, rel=1e-3)


# --- the engine's band --------------------------------------------------------------------------------------------

COMPUTED = Band(
    rule=BandRule.WHALLEY_WILMOTT,
    upper=D(0),
    lower=D(0),
    floor=D(0),
    rebalance_to=RebalanceTo.EDGE,
    inputs=BandInputs(residual=D("0.01")),
)
BOOK = Conditions(sigma=0.6, gamma=0.0001, cost=0.0002, fee=0.0002, years=30 / 365)


@given(st.floats(0.01, 1_000), spots, sigmas, st.floats(0, 0.01))
def test_at_the_listed_fee_the_band_leaves_exactly_the_budget(
    size: float, spot: float, sigma: float, gamma: float
) -> None:
    trigger, reset = trigger_of(COMPUTED, size, spot, BOOK._replace(sigma=sigma, gamma=gamma))
    assert trigger == reset == pytest.approx(budget_width(0.01 * size * spot, sigma, spot))
    assert band_residual(trigger, reset, sigma, spot) == pytest.approx(0.01 * size * spot)


@given(st.floats(0.01, 7.9))
def test_a_measured_cost_moves_the_band_by_its_cube_root(times: float) -> None:
    usual, _ = trigger_of(COMPUTED, 10.0, 60_000.0, BOOK)
    other, _ = trigger_of(COMPUTED, 10.0, 60_000.0, BOOK._replace(cost=BOOK.cost * times))
    assert other == pytest.approx(usual * times ** (1 / 3))


@given(st.floats(0.05, 2.7), st.booleans())
def test_with_a_typical_gamma_the_band_follows_gamma_in_both_signs(times: float, short: bool) -> None:
    typical = replace(COMPUTED, inputs=replace(COMPUTED.inputs, typical_gamma=D("0.06")))  # 0.0001 at 60 000
    gamma = 0.0001 * times * (-1 if short else 1)
    usual, _ = trigger_of(typical, 10.0, 60_000.0, BOOK)
    other, _ = trigger_of(typical, 10.0, 60_000.0, BOOK._replace(gamma=gamma))
    assert usual == pytest.approx(budget_width(6_000.0, 0.6, 60_000.0))
    if times >= 1:
        assert other == pytest.approx(usual * times ** (2 / 3))
    else:
        assert usual * times ** (2 / 3) * (1 - 1e-9) <= other <= usual


@given(
    st.sampled_from((BandRule.WHALLEY_WILMOTT, BandRule.FIXED_COST)),
    st.floats(-0.002, 0.01),
    st.floats(-0.1, 0.1),
    st.floats(0, 20),
    st.integers(0, 60_000),
)
def test_no_cost_and_no_gamma_makes_a_band_twice_as_wide_as_its_budget(
    rule: BandRule, cost: float, gamma: float, fixed_cost: float, watch_ms: int
) -> None:
    inputs = replace(
        COMPUTED.inputs, typical_gamma=D("0.01"), fixed_cost=D(repr(fixed_cost)), watch_ms=watch_ms, residual=D("0.02")
    )
    wanted = replace(COMPUTED, rule=rule, inputs=inputs)
    edges = widths(wanted, D(10), D(60_000), BOOK._replace(cost=cost, gamma=gamma, smallest=D("0.001")))
    budget = budget_width(0.02 * 10 * 60_000, 0.6, 60_000.0)
    past = 0.5826 * abs(gamma) * 60_000 * 0.6 * (watch_ms / 31_536_000_000) ** 0.5
    assert D("0.001") <= edges.upper <= D(repr(max(2 * budget, past, 0.001) * (1 + 1e-9)))
    assert edges.upper == edges.lower
    assert 0 <= edges.reset_upper <= edges.upper
