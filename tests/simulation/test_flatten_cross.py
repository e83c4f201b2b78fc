"""Flatten of a coin that is hedged with futures on other coins: both legs go, whatever is known of how they move."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Cross
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.sim.world import Funds, World, paper_world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.flattening import (
    FLATTEN,
    UNPAUSE,
    assert_as_shown,
    only_hedge,
    positions_of,
    until_flat,
    watch_play,
)
from tests.support.simulated_daemon import NOON, OWNER, Play, Script, act, stage

SPOT = InstrumentId(ACCOUNT, "SOL/USDT")
BTC, ETH = perpetual("BTC"), perpetual("ETH")
HOLDING = D(2_000)
HEDGE = hedge_of(
    "SOL",
    instruments=(BTC, ETH),
    cross=Cross(spot=SPOT, coins=("BTC", "ETH"), halflife_bars=400, beta_band=D("0.1")),
    band=band("20"),
    guards={"position": D(20_000), "order_notional": D(10_000_000)},
)
POLICY = policy_of(HEDGE)


def run(tmp_path: Path, *scripts: Script) -> None:
    """One daemon after the other; each but the last is killed where its script ends."""

    async def scene(made: World) -> None:
        for n, script in enumerate(scripts, 1):
            await act(made, script, POLICY, tmp_path, seed=n, kill=n < len(scripts), begin=_unchecked)

    def world() -> World:
        funds = Funds(spot={"SOL": HOLDING, "USDT": D(20_000)}, linear=D(1_000_000))
        return paper_world(1, NOON, coins=("SOL", "BTC", "ETH"), users={OWNER: funds}, owner=OWNER, still=True)

    stage(scene, world)


def _unchecked(it: Play) -> None:
    it.checks.on = False  # those of single orders know one coin


async def until_both_legs(it: Play) -> None:
    await it.until_hedged(within=600)
    assert it.position("BTC") < 0
    assert it.position("ETH") < 0


def gone(it: Play) -> bool:
    return not any(positions_of(it.world.exchange).values())


def test_both_legs_come_to_zero_as_the_plan_says_and_the_coin_stays(tmp_path: Path) -> None:
    async def first(it: Play) -> None:
        await until_both_legs(it)
        plan, before = only_hedge(it.state, it.policy), len(it.truth.trades)
        assert {leg.id: leg.position for leg in plan.legs} == {BTC: it.position("BTC"), ETH: it.position("ETH")}
        assert (plan.delta_after, plan.holding, plan.others) == (HOLDING, HOLDING, ())
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it)
        assert_as_shown(plan, it.truth.trades[before:])
        assert gone(it)

    async def second(it: Play) -> None:
        it.deposit("500", "SOL")
        watch_play(it)
        await it.sleep(90)
        assert gone(it)
        assert it.state.flattening["sol"].flat_at
        it.watcher.looks.clear()
        it.daemon.handle_now(UNPAUSE)
        await until_both_legs(it)

    run(tmp_path, first, second)


def test_a_coin_without_a_price_does_not_keep_the_legs(tmp_path: Path) -> None:
    """Neither does what is not known of how the coins move: a leg has its own price, and that is enough."""

    async def script(it: Play) -> None:
        await until_both_legs(it)
        it.venue.quote = lambda quote: None if quote.id == SPOT else quote
        it.venue.failing = {"prices", "candles"}
        await it.sleep(10)
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it)
        assert gone(it)

    run(tmp_path, script)


def test_a_leg_that_has_no_price_waits_and_the_other_comes_off(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await until_both_legs(it)

        def quote(one: Quote) -> Quote | None:
            return None if one.id == ETH else one

        def mark(one: Mark) -> Mark | None:
            return None if one.id == ETH else one

        it.venue.quote, it.venue.mark = quote, mark
        await it.sleep(5)
        left = it.position("ETH")
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: it.position("BTC") == 0, "closed", within=120)
        await it.sleep(30)
        assert it.position("ETH") == left
        assert not it.state.flattening["sol"].flat_at
        obstacles = {leg.id: leg.obstacle is not None for leg in only_hedge(it.state, it.policy).legs}
        assert obstacles == {BTC: False, ETH: True}
        it.venue.clear()
        it.venue.mark = lambda one: one
        await until_flat(it)
        assert gone(it)

    run(tmp_path, script)


def forgotten(it: Play) -> None:
    it.venue.lose_acks = it.venue.hide_orders = it.venue.silent = True


def a_reading_from_before(it: Play) -> None:
    old: list[AccountReading] = []

    def stale(reading: AccountReading) -> AccountReading:
        old.append(reading)
        return old[0]

    it.venue.reading = stale


def one_leg_left_out(it: Play) -> None:
    def without(reading: AccountReading) -> AccountReading:
        return replace(reading, positions=tuple(p for p in reading.positions if p.id != ETH))

    it.venue.reading = without


@pytest.mark.parametrize("weather", [forgotten, a_reading_from_before, one_leg_left_out])
def test_in_bad_weather_and_after_a_kill_no_leg_grows_or_turns_round(
    weather: Callable[[Play], None], tmp_path: Path
) -> None:
    async def first(it: Play) -> None:
        await until_both_legs(it)
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        weather(it)
        await it.sleep(50)
        assert gone(it) or not it.state.flattening["sol"].flat_at, "it said flat, and it was not"

    async def second(it: Play) -> None:
        watch_play(it)
        await until_flat(it, within=600)
        assert gone(it)

    run(tmp_path, first, second)
