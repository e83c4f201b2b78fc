"""The signs of carry, in both directions, for every rate, basis and size."""

from decimal import Decimal as D
from math import exp, isclose, isfinite

from hypothesis import assume, given
from hypothesis import strategies as st

from hedger.engine.formulas.carry import (
    basis_yearly,
    basis_yearly_simple,
    carry_to,
    expected_funding,
    fitted,
    per_interval,
    projected,
    switch_gain,
    yearly,
)
from hedger.model.instrument import Kind, Payoff
from hedger.model.market import FundingRate
from hedger.model.spans import YEAR_MS
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import mark_at
from tests.support.textbook import funding_received

HOUR = 3_600_000
rates = st.floats(-0.03, 0.03).filter(lambda rate: rate == 0 or abs(rate) > 1e-9)
hours = st.sampled_from([1, 2, 4, 8])
prices = st.decimals("0.01", "200000", places=2)
sizes = st.decimals("0.001", "500", places=3)
LINEAR = instrument_of()
INVERSE = instrument_of(multiplier="100", payoff=Payoff.INVERSE, quote="USD", settle="BTC", kind=Kind.PERPETUAL)


@given(rate=rates.filter(bool), interval=hours, price=prices, size=sizes, short=st.booleans(), inverse=st.booleans())
def test_funding_above_zero_is_received_by_a_short_and_paid_by_a_long(
    rate: float, interval: int, price: D, size: D, short: bool, inverse: bool
) -> None:
    instrument = INVERSE if inverse else LINEAR
    mark = mark_at(str(price), funding_rate=D(repr(rate)), funding_interval_ms=interval * HOUR)
    units = -size if short else size
    cash = funding_received(instrument, units, mark)
    assert (cash > 0) == ((rate > 0) == short)
    assert cash == -funding_received(instrument, -units, mark)
    earned = carry_to(yearly(rate, interval * HOUR), -1 if short else 1)
    assert (earned > 0) == (cash > 0), "the carry a year and the payment have one sign"


@given(rate=rates.filter(bool), price=prices, size=sizes, short=st.booleans())
def test_funding_is_minus_the_signed_notional_at_mark_times_the_rate(
    rate: float, price: D, size: D, short: bool
) -> None:
    mark = mark_at(str(price), funding_rate=D(repr(rate)))
    units = -size if short else size
    assert funding_received(LINEAR, units, mark) == -units * price * D(repr(rate))
    coins = funding_received(INVERSE, units, mark)
    assert isclose(float(coins * price), float(-units * 100 * D(repr(rate))), rel_tol=1e-12)


@given(index=prices, premium=st.floats(-0.2, 0.2), days=st.floats(0.01, 400))
def test_contango_pays_a_short_and_backwardation_a_long(index: D, premium: float, days: float) -> None:
    future = index * D(repr(1 + premium))
    assume(abs(premium) > 1e-6)
    left = int(days * 86_400_000)
    continuous, simple = basis_yearly(future, index, left), basis_yearly_simple(future, index, left)
    assert continuous is not None
    assert simple is not None
    assert (continuous > 0) == (simple > 0) == (premium > 0)
    assert (carry_to(continuous, -1) > 0) == (premium > 0)
    assert (carry_to(continuous, 1) > 0) == (premium < 0)
    assert isclose(exp(continuous * left / YEAR_MS), float(future / index), rel_tol=1e-9)
    assert continuous <= simple + 1e-12, "a rate that compounds is the smaller one, of either sign"


@given(left=st.integers(-(10**12), 0))
def test_a_contract_that_has_expired_has_no_basis(left: int) -> None:
    assert basis_yearly(D(101), D(100), left) is None
    assert basis_yearly_simple(D(101), D(100), left) is None


@given(mean=rates, last=rates, persistence=st.floats(0, 0.98), steps=st.integers(0, 200))
def test_the_projection_is_the_sum_of_rates_that_fall_back_to_their_mean(
    mean: float, last: float, persistence: float, steps: int
) -> None:
    rate, total = last, 0.0
    for _ in range(steps):
        rate = mean + persistence * (rate - mean)
        total += rate
    assert isclose(projected(mean, persistence, last, steps), total, rel_tol=1e-9, abs_tol=1e-12)


@given(rate=rates, interval=hours, other=hours, count=st.integers(0, 60))
def test_a_history_of_one_yearly_rate_is_expected_to_go_on_whatever_its_intervals(
    rate: float, interval: int, other: int, count: int
) -> None:
    """8 h at 0.01 % and 4 h at 0.005 % are the same rate a year: a change of the interval changes nothing."""
    each = [other if place % 2 else interval for place in range(count)]
    hourly = D(repr(rate)) / 8
    past = tuple(
        FundingRate(rate=hourly * hours, interval_ms=hours * HOUR, settled_at=n * HOUR) for n, hours in enumerate(each)
    )
    now = float(hourly * interval)
    model = fitted(past, now, interval * HOUR)
    wanted = yearly(now, interval * HOUR)
    assert isclose(expected_funding(model, now, 30 * 86_400_000), wanted, rel_tol=1e-6, abs_tol=1e-12)


@given(st.lists(st.tuples(rates, hours), max_size=100), rates, hours)
def test_a_model_of_any_history_is_finite_and_its_persistence_a_share(
    past: list[tuple[float, int]], now: float, interval: int
) -> None:
    history = tuple(
        FundingRate(rate=D(repr(rate)), interval_ms=each * HOUR, settled_at=n) for n, (rate, each) in enumerate(past)
    )
    model = fitted(history, now, interval * HOUR)
    assert 0 <= model.persistence <= 0.98
    assert model.deviation >= 0
    assert all(isfinite(value) for value in model[:3])
    every = [yearly(now, interval * HOUR), *(yearly(rate, each * HOUR) for rate, each in past)]
    assert min(every) - 1e-9 <= model.mean <= max(every) + 1e-9, "a shrunk mean lies among what was seen"


@given(basis=st.floats(-0.5, 0.5), interval=hours)
def test_break_even_funding_earns_what_the_basis_earns(basis: float, interval: int) -> None:
    level = per_interval(basis, interval * HOUR)
    assert isclose(yearly(level, interval * HOUR), basis, rel_tol=1e-12, abs_tol=1e-15)
    assert isclose(level, basis * interval / 8_760, rel_tol=1e-12, abs_tol=1e-15)


@given(gain=st.floats(-1, 1), cost=st.floats(0, 0.01), days=st.integers(1, 365), risk=st.floats(0, 0.2))
def test_a_switch_is_never_better_for_costing_more_or_for_more_risk(
    gain: float, cost: float, days: int, risk: float
) -> None:
    years = days / 365
    plain = switch_gain(gain, cost=cost, years=years)
    assert plain <= gain
    assert switch_gain(gain, cost=cost * 2, years=years) <= plain
    assert switch_gain(gain, cost=cost, years=years, premium=1, deviation=risk) >= plain, "rid of a risk: easier"
    assert switch_gain(gain, cost=cost, years=years, premium=1, deviation=-risk) <= plain, "taking one on: harder"
