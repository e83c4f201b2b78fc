"""The same seed gives the same journal, and a decision changes nothing but what it returns."""

import sqlite3
from pathlib import Path

from hedger.engine.known.state import State
from hedger.engine.step import Result, step
from hedger.model.message import Stamped
from hedger.sim.scenario import ScenarioConfig
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

POLICY = policy_of(hedge_of(), hedge_of("ETH"))
HELD = {"BTC": "1", "ETH": "10"}


async def five_minutes(it: Play) -> None:
    await it.sleep(300)


def rows(directory: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(directory / "journal.sqlite3")
    try:
        return connection.execute("SELECT * FROM events ORDER BY seq").fetchall()
    finally:
        connection.close()


def test_the_same_seed_gives_the_same_journal_to_the_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        play(five_minutes, POLICY, tmp_path / name, spot=HELD, seed=11, scenario=ScenarioConfig())
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    assert len(rows(tmp_path / "one")) > 50


def test_another_seed_gives_another_journal(tmp_path: Path) -> None:
    for seed in (11, 12):
        play(five_minutes, POLICY, tmp_path / str(seed), spot=HELD, seed=seed, scenario=ScenarioConfig())
    assert rows(tmp_path / "11") != rows(tmp_path / "12")


def test_a_step_never_changes_the_state_that_it_was_given(tmp_path: Path) -> None:
    """Every step of a run is taken again from the state before it, which must still say the same."""
    steps: list[tuple[State, Stamped, Result, str]] = []

    async def recorded(it: Play) -> None:
        it.watcher.looks.append(lambda before, stamped, result: steps.append((before, stamped, result, repr(before))))
        await it.sleep(60)
        it.venue.lose_acks = True
        it.deposit("0.2")
        await it.sleep(60)

    play(recorded, POLICY, tmp_path, spot=HELD, seed=3)
    assert len(steps) > 500
    for before, stamped, result, said in steps:
        assert repr(before) == said, f"changed by {stamped}"
        assert step(before, stamped, POLICY) == result, f"not the same answer to {stamped}"
        assert repr(before) == said, f"changed by {stamped}"
