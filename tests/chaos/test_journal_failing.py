"""A journal that fails under the running daemon: no create leaves, cancels still do, and it goes on when it works."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.engine.known.state import Action, Mode, State
from hedger.engine.step import Result
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.message import JournalChanged, Operation, Stamped
from hedger.model.order import Side
from hedger.runtime.journal import Journal
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.world import World
from tests.support.engine_journals import BreakableJournal, Disk, SlowJournal
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, SYMBOL, Play, act, make_world, play, stage

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


async def halts_by_itself_without_a_disk(it: Play) -> None:
    await it.until_hedged()
    breakable(it).broken = True
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        SYMBOL,
        side=Side.BUY,
        kind=OrderKind.POST_ONLY,
        quantity=Decimal("0.01"),
        price=Decimal(30_000),
        reduce_only=False,
        client_order_id=format_order_id(OrderIdentity(bot="sim", epoch=it.state.epoch, sequence=77)),
    )
    await it.until(lambda: it.state.halted is not None, "halted")
    await it.sleep(12)


def test_a_halt_that_the_disk_refused_is_latched_by_the_kill_file_and_outlives_a_crash(tmp_path: Path) -> None:
    async def begins_halted(it: Play) -> None:
        await it.sleep(60)
        assert it.state.mode is Mode.HALTED
        assert "the kill file: " in (it.state.halted or "")
        assert not it.venue.placed

    async def scene(world: World) -> None:
        it = await act(world, halts_by_itself_without_a_disk, POLICY, tmp_path, kill=True, journal=BreakableJournal.at)
        assert (tmp_path / "kill").read_text().strip() == it.state.halted
        await act(world, begins_halted, POLICY, tmp_path)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert journal.halted() is not None


def test_a_halt_that_nothing_can_keep_is_said_each_time_and_cancels_go_on(tmp_path: Path) -> None:
    said: list[str] = []

    def hear(_: State, stamped: Stamped, __: Result) -> None:
        if isinstance(stamped.event, JournalChanged) and "a restart would forget it" in stamped.event.text:
            said.append(stamped.event.text)

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        breakable(it).broken = breakable(it).unlatched = True
        it.watcher.looks.append(hear)
        it.daemon.loop.ask(Operation.HALT, "the owner wants it")
        await it.until(lambda: not it.resting(), "canceled", within=10)
        await it.sleep(20)
        assert len(said) > 2
        breakable(it).unlatched = False
        await it.sleep(10)
        assert (tmp_path / "kill").read_text() == "the owner wants it\n"
        told, pressed = len(said), (tmp_path / "kill").stat().st_mtime_ns
        await it.sleep(20)
        assert (len(said), (tmp_path / "kill").stat().st_mtime_ns) == (told, pressed), "it is pressed once"
        breakable(it).broken = False

    play(script, POLICY, tmp_path, journal=BreakableJournal.at)


def test_a_halt_that_a_person_lifted_before_the_disk_came_back_leaves_no_kill_file(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        breakable(it).broken = breakable(it).unlatched = True
        it.daemon.loop.ask(Operation.HALT, "for a moment")
        await it.sleep(1)
        it.daemon.loop.ask(Operation.RESUME, "and on")
        await it.sleep(1)
        breakable(it).unlatched = False
        await it.sleep(20)
        assert not (tmp_path / "kill").exists()
        breakable(it).broken = False

    play(script, POLICY, tmp_path, journal=BreakableJournal.at)


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


def test_a_disk_that_is_mounted_read_only_stops_creates_and_not_cancels(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        it.journal._connection.execute("PRAGMA query_only = ON")  # SQLite answers as on such a disk
        it.daemon.loop.ask(Operation.PAUSE, "something to write")
        await it.until(lambda: not it.resting(), "canceled", within=10)
        placed = len(it.venue.placed)
        await it.sleep(30)
        assert "readonly" in (it.state.journal_fault or "")
        it.daemon.loop.ask(Operation.UNPAUSE, "go on")
        await it.sleep(30)
        assert len(it.venue.placed) == placed
        it.journal._connection.execute("PRAGMA query_only = OFF")
        await it.until_hedged()

    play(script, POLICY, tmp_path)


def test_an_order_whose_commit_took_too_long_does_not_leave(tmp_path: Path) -> None:
    """Five seconds in a commit: the facts that it was decided on are old when it returns."""

    async def script(it: Play) -> None:
        assert isinstance(it.journal, SlowJournal)
        await it.until_hedged()
        it.journal.seconds = 5.0
        it.deposit("0.3")
        placed = len(it.venue.placed)
        await it.sleep(60)
        assert [d.action for d in it.watcher.decisions].count(Action.PLACE) > placed, "it tried"
        assert len(it.venue.placed) == placed
        it.journal.seconds = 0.0
        await it.until_hedged()

    it = play(script, POLICY, tmp_path, journal=SlowJournal.at)
    assert it.truth.duplicate_client_ids == 0


def test_too_little_room_on_the_disk_stops_creates_and_loses_no_row(tmp_path: Path) -> None:
    disk = Disk()

    async def script(it: Play) -> None:
        await it.until_hedged()
        disk.free = 63_000_000
        await it.sleep(6)  # a beat of the flush notices, also while nothing is written
        assert "63 MB free, 64 MB wanted" in (it.state.journal_fault or "")
        it.deposit("0.3")
        placed = len(it.venue.placed)
        await it.sleep(30)
        assert it.state.mode is Mode.CANCEL_ONLY
        assert len(it.venue.placed) == placed
        disk.free = 65_000_000
        await it.until_hedged()
        assert it.state.journal_fault is None

    it = play(script, POLICY, tmp_path, journal=disk.journal)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert len(list(journal.rows("fill"))) == len(it.trades) > 0
        journal.verify()


def test_cancels_leave_with_too_little_room_and_no_row_is_written_twice(tmp_path: Path) -> None:
    disk = Disk()

    async def script(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        disk.free = 0
        it.daemon.loop.ask(Operation.PAUSE, "no room")
        await it.until(lambda: not it.resting(), "canceled", within=10)

    play(script, POLICY, tmp_path, journal=disk.journal)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert [body for _, key, body in journal.rows("operator") if key == "pause"] == ['{"reason":"no room"}']


def test_a_start_with_too_little_room_creates_nothing_from_the_first_order_on(tmp_path: Path) -> None:
    disk = Disk()
    disk.free = 1_000_000

    async def script(it: Play) -> None:
        await it.sleep(60)
        assert it.state.journal_fault is not None
        assert not it.venue.placed

    play(script, POLICY, tmp_path, journal=disk.journal)


def fill_up(journal: Journal) -> None:
    """No page more, and no room left in those that are there."""
    execute = journal._connection.execute
    execute("CREATE TABLE filler (text TEXT)")
    pages = execute("PRAGMA page_count").fetchone()[0]
    execute(f"PRAGMA max_page_count = {pages}")
    for size in (3_500, 100, 1):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            insert_for_ever(journal, "x" * size)


def insert_for_ever(journal: Journal, text: str) -> None:
    while True:
        journal._connection.execute("INSERT INTO filler VALUES (?)", (text,))
