"""Delta, gamma, theta and vega explain what an option's value did between two readings, whatever it settles in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.formulas.option_moves import Moves, moves
from hedger.engine.formulas.overlay import overlay
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.model.spans import DAY_MS, YEAR_MS
from tests.support.option_rows import worth

NOW = 1_767_253_200_000
INDEX = 60_000.0

strikes = st.floats(50_000, 72_000)
sigmas = st.floats(0.3, 1.2)
ratios = st.floats(0.9, 1.1)
sizes = st.sampled_from((D(2), D(-3)))
payoffs = st.sampled_from((Payoff.INVERSE, Payoff.LINEAR))
kinds = st.sampled_from(tuple(OptionType))
turns = st.sampled_from((-1, 1))


def option(kind: OptionType, payoff: Payoff, strike: float, sigma: float, ratio: float, quantity: D) -> OptionPosition:
    """Thirty days to go, at the index."""
    pair, settle = ("BTC/USD:BTC", "BTC") if payoff is Payoff.INVERSE else ("BTC/USDT:USDT", "USDT")
    return OptionPosition(
        id=InstrumentId("main", f"{pair}-260131-1-{kind.value[0].upper()}"),
        underlying="BTC",
        option_type=kind,
        strike=D(repr(strike)),
        expiry_at=NOW + 30 * DAY_MS,
        settlement_ms=1_800_000,
        payoff=payoff,
        settle=settle,
        quantity=quantity,
        contract_multiplier=D("0.5"),
        mark_price=None,
        mark_sigma=D(repr(sigma)),
        forward_price=D(repr(INDEX * ratio)),
        index_price=D(repr(INDEX)),
    )


def moved(was: OptionPosition, by: float, sigma: float) -> OptionPosition:
    """The option after a relative move of the index, its forward the same multiple of it."""
    ratio = float(was.forward_price or 0) / float(was.index_price)
    index = float(was.index_price) * (1 + by)
    return replace(was, index_price=D(repr(index)), forward_price=D(repr(index * ratio)), mark_sigma=D(repr(sigma)))


def dollars(option: OptionPosition, at: int) -> float:
    """The position's value: of a coin-settled option its coins, V/F each, at the index."""
    forward, index = float(option.forward_price or 0), float(option.index_price)
    years, sigma = (option.expiry_at - at) / YEAR_MS, float(option.mark_sigma or 0)
    value = worth(forward, float(option.strike), sigma, years, option.option_type.sign)
    return float(option.coins) * (value * index / forward if option.payoff is Payoff.INVERSE else value)


def parts(was: OptionPosition, now: OptionPosition, ms: int) -> Moves:
    (made,) = moves((was,), (now,), NOW, NOW + ms).values()
    return made


@given(kinds, payoffs, strikes, sigmas, ratios, sizes, turns)
def test_delta_and_gamma_explain_a_move_of_the_price_to_second_order(
    kind: OptionType, payoff: Payoff, strike: float, sigma: float, ratio: float, size: D, turn: int
) -> None:
    """What a move of h leaves over goes with h³: a tenth of the move leaves a thousandth."""
    was = option(kind, payoff, strike, sigma, ratio, size)
    left = []
    for by in (0.01 * turn, 0.001 * turn):
        now = moved(was, by, sigma)
        made = parts(was, now, 0)
        assert not any((made.theta, made.vega))
        left.append(abs(dollars(now, NOW) - dollars(was, NOW) - float(made.delta + made.gamma)))
    scale = abs(float(was.coins)) * INDEX
    assert left[0] <= 3e-5 * scale
    assert left[1] <= 3e-8 * scale


@given(kinds, payoffs, strikes, sigmas, ratios, sizes, turns)
def test_vega_and_theta_explain_a_move_of_the_volatility_and_an_hour(
    kind: OptionType, payoff: Payoff, strike: float, sigma: float, ratio: float, size: D, turn: int
) -> None:
    was = option(kind, payoff, strike, sigma, ratio, size)
    scale = abs(float(was.coins)) * INDEX
    later = moved(was, 0.0, sigma + 1e-4 * turn)
    made = parts(was, later, 0)
    assert not any((made.delta, made.gamma, made.theta))
    assert abs(dollars(later, NOW) - dollars(was, NOW) - float(made.vega)) <= 1e-7 * scale
    made = parts(was, moved(was, 0.0, sigma), 60_000)
    assert not any((made.delta, made.gamma, made.vega))
    assert abs(dollars(was, NOW + 60_000) - dollars(was, NOW) - float(made.theta)) <= 1e-8 * scale


@given(kinds, payoffs, strikes, sigmas, ratios, sizes)
def test_the_parts_have_the_greeks_that_the_hedge_is_decided_on(
    kind: OptionType, payoff: Payoff, strike: float, sigma: float, ratio: float, size: D
) -> None:
    was = option(kind, payoff, strike, sigma, ratio, size)
    greeks = overlay([was], was.index_price, NOW)
    made = parts(was, replace(moved(was, 0.001, sigma), mark_sigma=D(repr(sigma + 0.01))), DAY_MS)
    step = 0.001 * INDEX
    assert float(made.delta) == pytest.approx(float(greeks.delta) * step, rel=1e-9)
    assert float(made.gamma) == pytest.approx(greeks.gamma * step**2 / 2, rel=1e-9)
    assert float(made.theta) == pytest.approx(greeks.theta, rel=1e-9)
    assert float(made.vega) == pytest.approx(greeks.vega, rel=1e-6)
