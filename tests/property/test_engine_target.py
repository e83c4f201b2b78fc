"""Targets with a gamma of their own: continuous, monotone where that is promised, and on the side that is said."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import pairwise
from math import exp, sqrt
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.engine.formulas.greeks import black76
from hedger.engine.formulas.overlay import Overlay
from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import Hedge, Numeraire, Target, TargetKind
from hedger.engine.known.state import Exposure
from hedger.engine.wanted.target import hedge_gamma, target_delta, target_gamma
from hedger.model.option import OptionType
from hedger.model.spans import DAY_MS, YEAR_MS
from hedger.sim.checkers.targets import shaped
from tests.support.engine_policies import hedge_of
from tests.support.engine_worlds import NOW

prices = st.integers(20_000, 200_000).map(D)
holdings = st.integers(1, 5_000).map(lambda n: n / D(1_000))
strikes = st.integers(40_000, 90_000).map(D)
types = st.sampled_from(OptionType)
days = st.integers(1, 400)
volatilities = st.integers(5, 200).map(lambda n: n / D(100))
numeraires = st.sampled_from(Numeraire)
ratios = st.lists(st.integers(0, 15), min_size=2, max_size=6)


def held_of(holding: D, *, delta: D = D(0), gamma: float = 0.0, premium: float = 0.0) -> Exposure:
    options = Overlay(delta, gamma, 0.0, 0.0, premium, (), None)
    return Exposure(spot=holding, static=D(0), futures=D(0), low=holding, high=holding, options=options)


def option_of(option_type: OptionType = OptionType.PUT, *, long: bool = True, **changes: Any) -> Synthetic:
    made: dict[str, Any] = {"strike": D(60_000), "expiry_at": NOW + 30 * DAY_MS, "volatility": D("0.5"), "ratio": D(1)}
    return Synthetic(option_type=option_type, long=long, **(made | changes))


def hedge_with(kind: TargetKind, numeraire: Numeraire = Numeraire.USD, **changes: Any) -> Hedge:
    made: dict[str, Any] = {"value": D(0)}
    return hedge_of(target=Target(kind=kind, **(made | changes)), numeraire=numeraire)


def synthetic(option: Synthetic, numeraire: Numeraire = Numeraire.USD) -> Hedge:
    return hedge_with(TargetKind.SYNTHETIC, numeraire, synthetic=option)


def profiled(tenths: list[int], numeraire: Numeraire = Numeraire.USD) -> Hedge:
    points = tuple(ProfilePoint(D(40_000 + 10_000 * at), D(ratio) / 10) for at, ratio in enumerate(tenths))
    return hedge_with(TargetKind.PROFILE, numeraire, profile=Profile(points=points))


# --- signs, in both directions --------------------------------------------------------------------------------------


@given(holdings, strikes, days, volatilities, types, st.booleans(), prices, prices)
def test_a_synthetic_that_is_long_buys_as_the_price_rises_and_a_short_one_sells(
    holding: D, strike: D, life: int, volatility: D, option_type: OptionType, long: bool, one: D, other: D
) -> None:
    expiry = NOW + life * DAY_MS
    option = option_of(option_type, long=long, strike=strike, expiry_at=expiry, volatility=volatility)
    low, high = sorted((one, other))
    rise = [target_delta(synthetic(option), held_of(holding), price, NOW) for price in (low, high)]
    assert (rise[1] >= rise[0]) if long else (rise[1] <= rise[0])
    gamma = target_gamma(synthetic(option), held_of(holding), one, NOW)
    assert gamma >= 0 if long else gamma <= 0


@given(holdings, strikes, prices)
def test_a_long_put_on_the_holding_stays_between_all_of_it_and_none(holding: D, strike: D, price: D) -> None:
    target = target_delta(synthetic(option_of(strike=strike)), held_of(holding), price, NOW)
    assert 0 <= target <= holding


@given(holdings, strikes, prices, days)
def test_put_and_call_of_one_strike_differ_by_the_coin_itself(holding: D, strike: D, price: D, life: int) -> None:
    expiry = NOW + life * DAY_MS
    call, put = (option_of(t, strike=strike, expiry_at=expiry) for t in (OptionType.CALL, OptionType.PUT))
    assert abs(call.delta(price, NOW) - put.delta(price, NOW) - 1) < D("1e-12")
    assert abs(call.value(price, NOW) - put.value(price, NOW) - float(price - strike)) < 1e-6


@given(holdings, ratios, prices)
def test_a_profile_whose_ratio_rises_sells_as_the_price_rises(holding: D, tenths: list[int], price: D) -> None:
    rising, falling = profiled(sorted(tenths)), profiled(sorted(tenths, reverse=True))
    higher = price + 1_000
    held = held_of(holding)
    assert target_delta(rising, held, higher, NOW) <= target_delta(rising, held, price, NOW)
    assert target_delta(falling, held, higher, NOW) >= target_delta(falling, held, price, NOW)
    assert target_gamma(rising, held, price, NOW) <= 0 <= target_gamma(falling, held, price, NOW)


@given(holdings, ratios, prices)
def test_a_profile_is_flat_outside_its_points_and_never_beyond_them(holding: D, tenths: list[int], price: D) -> None:
    profile = profiled(tenths).target.profile
    assert profile is not None
    told = [point.ratio for point in profile.points]
    assert min(told) <= profile.ratio(price) <= max(told)
    assert profile.ratio(D(1)) == told[0]
    assert profile.ratio(D(10**9)) == told[-1]
    assert [profile.ratio(point.price) for point in profile.points] == told


@given(holdings, ratios, types, st.booleans(), prices)
def test_a_small_move_of_the_price_moves_every_target_a_little(
    holding: D, tenths: list[int], option_type: OptionType, long: bool, price: D
) -> None:
    for hedge in (profiled(tenths), synthetic(option_of(option_type, long=long))):
        held, step = held_of(holding), D("0.01")
        moved = target_delta(hedge, held, price + step, NOW) - target_delta(hedge, held, price, NOW)
        assert abs(moved) <= holding * D("0.0001")


# --- the gamma is the slope -----------------------------------------------------------------------------------------


def hedges(numeraire: Numeraire) -> list[Hedge]:
    return [
        hedge_with(TargetKind.NEUTRAL, numeraire),
        hedge_with(TargetKind.RATIO, numeraire, value=D("0.7")),
        hedge_with(TargetKind.COINS, numeraire, value=D("0.3")),
        hedge_with(TargetKind.QUOTE, numeraire, value=D(25_000)),
        profiled([2, 9, 4], numeraire),
        synthetic(option_of(), numeraire),
        synthetic(option_of(OptionType.CALL, long=False, coins=D(2)), numeraire),
    ]


@given(holdings, prices, numeraires, st.integers(-20, 20).map(lambda n: D(n) / 10))
def test_the_gamma_of_every_target_is_the_slope_of_its_delta(
    holding: D, price: D, numeraire: Numeraire, options: D
) -> None:
    """The options that are held are `options` puts of one strike, with their true greeks at each price."""
    if price % 10_000 == 0:  # a point of the profile, where the slope jumps
        price += 1
    real = option_of(strike=D(55_000))

    def held_at(spot: D) -> Exposure:
        premium = float(options) * real.value(spot, NOW) / float(spot)
        gamma = float(options) * real.gamma(spot, NOW)
        return held_of(holding, delta=options * real.delta(spot, NOW), gamma=gamma, premium=premium)

    for hedge in hedges(numeraire):
        h = D("0.5")
        above, below = (target_delta(hedge, held_at(price + s), price + s, NOW) for s in (h, -h))
        slope = float((above - below) / (2 * h))
        gamma = target_gamma(hedge, held_at(price), price, NOW)
        assert abs(slope - gamma) < 1e-9 + 1e-3 * abs(gamma), hedge.target.kind
        assert hedge_gamma(hedge, held_at(price), price, NOW) == gamma - held_at(price).options.gamma


@given(prices, st.integers(1, 10**6).map(D))
def test_a_target_in_quote_sells_as_the_price_rises(price: D, value: D) -> None:
    hedge = hedge_with(TargetKind.QUOTE, value=value)
    gamma = target_gamma(hedge, held_of(D(1)), price, NOW)
    assert abs(gamma + float(value) / float(price) ** 2) <= 1e-12 * abs(gamma)


@given(holdings, prices, st.sampled_from([1, -1]))
def test_options_that_are_held_turn_the_hedge_the_other_way(holding: D, price: D, side: int) -> None:
    """Long gamma is hedged by selling as the price rises, short gamma by buying."""
    held = held_of(holding, delta=D(side) / 2, gamma=side * 1e-5)
    neutral = hedge_gamma(hedge_with(TargetKind.NEUTRAL), held, price, NOW)
    assert neutral == -side * 1e-5


@given(holdings, prices, st.integers(-20, 20).map(lambda n: D(n) / 10))
def test_what_wealth_is_counted_in_does_not_move_a_synthetic(holding: D, price: D, options: D) -> None:
    held = held_of(holding, delta=options, gamma=1e-6, premium=float(options) / 10)
    dollars, in_coins = (target_delta(synthetic(option_of(), n), held, price, NOW) for n in Numeraire)
    assert abs(dollars - in_coins) < D("1e-20")


@given(prices, strikes, days, volatilities, types)
def test_the_synthetic_delta_is_that_of_the_options_that_are_held(
    price: D, strike: D, life: int, volatility: D, option_type: OptionType
) -> None:
    option = option_of(option_type, strike=strike, expiry_at=NOW + life * DAY_MS, volatility=volatility)
    row = [np.array([float(x)]) for x in (price, strike, D(life) / 365, volatility, option_type.sign)]
    value, delta, gamma, *_ = (part[0] for part in black76(*row))
    assert abs(delta - float(option.delta(price, NOW))) < 1e-12
    assert abs(gamma - option.gamma(price, NOW)) < 1e-12
    assert abs(value - option.value(price, NOW)) < 1e-7


# --- what it earns and pays -----------------------------------------------------------------------------------------


def path(seed: int, volatility: float, steps: int, years: float) -> list[float]:
    """A seeded path without drift from 60,000."""
    rng, spot, dt = Random(seed), 60_000.0, years / steps
    spots = [spot]
    for _ in range(steps):
        spot *= exp(-(volatility**2) * dt / 2 + volatility * sqrt(dt) * rng.gauss(0, 1))
        spots.append(spot)
    return spots


def earned(hedge: Hedge, spots: list[float], times: list[int]) -> float:
    """∫y dS of the target on one coin."""
    held, total = held_of(D(1)), 0.0
    for before, after, at in zip(spots, spots[1:], times, strict=False):
        total += float(target_delta(hedge, held, D(repr(before)), at)) * (after - before)
    return total


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.2, 0.6]), st.booleans())
def test_a_profile_earns_its_potential_less_half_its_gamma_times_the_variance(
    seed: int, volatility: float, rising: bool
) -> None:
    """With y = g′(S): ∫y dS = g(S_T) − g(S_0) − ½∫g″ dS², on the path that was, by Itô's formula."""
    hedge = profiled([0, 10] if rising else [10, 0])  # from 40,000 to 50,000
    hedge = hedge_with(
        TargetKind.PROFILE,
        profile=Profile(points=(ProfilePoint(D(30_000), D(not rising)), ProfilePoint(D(90_000), D(rising)))),
    )
    spots = path(seed, volatility, 3_000, 0.05)
    slope = -1 / 60_000 if rising else 1 / 60_000

    def potential(spot: float) -> float:
        share = (spot - 30_000) / 60_000
        y = 1 - share if rising else share
        return y * spot - slope * spot * spot / 2

    paid = sum(slope * (after - before) ** 2 / 2 for before, after in pairwise(spots))
    total = earned(hedge, spots, [NOW] * len(spots))
    assert 30_000 < min(spots) <= max(spots) < 90_000
    assert abs(total - (potential(spots[-1]) - potential(spots[0]) - paid)) < 1e-4
    assert paid < 0 if rising else paid > 0


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(OptionType)), st.booleans())
def test_a_synthetic_earns_its_option_less_what_realised_variance_costs(
    seed: int, option_type: OptionType, long: bool
) -> None:
    """∫Δ dS = V_T − V_0 − ½∫Γ dS² + ½∫ΓS²σ²dt: at its own volatility the last two cancel, and it is the option."""
    life = 60 * DAY_MS
    option = option_of(option_type, long=long, expiry_at=NOW + life)
    steps = 1_500
    spots = path(seed, 0.5, steps, 30 * DAY_MS / YEAR_MS)  # half of its life, away from the corner of the payoff
    times = [NOW + round(30 * DAY_MS * n / steps) for n in range(steps + 1)]
    without = earned(hedge_with(TargetKind.RATIO), spots, times)
    total = earned(synthetic(option), spots, times) - without
    side = 1 if long else -1
    gained = side * (option.value(D(repr(spots[-1])), times[-1]) - option.value(D(60_000), NOW))
    dt = 30 * DAY_MS / steps / YEAR_MS
    paid = sum(
        side * option.gamma(D(repr(before)), at) * ((after - before) ** 2 - before**2 * 0.25 * dt) / 2
        for before, after, at in zip(spots, spots[1:], times, strict=False)
    )
    assert abs(total - (gained - paid)) < 20  # of 60,000: what steps of half an hour leave of the third order
    assert abs(total - gained) < 600


@given(holdings, ratios, strikes, days, types, st.booleans(), prices)
def test_the_judge_of_the_simulator_wants_the_same_by_its_own_arithmetic(
    holding: D, tenths: list[int], strike: D, life: int, option_type: OptionType, long: bool, price: D
) -> None:
    option = option_of(option_type, long=long, strike=strike, expiry_at=NOW + life * DAY_MS, coins=D("0.7"))
    for hedge in (profiled(tenths), synthetic(option), synthetic(option_of(option_type, long=long))):
        wanted = target_delta(hedge, held_of(holding), price, NOW)
        assert abs(wanted - shaped(hedge.target, holding, price, NOW)) < D("1e-9")
