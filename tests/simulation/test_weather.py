"""Faults on top of each other, from a seed: single and explained while they last, hedged soon after they end."""

from decimal import Decimal as D
from pathlib import Path
from random import Random

import pytest

from hedger.model.order import RejectReason
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, act, make_world, stage

POLICY = policy_of(hedge_of(execution={"deadline_ms": 30_000}))
READS = ("account", "prices", "order", "fills", "funding")


async def weather(it: Play, rng: Random, seconds: float) -> None:
    """Every few seconds something breaks or mends, coins come and go, and the price jumps."""
    until = it.clock.now_ms() + seconds * 1000
    while it.clock.now_ms() < until:
        await it.sleep(rng.uniform(0.3, 6))
        spoil(it, rng)


def spoil(it: Play, rng: Random) -> None:
    match rng.randrange(12):
        case 0:
            it.venue.lose_acks = not it.venue.lose_acks
        case 1:
            it.venue.lose_creates = not it.venue.lose_creates
        case 2:
            it.venue.silent = not it.venue.silent
        case 3:
            it.venue.fill = (lambda _: None) if rng.random() < 0.5 else (lambda fill: fill)
        case 4:
            it.venue.failing ^= {rng.choice(READS)}
        case 5:
            it.venue.ignore_cancels = not it.venue.ignore_cancels
        case 6:
            it.venue.hide_orders = not it.venue.hide_orders
        case 7:
            it.venue.refuse = rng.choice([None, RejectReason.POST_ONLY_WOULD_CROSS, RejectReason.UNAVAILABLE])
        case 8:
            it.world.market.fair.jump("BTC", rng.gauss(0, 0.001))
        case 9:
            it.deposit(str(D(rng.randint(-30, 30)) / 100))
        case _:
            it.venue.clear()


@pytest.mark.parametrize("seed", range(1, 15))
def test_in_any_weather_it_hedges_once_and_is_hedged_when_the_sun_comes_out(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    runs: list[Play] = []

    async def storm(it: Play) -> None:
        await weather(it, rng, rng.uniform(20, 150))

    async def storm_and_sun(it: Play) -> None:
        await weather(it, rng, 150)
        it.venue.clear()
        await it.until_hedged(within=300)
        await it.sleep(45)

    async def scene(world: World) -> None:
        for life in range(3):
            await act(world, storm, POLICY, tmp_path, seed=seed * 10 + life, kill=True, rough=seed % 2 == 0)
        runs.append(await act(world, storm_and_sun, POLICY, tmp_path, seed=seed))

    stage(scene, lambda: make_world(POLICY, {"BTC": "2"}, seed=seed, collateral="600000"))
    it = runs[0]
    assert abs(it.delta()) <= D("0.01")
    assert it.state.halted is None
    assert not it.truth.open_orders
    assert it.truth.duplicate_client_ids == 0
    ledger = it.state.ledgers["btc"]
    assert (ledger.fills, ledger.quantity) == (len(it.trades), sum(t.quantity for t in it.trades))


@pytest.mark.parametrize("seed", range(1, 7))
def test_over_a_link_that_is_late_and_out_of_order_it_hedges_once(seed: int, tmp_path: Path) -> None:
    """A create that arrives too late is refused, a late answer is still heard, and old news proves nothing."""
    rng = Random(f"{seed}/link")
    runs: list[Play] = []

    async def late(it: Play) -> None:
        for _ in range(8):
            await it.sleep(rng.uniform(5, 40))
            it.deposit(str(D(rng.randint(-20, 30)) / 100))

    async def on_time(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(45)

    async def scene(world: World) -> None:
        await act(world, late, POLICY, tmp_path, seed=seed, kill=True, rough=True)
        runs.append(await act(world, on_time, POLICY, tmp_path, seed=seed))

    stage(scene, lambda: make_world(POLICY, {"BTC": "2"}, seed=seed, collateral="600000"))
    it = runs[0]
    assert abs(it.delta()) <= D("0.01")
    assert not it.truth.open_orders
    assert it.state.halted is None
    assert it.state.ledgers["btc"].fills == len(it.trades)
