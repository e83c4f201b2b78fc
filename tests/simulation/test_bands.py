"""Bands that are computed, and those that hedge on occasion, in the whole daemon."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.engine.known.policy import Band, BandInputs, BandRule, RebalanceTo
from hedger.engine.known.state import Reason
from tests.support.engine_policies import band, hedge_of, policy_of
from tests.support.simulated_daemon import Play, play
from tests.support.simulated_venue import LensVenue

LOT = D("0.002")  # the smallest order: a hundred in quote


def computed(rule: BandRule, **inputs: Any) -> Band:
    made = BandInputs(residual=D("0.02"), sigma=D("0.6"), watch_ms=1_000)
    plain = band(rule=rule, rebalance_to=RebalanceTo.EDGE)
    return replace(plain, upper=D(0), lower=D(0), inputs=replace(made, **inputs))


def occasional(rule: BandRule, **inputs: Any) -> Band:
    return band("0.2", rule=rule, inputs=BandInputs(**inputs))


def test_a_budget_alone_keeps_a_holding_at_the_edge_of_what_it_allows(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        edge = it.decision.upper
        assert edge is not None
        assert abs(float(edge) - 3**0.5 * 0.02 / 0.6) < 0.001
        assert edge - LOT <= it.delta() <= edge
        it.deposit("-0.3")
        await it.until_hedged()
        assert it.delta() < 0

    it = play(script, policy_of(hedge_of(band=computed(BandRule.WHALLEY_WILMOTT))), tmp_path)
    assert all(trade.maker for trade in it.trades)


def test_a_cost_of_each_order_brings_fewer_and_larger_ones(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        upper = it.decision.upper
        assert upper is not None
        assert it.delta() < upper / 2, "a rebalance ends well inside"

    play(script, policy_of(hedge_of(band=computed(BandRule.FIXED_COST, fixed_cost=D(5)))), tmp_path)


def test_without_a_volatility_the_daemon_sends_nothing_and_says_why(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.sleep(30)
        assert it.decision.reason is Reason.BAND_INPUT
        assert "has not been measured yet" in it.decision.detail

    def without_bars(venue: LensVenue) -> None:
        venue.candles = lambda candles: ()

    policy = policy_of(hedge_of(band=computed(BandRule.WHALLEY_WILMOTT, sigma=None)))
    assert not play(script, policy, tmp_path, prepare=without_bars).venue.placed


def test_the_volatility_that_is_measured_makes_the_band(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        sigma, upper = it.state.volatility["BTC"].realized, it.decision.upper
        assert sigma is not None
        assert upper is not None
        assert float(upper) == pytest.approx(3**0.5 * 0.02 / sigma, rel=0.12), "it may be a tenth behind"

    play(script, policy_of(hedge_of(band=computed(BandRule.WHALLEY_WILMOTT, sigma=None))), tmp_path)


def test_a_clock_lets_small_deviations_wait_and_large_ones_not(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        assert abs(it.delta()) <= LOT, "at the start it strikes at once"
        it.deposit("0.1")
        await it.sleep(60)
        assert it.delta() > D("0.09"), "it waits for the clock"
        await it.sleep(600)
        assert abs(it.delta()) <= LOT, "the clock has struck"
        it.deposit("0.3")
        await it.sleep(60)
        assert abs(it.delta()) <= LOT, "beyond its width nothing waits"

    play(script, policy_of(hedge_of(band=occasional(BandRule.CLOCK, every_ms=600_000))), tmp_path)


def test_a_price_that_stands_still_leaves_a_small_deviation_alone(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("0.1")
        await it.sleep(600)
        assert it.delta() > D("0.09")
        memory = it.state.hedges["btc"]
        assert memory.hedged_price > 0

    play(script, policy_of(hedge_of(band=occasional(BandRule.PRICE_MOVE, move=D("0.01")))), tmp_path)
