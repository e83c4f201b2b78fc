"""The past in a running daemon: known within a minute, read again after failures, and no matter to any order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hedger.engine.formulas.volatility import VolatilityRule
from hedger.engine.held.history import fresh_volatility, stale_volatility
from hedger.model.market import Candle
from hedger.model.message import PlaceOrder
from hedger.sim.fair import WEATHERS
from hedger.sim.past import long_run_volatility
from tests.support.engine_policies import hedge_of, perpetual, policy_of
from tests.support.simulated_daemon import POLLING, Play, play
from tests.support.simulated_venue import LensVenue

POLICY = policy_of(hedge_of(), gap_ms=5_000)
TWO = policy_of(hedge_of("BTC"), hedge_of("ETH"), gap_ms=5_000)
USUAL = {coin: long_run_volatility(coin, WEATHERS) for coin in ("BTC", "ETH")}


def test_a_fresh_run_knows_within_a_minute_how_much_its_market_moves(tmp_path: Path) -> None:
    async def script(run: Play) -> None:
        await run.sleep(60)
        for coin, usual in USUAL.items():
            assert fresh_volatility(run.state, coin) == pytest.approx(usual, rel=0.1)
            assert len(run.state.returns[coin].values) == POLLING.history.bars - 1
        assert len(run.state.funding_rates[perpetual()]) == POLLING.history.rates

    play(script, TWO, tmp_path, spot={"BTC": "1", "ETH": "20"})


def test_the_made_up_past_of_two_coins_moves_together_as_the_market_does(tmp_path: Path) -> None:
    async def script(run: Play) -> None:
        await run.sleep(30)
        one, other = (run.state.returns[coin].values for coin in ("BTC", "ETH"))
        mixed = sum(a * b for a, b in zip(one, other, strict=True))
        correlation = mixed / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5
        assert correlation == pytest.approx(0.64, abs=0.08)

    play(script, TWO, tmp_path, spot={"BTC": "1", "ETH": "20"})


def test_what_was_lived_through_joins_what_was_made_up_and_is_read_every_hour(tmp_path: Path) -> None:
    async def script(run: Play) -> None:
        await run.sleep(30)
        first = run.state.returns["BTC"]
        await run.sleep(2 * 3_600 + 60)
        later = run.state.returns["BTC"]
        assert later.last_at == first.last_at + 2 * 3_600_000
        assert later.values[:-2] == first.values[2:]
        assert stale_volatility(run.state, "BTC") is None

    play(script, POLICY, tmp_path)


def orders_of(directory: Path, *failing: str) -> list[tuple[int, PlaceOrder]]:
    """Every order of half a minute in which coins come, with its moment."""

    async def script(run: Play) -> None:
        run.deposit("0.3")
        await run.sleep(28)

    run = play(script, POLICY, directory, prepare=lambda venue: venue.failing.update(failing))
    return [(at, command) for at, command in run.watcher.commands if isinstance(command, PlaceOrder)]


def test_nothing_trades_differently_when_the_past_cannot_be_read(tmp_path: Path) -> None:
    seeing = orders_of(tmp_path / "seeing")
    assert seeing
    assert orders_of(tmp_path / "blind", "candles", "funding_rates") == seeing


def test_an_account_whose_past_cannot_be_read_hedges_on_and_is_not_called_failing(tmp_path: Path) -> None:
    async def script(run: Play) -> None:
        run.venue.failing.update(("candles", "funding_rates"))
        await run.until_hedged()
        await run.sleep(120)
        run.deposit("0.3")
        await run.until_hedged()
        view = run.state.accounts["paper"]
        assert (view.failures, view.last_failure) == (0, "")

    run = play(script, POLICY, tmp_path, prepare=lambda venue: venue.failing.update(("candles", "funding_rates")))
    assert abs(run.delta()) <= 0.01


def test_the_past_is_read_again_soon_after_a_failure_and_every_number_comes_back(tmp_path: Path) -> None:
    async def script(run: Play) -> None:
        await run.sleep(20)
        assert fresh_volatility(run.state, "BTC") is None
        assert "candles fails in this test" in (stale_volatility(run.state, "BTC") or "")
        assert run.state.funding_rates == {}
        run.venue.clear()
        await run.sleep(30)
        assert fresh_volatility(run.state, "BTC") == pytest.approx(USUAL["BTC"], rel=0.1)
        assert run.state.volatility["BTC"].flaw is None
        assert run.state.funding_rates[perpetual()]

    play(script, POLICY, tmp_path, prepare=lambda venue: venue.failing.update(("candles", "funding_rates")))


def test_a_venue_that_sends_bars_with_a_hole_leaves_the_volatility_unknown_and_the_hedge_alone(tmp_path: Path) -> None:
    def holed(candles: tuple[Candle, ...]) -> tuple[Candle, ...]:
        return (*candles[:300], *candles[301:])

    async def script(run: Play) -> None:
        await run.until_hedged()
        assert run.state.volatility["BTC"].realized is None
        assert "is due" in (stale_volatility(run.state, "BTC") or "")

    def prepare(venue: LensVenue) -> None:
        venue.candles = holed

    play(script, POLICY, tmp_path, prepare=prepare)


def test_a_volatility_that_is_not_read_again_grows_stale_while_hedging_goes_on(tmp_path: Path) -> None:
    policy = replace(POLICY, volatility=VolatilityRule(fresh_ms=600_000))

    async def script(run: Play) -> None:
        await run.sleep(60)
        assert fresh_volatility(run.state, "BTC") is not None
        run.venue.failing.add("candles")
        await run.sleep(600)
        assert fresh_volatility(run.state, "BTC") is None
        run.deposit("0.3")
        await run.until_hedged()

    play(script, policy, tmp_path)
