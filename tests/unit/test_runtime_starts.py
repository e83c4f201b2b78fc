"""Starts that crash in a loop begin halted; starts that a person ends, or that reached no venue, do not count."""

from contextlib import closing
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.errors import AskAgain
from hedger.runtime.journal import Journal, Row
from hedger.runtime.starts import LONG_RUN_MS, MOST_CRASHES, WITHIN_MS
from hedger.sim.nouns import Wallet
from hedger.sim.world import World
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, act, make_world, play, stage

NOW = 1_767_268_800_000
POLICY = policy_of(hedge_of())
SHORT = 20_000


class Past:
    """A journal and the starts in it, one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.now = directory, NOW

    def start(self, ran_ms: int = SHORT, *, prepared: bool = True, clean: bool = False) -> str | None:
        """A start that ran and ended; what it began halted with."""
        with closing(Journal.open(self.directory, durable=False)) as journal:
            recovered = journal.begin(self.now, {})
            if prepared:
                journal.write([Row(self.now, "prepared", str(recovered.epoch), {})])
            self.now += ran_ms
            journal.write([Row(self.now, "stop", "clean", {}) if clean else Row(self.now, "fill", "id/1", {})])
        self.now += 1_000
        return recovered.halted

    def crash(self, times: int) -> None:
        for _ in range(times):
            assert self.start() is None


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def test_too_many_crashes_in_a_short_time_begin_halted(past: Past) -> None:
    past.crash(MOST_CRASHES + 1)
    told = past.start()
    assert told == (
        "6 starts in a row within 6 hours crashed before they had run for 5 minutes: find out why before it is tried "
        "again"
    )
    assert past.start() == told, "latched, until a person lifts it"


def test_crashes_some_minutes_after_each_start_are_a_loop_as_well(past: Past) -> None:
    for _ in range(MOST_CRASHES + 1):
        assert past.start(ran_ms=110_000) is None
        past.now += 20 * 60_000
    assert past.start() is not None


def test_a_person_who_lifts_the_halt_begins_a_new_count(past: Past) -> None:
    past.crash(MOST_CRASHES + 1)
    assert past.start() is not None
    with closing(Journal.open(past.directory)) as journal:
        journal.write([Row(past.now, "resume", "resume", {"reason": "mended"})])
    past.crash(MOST_CRASHES + 1)
    assert past.start() is not None


def test_quick_restarts_with_clean_stops_do_not_count(past: Past) -> None:
    for _ in range(4 * MOST_CRASHES):
        assert past.start(clean=True) is None


def test_a_clean_stop_in_between_begins_a_new_count(past: Past) -> None:
    past.crash(MOST_CRASHES)
    past.start(clean=True)
    past.crash(MOST_CRASHES)
    assert past.start() is None


def test_a_long_run_in_between_begins_a_new_count(past: Past) -> None:
    past.crash(MOST_CRASHES)
    past.start(LONG_RUN_MS)
    past.crash(MOST_CRASHES)
    assert past.start() is None


def test_a_start_that_ran_for_long_says_so_although_nothing_else_happened(tmp_path: Path) -> None:
    async def long(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(LONG_RUN_MS / 1000 + 10)

    async def scene(world: World) -> None:
        await act(world, long, POLICY, tmp_path, kill=True)

    stage(scene, lambda: make_world(POLICY, {"BTC": "0"}))
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert len(list(journal.rows("steady"))) == 1
        assert [(start.clean, start.crashed) for start in journal.starts()] == [(False, False)]


def test_starts_that_reached_no_venue_neither_count_nor_end_the_count(past: Past) -> None:
    for _ in range(4 * MOST_CRASHES):
        assert past.start(1_000, prepared=False) is None
    past.crash(MOST_CRASHES)
    past.start(1_000, prepared=False)
    assert past.start() is None
    assert past.start() is not None


def test_crashes_that_are_far_apart_do_not_count(past: Past) -> None:
    for _ in range(4 * MOST_CRASHES):
        past.crash(1)
        past.now += WITHIN_MS // MOST_CRASHES


def test_a_daemon_that_was_killed_too_often_begins_halted_and_places_nothing(tmp_path: Path) -> None:
    lives: list[Play] = []

    async def briefly(it: Play) -> None:
        await it.until(lambda: bool(it.venue.placed or it.state.halted), "an order or a halt")

    async def scene(world: World) -> None:
        for life in range(MOST_CRASHES + 2):
            lives.append(await act(world, briefly, POLICY, tmp_path, seed=life, kill=True))
            world.exchange.deposit("main", Wallet.SPOT, "BTC", D(1))

    stage(scene, lambda: make_world(POLICY, {"BTC": "2"}))
    assert [bool(it.state.halted) for it in lives] == [False] * (MOST_CRASHES + 1) + [True]
    assert not lives[-1].venue.placed
    assert "crashed" in (lives[-1].state.halted or "")


def test_a_start_without_its_venue_leaves_no_mark_of_a_crash(tmp_path: Path) -> None:
    async def never(it: Play) -> None: ...

    for _ in range(MOST_CRASHES + 3):
        with pytest.raises(AskAgain):
            play(never, POLICY, tmp_path, prepare=lambda venue: venue.failing.add("prices"))
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert journal.halted() is None
        assert not any(start.prepared for start in journal.starts())


def test_what_was_hedged_by_last_is_that_of_the_newest_start_that_reached_its_venues_or_of_a_reload(
    tmp_path: Path,
) -> None:
    """The digest that each start finds, after those before it."""

    def start(config: str, *more: Row) -> str | None:
        with closing(Journal.open(tmp_path, durable=False)) as journal:
            recovered = journal.begin(NOW, {"config": config})
            journal.write(more)
        return recovered.in_force

    prepared, reloaded = Row(NOW, "prepared", "", {}), Row(NOW, "reload", "c", {"who": "a person"})
    assert start("a") is None
    assert start("a") is None, "the first one reached no venue"
    assert start("a", prepared) is None
    assert start("b") == "a"
    assert start("b", prepared, reloaded) == "a", "the one before reached no venue"
    assert start("b") == "c"
