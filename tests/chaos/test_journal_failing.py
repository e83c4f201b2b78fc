"""A journal that fails under the running daemon: no create leaves, cancels still do, and it goes on when it works."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hedger.engine.state import Mode
from hedger.model.message import Operation
from hedger.runtime.journal import Journal
from tests.support.engine_journals import BreakableJournal
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

POLICY = policy_of(hedge_of())


def breakable(it: Play) -> BreakableJournal:
    assert isinstance(it.journal, BreakableJournal)
    return it.journal


def test_without_a_journal_nothing_is_created_and_it_goes_on_when_it_works_again(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        breakable(it).broken = True
        it.deposit("0.3")
        placed = len(it.venue.placed)
        await it.sleep(60)
        assert len(it.venue.placed) == placed
        assert it.state.mode is Mode.CANCEL_ONLY
        breakable(it).broken = False
        await it.until_hedged()
        assert it.state.journal_fault is None

    it = play(script, POLICY, tmp_path, journal=BreakableJournal.at)
    assert it.truth.duplicate_client_ids == 0


def test_cancels_leave_without_a_journal(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        breakable(it).broken = True
        it.daemon.loop.ask(Operation.PAUSE, "something to write")
        await it.until(lambda: not it.resting(), "canceled", within=10)
        breakable(it).broken = False

    play(script, POLICY, tmp_path, journal=BreakableJournal.at)


def test_fills_that_came_while_it_failed_are_written_afterwards(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        breakable(it).broken = True
        await it.sleep(90)
        breakable(it).broken = False
        await it.until_hedged()

    it = play(script, POLICY, tmp_path, journal=BreakableJournal.at)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert len(list(journal.rows("fill"))) == len(it.trades) > 0


def test_a_halt_while_it_fails_is_on_disk_once_it_works(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        breakable(it).broken = True
        it.daemon.loop.ask(Operation.HALT, "now, with a full disk")
        for n in range(1_500):  # more than may wait
            it.daemon.loop.ask(Operation.PAUSE if n % 2 else Operation.HALT, f"again {n}")
        await it.sleep(20)
        assert it.state.mode is Mode.HALTED
        breakable(it).broken = False
        await it.sleep(10)

    play(script, POLICY, tmp_path, journal=BreakableJournal.at)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert journal.halted() == "now, with a full disk"


def test_a_really_full_disk_under_the_daemon_stops_creates_only(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        execute = it.journal._connection.execute
        fill_up(it.journal)
        it.deposit("0.3")
        placed = len(it.venue.placed)
        await it.sleep(60)
        assert len(it.venue.placed) == placed
        assert "free space" in (it.state.journal_fault or "")
        execute("PRAGMA max_page_count = 1000000")
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def fill_up(journal: Journal) -> None:
    """No page more, and no room left in those that are there."""
    execute = journal._connection.execute
    pages = execute("PRAGMA page_count").fetchone()[0]
    execute(f"PRAGMA max_page_count = {pages}")
    for size in (3_500, 100, 1):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            insert_for_ever(journal, "x" * size)


def insert_for_ever(journal: Journal, text: str) -> None:
    while True:
        journal._connection.execute("INSERT INTO events VALUES (NULL, 0, 0, 'filler', '', ?)", (text,))
