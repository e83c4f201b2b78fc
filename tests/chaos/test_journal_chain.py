"""The chain over the rows: what is changed, moved or taken out of the middle refuses the start and sends nothing."""

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hedger.app.resume import lift_halt, set_journal_aside
from hedger.errors import GiveUp, JournalError
from hedger.runtime.journal import VERIFIED_AT_START, Journal, Row
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

POLICY = policy_of(hedge_of())
LAST = 12


def written(directory: Path) -> Path:
    """A journal of twelve rows: a start, ten fills, a halt."""
    with closing(Journal.open(directory)) as journal:
        journal.begin(1_000, {"version": "1"})
        journal.write([Row(1_000 + n, "fill", f"id/{n}", {"n": n, "quantity": "0.10"}) for n in range(10)])
        journal.write([Row(2_000, "halt", "why", {})])
    return directory / "journal.sqlite3"


def tampered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


CHANGES = {
    "body": 'UPDATE events SET body = \'{"n":5,"quantity":"0.1"}\' WHERE seq = 7',
    "moment": "UPDATE events SET at = at + 1 WHERE seq = 7",
    "epoch": "UPDATE events SET epoch = 2 WHERE seq = 7",
    "kind": "UPDATE events SET kind = 'funding' WHERE seq = 7",
    "key": "UPDATE events SET key = 'id/4' WHERE seq = 7",
    "hash": "UPDATE events SET hash = zeroblob(32) WHERE seq = 7",
    "a letter from one part to the next": "UPDATE events SET kind = 'filli', key = 'd/5' WHERE seq = 7",
    "taken out": "DELETE FROM events WHERE seq = 7",
    "taken from the beginning": "DELETE FROM events WHERE seq = 1",
    "another number": "UPDATE events SET seq = 700 WHERE seq = 12",
    "the halt after it lifted": "UPDATE events SET kind = 'resume' WHERE seq = 12",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_in_a_row_refuses_the_start_and_nothing_is_repaired(statement: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    tampered(path, statement)
    before = path.read_bytes()
    told = r"row \d+ is not what was written.*restore a copy, or set it aside"
    with closing(Journal.open(tmp_path)) as journal, pytest.raises(JournalError, match=told):
        journal.begin(3_000, {})
    assert path.read_bytes() == before, "nothing is repaired and nothing is added"


def test_rows_that_changed_places_are_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    tampered(path, *(f"UPDATE events SET seq = {b} WHERE seq = {a}" for a, b in ((5, 50), (6, 5), (50, 6))))
    with closing(Journal.open(tmp_path)) as journal, pytest.raises(JournalError, match="row 5 is not"):
        journal.verify()


def test_a_whole_chain_is_verified_by_whoever_looks(tmp_path: Path) -> None:
    written(tmp_path)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        journal.verify()
        journal.verify(newest=3)


def test_only_the_newest_rows_are_verified_where_that_is_asked_for(tmp_path: Path) -> None:
    tampered(written(tmp_path), CHANGES["body"])
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        journal.verify(newest=5)
        with pytest.raises(JournalError, match="row 7"):
            journal.verify(newest=6)
    assert VERIFIED_AT_START >= 100_000


def test_a_daemon_with_a_broken_chain_sends_nothing(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()

    play(script, POLICY, tmp_path)
    tampered(tmp_path / "journal.sqlite3", "UPDATE events SET body = '{}' WHERE kind = 'decision' AND key = '3'")
    venues: list[Play] = []

    async def never(it: Play) -> None:
        venues.append(it)

    with pytest.raises(JournalError, match="is not what was written"):
        play(never, POLICY, tmp_path)
    assert not venues, "it did not come as far as its venues"


def test_a_halt_is_not_lifted_in_a_journal_that_is_not_believed(tmp_path: Path) -> None:
    tampered(written(tmp_path), CHANGES["body"])
    with pytest.raises(JournalError, match="row 7"):
        lift_halt(tmp_path, "looked at it")


def test_writing_goes_on_from_the_chain_that_a_failed_write_left(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1_000, {})
        journal._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(JournalError, match="readonly"):
            journal.write([Row(1_001, "fill", "lost", {})])
        journal._connection.execute("PRAGMA query_only = OFF")
        journal.write([Row(1_002, "fill", "kept", {})])
        assert [key for _, key, _ in journal.rows("fill")] == ["kept"]
        journal.verify()


# --- what a chain cannot see ------------------------------------------------------------------------------------------


def test_a_journal_whose_end_is_lost_begins_halted_and_uses_no_id_again(tmp_path: Path) -> None:
    path = written(tmp_path)
    tampered(path, "DELETE FROM events WHERE seq > 8")
    with closing(Journal.open(tmp_path)) as journal:
        journal.verify()
        recovered = journal.begin(3_000, {})
        assert "lacks row 12" in (recovered.halted or "")
        assert journal.halted() == recovered.halted
    lift_halt(tmp_path, "the venue has nothing of ours")
    with closing(Journal.open(tmp_path)) as journal:
        assert journal.begin(4_000, {}).halted is None


def test_an_old_copy_that_is_put_back_takes_an_epoch_that_was_never_used(tmp_path: Path) -> None:
    path = written(tmp_path)
    old = path.read_bytes()
    for epoch in (2, 3, 4):
        with closing(Journal.open(tmp_path)) as journal:
            assert journal.begin(1_000 * epoch, {}).epoch == epoch
    path.write_bytes(old)
    with closing(Journal.open(tmp_path)) as journal:
        recovered = journal.begin(9_000, {})
        assert recovered.epoch == 5
        assert recovered.halted == "why", "the halt that it had stays what it was"


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"epoch": "x", "seq": 1, "hash": ""}'])
def test_a_note_that_cannot_be_read_says_nothing(text: str, tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1_000, {})
    (tmp_path / "journal.head").write_text(text)
    with closing(Journal.open(tmp_path)) as journal:
        assert journal.begin(2_000, {}).halted is None


# --- set aside --------------------------------------------------------------------------------------------------------


def test_a_broken_journal_is_set_aside_whole_and_the_next_uses_none_of_its_ids(tmp_path: Path) -> None:
    path = written(tmp_path)
    tampered(path, CHANGES["body"])
    before = path.read_bytes()
    kept = set_journal_aside(tmp_path, "a bad sector")
    assert kept.read_bytes() == before
    with closing(Journal.open(tmp_path)) as journal:
        recovered = journal.begin(9_000, {})
        assert recovered.epoch == 2
        assert recovered.halted == "why", "a halt is not lifted by losing the journal"
        assert [key for _, key, _ in journal.rows("aside")] == [kept.name]


def no_reason(directory: Path) -> None:
    set_journal_aside(directory, " ")


def no_journal(directory: Path) -> None:
    set_journal_aside(directory / "elsewhere", "because")


@pytest.mark.parametrize("act", [no_reason, no_journal])
def test_a_journal_is_not_set_aside_without_a_reason_or_a_journal(act: Callable[[Path], None], tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(GiveUp):
        act(tmp_path)


def test_a_journal_that_cannot_be_read_at_all_is_not_replaced_by_one_with_the_same_ids(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"nothing of the kind" * 300)
    with pytest.raises(JournalError, match="another `bot`"):
        set_journal_aside(tmp_path, "because")
    assert (tmp_path / "journal.sqlite3").exists()


def test_a_journal_whose_setting_aside_was_cut_off_leaves_the_next_start_halted_in_an_unused_epoch(
    tmp_path: Path,
) -> None:
    """The disk is full in the middle of the new journal, after the old one has left its place."""
    written(tmp_path)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32_768, unlimited[1]))
    try:
        with pytest.raises(JournalError):
            set_journal_aside(tmp_path, "a bad sector")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert len(list(tmp_path.glob("journal.aside-*.sqlite3"))) == 1, "it was cut off after the old one had gone"
    with closing(Journal.open(tmp_path)) as journal:
        recovered = journal.begin(9_000, {})
    assert recovered.epoch == 2
    assert "the journal lacks row" in (recovered.halted or ""), "a halt, a pause or a flatten may be lost"


def test_what_is_set_aside_never_gives_up_an_epoch_that_its_note_knows(tmp_path: Path) -> None:
    """An old copy was put back, found broken, and set aside: the starts after the copy have used their ids."""
    path = written(tmp_path)
    old = path.read_bytes()
    for at in (5_000, 6_000):
        with closing(Journal.open(tmp_path)) as journal:
            journal.begin(at, {})
    path.write_bytes(old)
    tampered(path, CHANGES["body"])
    set_journal_aside(tmp_path, "an old copy, and broken")
    with closing(Journal.open(tmp_path)) as journal:
        assert journal.begin(9_000, {}).epoch == 1 + 2 + 1
