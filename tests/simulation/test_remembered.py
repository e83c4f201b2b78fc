"""What a person asked and what a breaker counted outlive the process, and lost directories do not repeat ids."""

from contextlib import closing
from decimal import Decimal as D
from pathlib import Path

from hedger.app.resume import set_journal_aside
from hedger.engine.known.breaker import Breaker
from hedger.engine.known.policy import BreakerLimits
from hedger.engine.known.state import Mode
from hedger.model.message import Operation
from hedger.model.order import RejectReason
from hedger.model.spans import DAY_MS
from hedger.runtime.journal import Journal
from hedger.runtime.requests import Ask
from hedger.sim.world import World
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import OperatorDesk, Play, act, make_world, stage

POLICY = policy_of(hedge_of())
TWICE = policy_of(hedge_of(), breakers=BreakerLimits(trips_per_day=2, cooldown_ms=10_000))


def breaker(it: Play) -> Breaker:
    return it.state.accounts[ACCOUNT].breaker


async def paused(it: Play) -> None:
    await it.until_hedged()
    it.daemon.loop.ask(Operation.PAUSE, "I am moving coins")
    await it.sleep(2)


def test_a_pause_lasts_over_a_crash_until_a_person_ends_it_and_its_end_lasts_too(tmp_path: Path) -> None:
    async def still_paused(it: Play) -> None:
        it.deposit("0.5")
        await it.sleep(60)
        assert (it.state.mode, it.state.paused) == (Mode.CANCEL_ONLY, "I am moving coins")
        assert it.state.mode_reason == "I am moving coins"
        assert not it.venue.placed
        desk.ask(Ask.UNPAUSE, "they have arrived")
        await it.until_hedged()

    async def not_paused(it: Play) -> None:
        await it.sleep(5)
        assert it.state.paused is None

    async def scene(world: World) -> None:
        await act(world, paused, POLICY, tmp_path, kill=True)
        await act(world, still_paused, POLICY, tmp_path, desk=desk, kill=True)
        await act(world, not_paused, POLICY, tmp_path)

    desk = OperatorDesk(tmp_path)
    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


def test_a_journal_that_is_set_aside_leaves_the_pause_in_the_new_one(tmp_path: Path) -> None:
    async def still_paused(it: Play) -> None:
        await it.sleep(30)
        assert it.state.paused == "I am moving coins"
        assert not it.venue.placed

    async def scene(world: World) -> None:
        await act(world, paused, POLICY, tmp_path)
        set_journal_aside(tmp_path, "a test")
        await act(world, still_paused, POLICY, tmp_path)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))


async def trips_once(it: Play) -> None:
    await it.until_hedged()
    it.venue.refuse = RejectReason.UNAVAILABLE
    it.deposit("0.1")
    await it.until(lambda: breaker(it).tripped == 1, "tripped", within=60)


def test_trips_are_counted_over_restarts_and_one_too_many_calls_a_person(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        lives = [await act(world, trips_once, TWICE, tmp_path, seed=life, kill=True) for life in range(3)]
        assert [len(breaker(it).trips) for it in lives] == [1, 2, 3]
        assert [it.state.mode is Mode.HALTED for it in lives] == [False, False, True]
        assert "3 times in a day" in (lives[-1].state.halted or "")

    stage(scene, lambda: make_world(TWICE, {"BTC": "1"}))


def test_trips_before_a_resume_or_of_another_day_are_not_counted_any_more(tmp_path: Path) -> None:
    async def resumed(it: Play) -> None:
        assert len(breaker(it).trips) == 1
        it.daemon.loop.ask(Operation.RESUME, "looked at it")
        await it.sleep(1)

    async def begins_anew(it: Play) -> None:
        assert breaker(it).trips == ()

    async def scene(world: World) -> None:
        await act(world, trips_once, TWICE, tmp_path, kill=True)
        await act(world, resumed, TWICE, tmp_path, kill=True)
        await act(world, begins_anew, TWICE, tmp_path, kill=True)
        it = await act(world, trips_once, TWICE, tmp_path, kill=True)
        for later_ms, counted in ((0, {ACCOUNT: 1}), (DAY_MS, {})):
            with closing(Journal.open(tmp_path)) as journal:
                trips = journal.begin(it.clock.now_ms() + later_ms, {}).trips
                assert {account: len(at) for account, at in trips.items()} == counted

    stage(scene, lambda: make_world(TWICE, {"BTC": "1"}))


def test_a_directory_that_is_lost_twice_within_a_minute_leads_to_no_id_twice(tmp_path: Path) -> None:
    async def one_order(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        lives = []
        for directory in (tmp_path / "a", tmp_path / "b"):
            directory.mkdir()
            for _ in range(2):  # and each is started again
                lives.append(await act(world, one_order, POLICY, directory, kill=True))
                lives[-1].deposit("0.2")
        assert lives[0].state.epoch == lives[2].state.epoch
        ids = [order.client_order_id for it in lives for order in it.venue.placed]
        assert len(ids) == len(set(ids)) >= 4
        assert world.exchange.truth("main").duplicate_client_ids == 0
        assert abs(lives[-1].delta()) <= D("0.25")

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
