"""Every decision of a run, made again on the facts that were kept with it, is the same to the byte."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action
from hedger.errors import JournalError
from hedger.model.message import Operation
from hedger.runtime.journal import Journal
from hedger.runtime.replay import Replayed, Verdict, replay_since
from hedger.sim.scenario import ScenarioConfig
from hedger.sim.world import World
from tests.support.engine_journals import BreakableJournal
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, act, make_world, play, stage

ONE = policy_of(hedge_of())
TWO = policy_of(hedge_of(), hedge_of("ETH"))
SHADOW = policy_of(hedge_of(), sends=False)
HELD = {"BTC": "1", "ETH": "10"}


async def some_minutes(it: Play) -> None:
    await it.sleep(120)
    if it.policy.sends:
        it.deposit("0.3")
        await it.until(lambda: bool(it.resting()), "resting")
    it.daemon.loop.ask(Operation.PAUSE, "a look")
    await it.sleep(20)
    it.daemon.loop.ask(Operation.UNPAUSE, "seen")
    await it.sleep(30)
    it.venue.lose_acks = True
    await it.sleep(60)
    it.venue.lose_acks = False
    await it.sleep(120)


def replayed(directory: Path) -> list[Replayed]:
    with closing(Journal.open(directory, read_only=True)) as journal:
        return list(replay_since(journal))


def assert_identical(told: list[Replayed]) -> None:
    different = [(r.decision_id, r.verdict, r.differences) for r in told if r.verdict is not Verdict.IDENTICAL]
    assert told
    assert not different


@pytest.mark.parametrize(
    ("seed", "policy"), [(1, ONE), (2, TWO), (3, TWO), (4, SHADOW)], ids=["one hedge", "two", "two again", "shadow"]
)
def test_every_decision_of_a_run_is_the_same_when_it_is_made_again(seed: int, policy: Policy, tmp_path: Path) -> None:
    it = play(some_minutes, policy, tmp_path, spot=HELD, seed=seed, scenario=ScenarioConfig())
    told = replayed(tmp_path)
    assert_identical(told)
    assert [r.decision_id for r in told] == [d.decision_id for d in it.watcher.decisions]
    if policy.sends:
        assert {decision.action for decision in it.watcher.decisions} == set(Action), "of every kind"


def test_decisions_before_and_after_a_crash_are_the_same_when_they_are_made_again(tmp_path: Path) -> None:
    async def briefly(it: Play) -> None:
        await it.until(lambda: bool(it.trades), "a fill")

    async def to_the_end(it: Play) -> None:
        await it.until_hedged()

    async def scene(world: World) -> None:
        await act(world, briefly, ONE, tmp_path, kill=True)
        await act(world, to_the_end, ONE, tmp_path, seed=2)

    stage(scene, lambda: make_world(ONE, {"BTC": "2"}))
    told = replayed(tmp_path)
    assert_identical(told)
    first = told[0].epoch
    assert {r.epoch for r in told} == {first, first + 1}


def test_decisions_of_a_time_without_a_journal_leave_the_others_whole(tmp_path: Path) -> None:
    """What waited may have been given up, with the document that later ones were pressed with."""

    async def script(it: Play) -> None:
        assert isinstance(it.journal, BreakableJournal)
        await it.until_hedged()
        it.journal.broken = True
        for n in range(1_050):
            it.daemon.loop.ask(Operation.PAUSE if n % 2 else Operation.UNPAUSE, f"again {n}")
        await it.sleep(30)
        it.journal.broken = False
        it.daemon.loop.ask(Operation.UNPAUSE, "go on")
        it.deposit("0.3")
        await it.until_hedged()

    it = play(script, ONE, tmp_path, journal=BreakableJournal.at)
    told = replayed(tmp_path)
    assert_identical(told)
    assert len(told) < len(it.watcher.decisions), "some were given up"


def test_the_decision_s_row_and_its_facts_reach_the_disk_together(tmp_path: Path) -> None:
    """When an order leaves, what it was decided on is there: a crash a moment later can be explained."""

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.venue.placed), "placed", every=0.001)

    async def scene(world: World) -> None:
        await act(world, script, ONE, tmp_path, kill=True)

    stage(scene, lambda: make_world(ONE, {"BTC": "2"}))
    told = replayed(tmp_path)
    assert_identical(told)
    assert '"action":"place"' in told[-1].recorded


# --- what must be noticed ---------------------------------------------------------------------------------------------


def short_run(directory: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()

    play(script, ONE, directory)


def change(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite3", isolation_level=None)) as other:
        assert other.execute(statement).rowcount > 0


def test_a_decision_that_comes_out_otherwise_is_told_with_what_differs(tmp_path: Path) -> None:
    short_run(tmp_path)
    change(
        tmp_path,
        """UPDATE events SET body = json_set(body, '$.order.quantity', '0.999')
           WHERE kind = 'decision' AND json_extract(body, '$.action') = 'place'""",
    )
    told = [r for r in replayed(tmp_path) if r.verdict is not Verdict.IDENTICAL]
    assert told
    assert all(list(r.differences) == ["order"] for r in told)
    assert {r.differences["order"][0]["quantity"] for r in told} == {"0.999"}  # type: ignore[index]


def test_an_equal_number_with_other_digits_is_a_difference(tmp_path: Path) -> None:
    short_run(tmp_path)
    change(
        tmp_path,
        """UPDATE events SET body = json_set(body, '$.order.price', json_extract(body, '$.order.price') || '0')
           WHERE kind = 'decision' AND json_extract(body, '$.action') = 'place'""",
    )
    counts = Counter(r.verdict for r in replayed(tmp_path))
    assert counts[Verdict.DIFFERENT] > 0


def test_facts_that_are_not_what_was_kept_are_refused(tmp_path: Path) -> None:
    short_run(tmp_path)
    change(tmp_path, "UPDATE inputs SET body = (SELECT body FROM inputs WHERE id = 3) WHERE id = 4")
    with pytest.raises(JournalError, match="cannot be used"):
        replayed(tmp_path)


def test_facts_that_are_gone_are_told_as_gone(tmp_path: Path) -> None:
    short_run(tmp_path)
    change(tmp_path, "DELETE FROM inputs WHERE id > 4")
    counts = Counter(r.verdict for r in replayed(tmp_path))
    assert counts[Verdict.NOT_KEPT] > 0
    assert counts[Verdict.IDENTICAL] > 0
    assert counts[Verdict.DIFFERENT] == 0
