"""Flatten of coin-settled contracts: they come to exactly zero, and the coins that back them stay."""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.engine.known.policy import Carry, Hedge
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.order import RejectReason
from hedger.sim.listings import contract
from hedger.sim.naming import quarters
from hedger.sim.world import Funds, World, paper_world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.flattening import (
    FLATTEN,
    UNPAUSE,
    assert_as_shown,
    flat_at,
    only_hedge,
    positions_of,
    rows_of_flatten,
    until_flat,
    watch_play,
)
from tests.support.simulated_daemon import NOON, OWNER, Play, Script, act, stage

MINUTE = 60_000
END = NOON + 10 * MINUTE
LISTED = (
    contract("BTC", quote="USD", payoff=Payoff.INVERSE),
    contract("BTC", quote="USD", payoff=Payoff.INVERSE, expiry_at=END, settlement_ms=2 * MINUTE),
    contract("BTC", quote="USD", payoff=Payoff.INVERSE, expiry_at=quarters(NOON)[0]),
)
PERPETUAL = InstrumentId(ACCOUNT, "BTC/USD:BTC")
NEAR = InstrumentId(ACCOUNT, "BTC/USD:BTC-260101")
COINS = D("1.01")


def hedge(*ids: InstrumentId, **changes: Any) -> Hedge:
    guards = {"position": D(100_000), "expiring": 3 * MINUTE, "leverage": 5}
    return hedge_of(instruments=ids, band=band("0.02"), guards=guards, **changes)


ON_PERPETUAL = hedge(PERPETUAL)


def run(tmp_path: Path, wanted: Hedge, *scripts: Script) -> None:
    """One daemon after the other; each but the last is killed where its script ends."""

    async def scene(made: World) -> None:
        for n, script in enumerate(scripts, 1):
            kill = n < len(scripts)
            await act(made, script, policy_of(wanted), tmp_path, seed=n, kill=kill, begin=_unchecked)

    def world() -> World:
        funds = Funds(coins={"BTC": COINS}, linear=D(10))
        return paper_world(1, NOON, users={OWNER: funds}, owner=OWNER, still=True, contracts=LISTED)

    stage(scene, world)


def _unchecked(it: Play) -> None:
    it.checks.on = False  # those of single orders are for linear contracts


def held(it: Play) -> D:
    """All contracts, without their signs."""
    return sum((abs(quantity) for quantity in positions_of(it.world.exchange).values()), D(0))


def working(it: Play) -> bool:
    return any(order.reduce_only for order in it.resting())


def flattened(it: Play) -> bool:
    return bool(flat_at(it.state))


def test_the_plan_is_what_happens_and_only_an_unpause_lets_it_sell_again(tmp_path: Path) -> None:
    async def first(it: Play) -> None:
        await it.until_hedged()
        plan, before = only_hedge(it.state, it.policy), len(it.truth.trades)
        (leg,) = plan.legs
        assert (leg.position, leg.remainder, leg.quote) == (-held(it), D(0), "USD")
        assert leg.fees < 0
        assert plan.delta_after is not None
        assert abs(plan.delta_after - COINS) < D("0.01")
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it)
        assert_as_shown(plan, it.truth.trades[before:])

    async def second(it: Play) -> None:
        it.world.market.fair.jump("BTC", 0.01)
        watch_play(it)
        await it.sleep(60)
        assert it.state.flattening["btc"].flat_at
        assert held(it) == 0

    async def third(it: Play) -> None:
        assert held(it) == 0
        it.daemon.handle_now(UNPAUSE)
        await it.until_hedged()
        assert held(it) > 500
        assert abs(it.truth.wallets["BTC"] - COINS) < D("0.01")

    run(tmp_path, ON_PERPETUAL, first, second, third)
    assert rows_of_flatten(tmp_path) == 2, "asked for, and flat"


def lost_answers(it: Play) -> None:
    it.venue.lose_acks = it.venue.silent = True


def lost_cancels(it: Play) -> None:
    it.venue.ignore_cancels = True


def refusals(it: Play) -> None:
    it.venue.refuse = RejectReason.UNAVAILABLE


def a_reading_from_before(it: Play) -> None:
    old: list[AccountReading] = []

    def stale(reading: AccountReading) -> AccountReading:
        old.append(reading)
        return old[0]

    it.venue.reading = stale


@pytest.mark.parametrize("weather", [lost_answers, lost_cancels, refusals, a_reading_from_before])
def test_in_bad_weather_and_with_prices_that_run_it_is_bought_back_once(
    weather: Callable[[Play], None], tmp_path: Path
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        weather(it)
        for n in range(20):
            it.world.market.fair.jump("BTC", 0.002 if n % 3 else -0.003)
            await it.sleep(3)
        it.venue.clear()
        await until_flat(it, within=600)
        assert held(it) == 0

    run(tmp_path, ON_PERPETUAL, script)


@pytest.mark.parametrize("moment", [working, flattened])
def test_killed_in_the_middle_it_goes_on_where_it_was(moment: Callable[[Play], bool], tmp_path: Path) -> None:
    async def first(it: Play) -> None:
        await it.until_hedged()
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: moment(it), moment.__name__, every=0.01)

    async def second(it: Play) -> None:
        watch_play(it)
        await until_flat(it)
        assert held(it) == 0

    run(tmp_path, ON_PERPETUAL, first, second)


def test_a_dated_one_that_is_being_left_is_closed_and_no_contract_takes_its_place(tmp_path: Path) -> None:
    wanted = hedge(NEAR, PERPETUAL, carry=Carry(roll_before_ms=6 * MINUTE))

    async def script(it: Play) -> None:
        await it.until_hedged()
        both = positions_of(it.world.exchange)
        assert sum(bool(quantity) for quantity in both.values()) == 1
        await it.until(lambda: sum(map(bool, positions_of(it.world.exchange).values())) == 2, "a roll under way")
        await it.until(lambda: not any(o.live for o in it.state.orders.values()), "between slices")
        plan, before = only_hedge(it.state, it.policy), len(it.truth.trades)
        watch_play(it)
        it.daemon.handle_now(FLATTEN)
        await until_flat(it)
        assert_as_shown(plan, it.truth.trades[before:])
        await it.sleep((END - it.clock.now_ms()) / 1000 + 30)
        assert held(it) == 0

    run(tmp_path, wanted, script)
