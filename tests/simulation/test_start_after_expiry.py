"""A start after a dated contract has ended: the configuration still names it, and the hedge goes on with the next."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.state import ChangeCause, State
from hedger.engine.step import Result
from hedger.errors import ConfigError, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.message import Stamped
from hedger.ops.readiness import readiness
from hedger.sim.virtual_time import VirtualClock
from hedger.sim.world import World
from tests.simulation.test_roll import END, FAR, MINUTE, NEAR, WIDTH, held, policy, until_minute, world
from tests.support.engine_policies import perpetual
from tests.support.simulated_daemon import NOON, Play, act, stage

PERP = perpetual()


def net(it: Play) -> D:
    return it.truth.spot["BTC"] + it.position() + held(it, NEAR) + held(it, FAR)


async def hedge_on_the_dated(it: Play) -> None:
    await it.until_hedged()
    assert held(it, NEAR) < 0


async def hedge_again(it: Play) -> None:
    await it.until_hedged()
    assert abs(net(it)) <= WIDTH
    assert it.position() < 0


def test_a_start_after_the_expiry_hedges_on_the_perpetual_whatever_rested_on_what_has_ended(tmp_path: Path) -> None:
    """It was killed with an order on the book of the contract that ended meanwhile: that one is looked for in vain."""
    plays: list[Play] = []
    wanted = policy(NEAR, PERP, roll_before=0)

    async def resting(it: Play) -> None:
        await hedge_on_the_dated(it)
        it.deposit("0.1")
        await it.until(lambda: bool(it.resting()), "resting", every=0.01)

    async def waits(it: Play) -> None:
        await it.until_hedged()
        since = len(it.watcher.decisions)
        await it.sleep(90)
        assert not readiness(it.state, wanted)
        assert len(it.watcher.decisions) - since < 5, it.story()
        failed = [c for _, c in it.watcher.commands if getattr(c, "id", None) == NEAR and hasattr(c, "price")]
        assert failed == [], "no order for what has ended"

    async def scene(made: World) -> None:
        plays.append(await act(made, resting, wanted, tmp_path, kill=True))
        await plays[0].sleep(until_minute(plays[0], 15))
        assert held(plays[0], NEAR) == 0, "it has settled while nobody looked"
        plays.append(await act(made, hedge_again, wanted, tmp_path, kill=True))
        plays.append(await act(made, waits, wanted, tmp_path))

    stage(scene, world)
    assert plays[-1].state.halted is None
    assert NEAR in plays[-1].state.delisted
    assert plays[-1].state.instruments[NEAR].expiry_at == END, "what it was is remembered"


def test_a_start_without_a_journal_needs_nothing_of_what_has_ended(tmp_path: Path) -> None:
    """The rules of the contract are nowhere to be had: neither the venue nor a journal tells them."""
    wanted = policy(NEAR, PERP)
    seen: list[Play] = []

    async def look_around(it: Play) -> None:
        await hedge_again(it)
        await it.sleep(120)
        assert not readiness(it.state, wanted)
        assert it.hedged()

    async def scene(made: World) -> None:
        await plain_wait(made, 15)
        seen.append(await act(made, look_around, wanted, tmp_path))

    stage(scene, world)
    assert NEAR not in seen[0].state.instruments
    assert seen[0].state.delisted == {NEAR}
    assert "BTC" in seen[0].state.volatility, "the past is read without it"
    assert not [c for _, c in seen[0].watcher.commands if NEAR.symbol in repr(c)], "nothing is asked about it"


async def plain_wait(made: World, minute: float) -> None:
    clock = VirtualClock()
    await clock.sleep((NOON + minute * MINUTE - clock.now_ms()) / 1000)
    assert made.exchange.expiries.settled


def test_the_settlement_is_told_once_by_the_start_that_saw_it_and_by_none_after_it(tmp_path: Path) -> None:
    causes: list[tuple[str, ChangeCause]] = []
    wanted = policy(NEAR, PERP, roll_before=0)

    def look(_: State, __: Stamped, result: Result) -> None:
        causes.extend((c.what, c.cause) for c in result.changes)

    async def through(it: Play) -> None:
        await hedge_on_the_dated(it)
        await it.sleep(until_minute(it, 14.5))

    async def scene(made: World) -> None:
        await act(made, through, wanted, tmp_path, kill=True, looks=(look,))
        await act(made, hedge_again, wanted, tmp_path, looks=(look,))

    stage(scene, world)
    assert [cause for what, cause in causes if what == NEAR.symbol and cause is ChangeCause.SETTLEMENT] == [
        ChangeCause.SETTLEMENT
    ]


def test_a_hedge_of_which_nothing_is_listed_any_more_is_refused_in_one_sentence(tmp_path: Path) -> None:
    async def scene(made: World) -> None:
        await plain_wait(made, 15)
        with pytest.raises(ConfigError) as refused:
            await act(made, hedge_again, policy(NEAR), tmp_path)
        assert str(refused.value).count("\n") == 0
        assert f"{NEAR} expired on 2026-01-01" in str(refused.value)
        assert f"write the perpetual {PERP}" in str(refused.value)

    stage(scene, world)


def test_a_contract_that_is_not_listed_before_its_day_stays_an_error(tmp_path: Path) -> None:
    typo = InstrumentId(NEAR.account, "BTC/USDT:USDT-260328")

    async def scene(made: World) -> None:
        with pytest.raises(GiveUp, match="260328 is not listed"):
            await act(made, hedge_again, policy(typo, PERP), tmp_path)

    stage(scene, world)
