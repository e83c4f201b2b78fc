"""The ids of a start: after all that are known, and apart from those of a journal that is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hedger.app.resume import lift_halt
from hedger.model.identity import MAX_EPOCH, MAX_SEQUENCE
from hedger.runtime.epochs import first_sequence, next_epoch
from hedger.runtime.journal import Journal, Row
from hedger.runtime.kill import KillFile
from hedger.runtime.memory import Recovered

NOW = 1_767_268_800_000
SPAN_MS = 600_000
MOST_IDS_A_MS = 3_600


def begun(directory: Path, at: int) -> Recovered:
    with closing(Journal.open(directory, durable=False)) as journal:
        return journal.begin(at, {})


@pytest.mark.parametrize("after_ms", [1, 250, 59_000, SPAN_MS - 1])
def test_two_directories_that_were_lost_within_one_span_have_no_ids_in_common(tmp_path: Path, after_ms: int) -> None:
    first, second = begun(tmp_path / "lost", NOW), begun(tmp_path / "new", NOW + after_ms)
    assert first.epoch == second.epoch
    assert second.next_sequence - first.next_sequence >= MOST_IDS_A_MS * after_ms


def test_a_restart_of_the_one_has_other_ids_than_a_restart_of_the_other(tmp_path: Path) -> None:
    starts = [begun(tmp_path / name, NOW + at) for name, at in (("a", 0), ("a", 9), ("b", 2_000), ("b", 7_000))]
    assert starts[1].epoch == starts[3].epoch
    assert abs(starts[1].next_sequence - starts[3].next_sequence) >= MOST_IDS_A_MS


def test_an_epoch_that_is_known_is_followed_by_the_next_whatever_the_clock_says(tmp_path: Path) -> None:
    first = begun(tmp_path, NOW)
    assert [begun(tmp_path, at).epoch - first.epoch for at in (NOW - 10 * SPAN_MS, NOW + 10 * SPAN_MS)] == [1, 2]


@pytest.mark.parametrize("at", [0, NOW, NOW + SPAN_MS - 1, 2**50])
def test_the_first_id_of_any_moment_leaves_room_for_millions_more(at: int) -> None:
    assert 1 <= first_sequence(at) <= MAX_SEQUENCE - 16_000_000


def test_the_epochs_of_the_clock_last_for_decades() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE events (epoch INTEGER)")
        assert next_epoch(connection, None, 2_682_374_400_000)[1] < MAX_EPOCH


# --- what a person writes while no hedger runs ------------------------------------------------------------------------


def test_a_halt_that_was_lifted_by_hand_makes_no_older_order_one_of_this_journal_s(tmp_path: Path) -> None:
    first = begun(tmp_path, NOW)
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(NOW + 1, {})
        journal.write([Row(NOW + 2, "halt", "why", {})])
    lift_halt(tmp_path, "looked at it")
    after = begun(tmp_path, NOW + 3)
    assert (after.first_epoch, after.epoch) == (first.epoch, first.epoch + 2)


def test_a_kill_that_was_lifted_before_the_first_start_leaves_it_the_epoch_of_the_clock(tmp_path: Path) -> None:
    """One that counted from 1 would take what a lost journal sent for a successor's, and end at once, every time."""
    usual, lifted = begun(tmp_path / "usual", NOW), tmp_path / "lifted"
    lifted.mkdir(mode=0o700)
    KillFile(lifted).latch("before the machine was set up anew")
    lift_halt(lifted, "it is set up")
    assert begun(lifted, NOW).epoch == usual.epoch
