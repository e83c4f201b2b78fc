"""A journal of an earlier version, as that hedger wrote it, comes forward with a proven copy, or stays as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pydantic_core import to_json

from hedger.engine.known.orders import OrderStatus
from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row
from tests.support.engine_worlds import order_of

# The tables of version 1, as they were.
VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, epoch INTEGER NOT NULL,
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_key ON events (kind, key, seq);
INSERT INTO meta VALUES ('schema_version', '1');
"""
ORDER = order_of(status=OrderStatus.OPEN)
ROWS = [
    (1_000, 1, "start", "1", "{}"),
    *((1_001 + n, 1, "decision", str(n), f'{{"decision_id":{n},"detail":"−0.5 µ"}}') for n in range(1, 40)),
    (1_100, 1, "order", ORDER.client_order_id, to_json(ORDER).decode()),
    (1_200, 1, "halt", "why", "{}"),
]


def old_journal(directory: Path) -> Path:
    path = directory / "journal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.executescript(VERSION_1)
        old.executemany("INSERT INTO events (at, epoch, kind, key, body) VALUES (?, ?, ?, ?, ?)", ROWS)
    return path


def contents(path: Path) -> tuple[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as known:
        version = known.execute("SELECT value FROM meta").fetchone()[0]
        return version, known.execute("SELECT at, epoch, kind, key, body FROM events ORDER BY seq").fetchall()


def test_an_old_journal_comes_forward_with_every_row_and_a_chain(tmp_path: Path) -> None:
    path = old_journal(tmp_path)
    with closing(Journal.open(tmp_path)) as journal:
        journal.verify()
        recovered = journal.begin(2_000, {})
    assert (recovered.epoch, recovered.halted, recovered.orders) == (2, "why", (ORDER,))
    assert recovered.next_decision == 40
    version, rows = contents(path)
    assert version == "3"
    assert rows[: len(ROWS)] == ROWS


def test_a_journal_that_may_hold_a_flatten_is_none_for_a_hedger_that_knows_none(tmp_path: Path) -> None:
    """The hedger before refuses any version above its own, 2; what it wrote comes forward with its chain as it is."""
    path = tmp_path / "journal.sqlite3"
    with closing(Journal.open(tmp_path)) as journal:
        journal.write([Row(1_000, "operator", "pause", {"reason": "a look"})])
    rows = contents(path)[1]
    with closing(sqlite3.connect(path, isolation_level=None)) as before:
        before.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    with closing(Journal.open(tmp_path)) as journal:
        journal.verify()
        assert journal.paused() == "a look"
    assert contents(path) == ("3", rows)
    assert contents(tmp_path / "journal.v2.backup.sqlite3") == ("2", rows)


def test_a_proven_copy_is_there_before_anything_changes(tmp_path: Path) -> None:
    old_journal(tmp_path)
    Journal.open(tmp_path).close()
    kept = tmp_path / "journal.v1.backup.sqlite3"
    assert contents(kept) == ("1", ROWS)
    assert kept.stat().st_mode & 0o077 == 0, "it is as private as the journal"
    assert not list(tmp_path.glob("journal.v1.backup.sqlite3-*")), "one file, whole by itself"


def test_a_migrated_journal_is_the_same_shape_as_a_new_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old_journal(tmp_path / "old")
    shapes = []
    for name in ("old", "new"):
        Journal.open(tmp_path / name).close()
        with closing(sqlite3.connect(tmp_path / name / "journal.sqlite3")) as known:
            tables = ("events", "inputs", "meta")
            shapes.append([known.execute(f"PRAGMA table_info({table})").fetchall() for table in tables])
            shapes[-1].append(
                known.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1").fetchall()
            )
    assert shapes[0] == shapes[1]


def test_without_its_copy_the_old_journal_stays_as_it_was(tmp_path: Path) -> None:
    path = old_journal(tmp_path)
    (tmp_path / "journal.v1.backup.sqlite3").mkdir()
    with pytest.raises(JournalError):
        Journal.open(tmp_path)
    assert contents(path) == ("1", ROWS)
    assert not list(tmp_path.glob("*.making"))


def test_a_migration_that_fails_in_the_middle_leaves_the_old_journal_usable(tmp_path: Path) -> None:
    """The last of its rows is no text: all rows before it were written anew by then."""
    path = old_journal(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("INSERT INTO events VALUES (NULL, 1, 1, 'note', 'k', CAST(x'fffe' AS TEXT))")
    with pytest.raises(JournalError):
        Journal.open(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        assert old.execute("SELECT value FROM meta").fetchone() == ("1",)
        old.execute("DELETE FROM events WHERE kind = 'note'")
    assert contents(path) == ("1", ROWS)
    with closing(Journal.open(tmp_path)) as journal:
        assert journal.begin(2_000, {}).epoch == 2


def test_coming_forward_happens_once(tmp_path: Path) -> None:
    old_journal(tmp_path)
    for epoch in (2, 3):
        with closing(Journal.open(tmp_path)) as journal:
            assert journal.begin(1_000 * epoch, {}).epoch == epoch
    assert contents(tmp_path / "journal.v1.backup.sqlite3") == ("1", ROWS)


def test_looking_at_an_old_journal_changes_nothing(tmp_path: Path) -> None:
    path = old_journal(tmp_path)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        assert journal.halted() == "why"
        assert ("decision", 39) in [count[:2] for count in journal.counts()]
        with pytest.raises(JournalError, match="version 1 has no chain"):
            journal.verify()
    assert contents(path) == ("1", ROWS)
    assert not (tmp_path / "journal.v1.backup.sqlite3").exists()


def test_a_database_that_is_something_else_is_not_made_a_journal(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as other:
        other.execute("CREATE TABLE photographs (name TEXT)")
    with pytest.raises(JournalError, match="is not a journal"):
        Journal.open(tmp_path)
