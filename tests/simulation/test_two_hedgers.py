"""Two hedgers with one tag on one account, which never should be: each sees the other and stops."""

import asyncio
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.state import Mode
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, act, make_world, stage

POLICY = policy_of(hedge_of())


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_two_hedgers_that_start_together_hedge_once_or_stop(seed: int, tmp_path: Path) -> None:
    """They use the same ids: the venue refuses the second use, and who sees an order of the other stops."""

    async def for_a_while(it: Play) -> None:
        it.checks.on = False
        it.deposit("0.25")
        await it.sleep(90)

    async def scene(world: World) -> None:
        one, two = await asyncio.gather(
            act(world, for_a_while, POLICY, tmp_path / "one", seed=seed),
            act(world, for_a_while, POLICY, tmp_path / "two", seed=seed + 50),
        )
        stopped = one.state.halted is not None or two.state.halted is not None
        assert stopped or abs(one.delta()) <= D("0.01")
        assert one.position() >= D("-3"), "each has hedged at most once"

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}, seed=seed))


def test_a_newer_start_makes_the_older_one_stop(tmp_path: Path) -> None:
    """A copy of the state directory on another host starts while the first still runs: a higher epoch, same tag."""

    async def nothing(it: Play) -> None:
        it.venue.failing.add("account")

    async def first(it: Play) -> None:
        await it.until_hedged()
        it.checks.on = False
        await it.until(lambda: it.state.mode is Mode.HALTED, "superseded", within=120)

    async def second(it: Play) -> None:
        it.checks.on = False
        await it.until_hedged()
        for _ in range(20):
            it.deposit("0.05")
            await it.sleep(4)

    async def scene(world: World) -> None:
        older = asyncio.create_task(act(world, first, POLICY, tmp_path / "one", seed=1))
        await asyncio.sleep(40)
        await act(world, nothing, POLICY, tmp_path / "two", seed=3)
        await act(world, second, POLICY, tmp_path / "two", seed=2)
        it = await older
        assert "another hedger" in (it.state.halted or "")

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
