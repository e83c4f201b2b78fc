"""The journal's tables, and the way from an older journal to this one: first a proven copy, then one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hedger.runtime.chain import GENESIS, hash_of

# 2 has a hash with each row. 3 may have a flatten, which a hedger of 2 does not know: it would hedge again.
SCHEMA_VERSION = 3

_EVENTS = """
CREATE TABLE IF NOT EXISTS {name} (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, epoch INTEGER NOT NULL,
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL
) STRICT
"""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    _EVENTS.format(name="events"),
    "CREATE INDEX IF NOT EXISTS events_by_key ON events (kind, key, seq)",
    """
    CREATE TABLE IF NOT EXISTS inputs (
        id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, frame TEXT, body BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS inputs_by_time ON inputs (at)",
)


def version_of(connection: sqlite3.Connection) -> int | None:
    """The schema that a file was written with, None for a file without tables.

    Raises DatabaseError for what is no journal or a newer one, ValueError for a version that is no number.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() if known else None
    version = None if row is None else int(row[0])
    if (version is None and tables) or (version is not None and not 1 <= version <= SCHEMA_VERSION):
        raise sqlite3.DatabaseError("it was written by a newer hedger, or is not a journal")
    return version


def files_of(path: Path) -> tuple[Path, ...]:
    """A database and the two files that SQLite keeps beside it."""
    return tuple(path.with_name(path.name + ending) for ending in ("", "-wal", "-shm"))


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, or bring an older journal forward, after a copy of it has been proven whole.

    Whatever fails on the way, the file is as it was. Raises sqlite3.Error or OSError.
    """
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        return
    if version is not None:
        _back_up(connection, path, version)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version == 1:
            _chain_rows(connection)
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy beside the journal, on the disk and proven, before anything of the journal changes."""
    kept = path.with_name(f"journal.v{version}.backup.sqlite3")
    making = path.with_name(kept.name + ".making")
    making.unlink(missing_ok=True)
    making.touch(mode=0o600)
    try:
        _copy(connection, making)
        _sync(making)
        making.replace(kept)
        _sync(path.parent)
    except (sqlite3.Error, OSError):
        making.unlink(missing_ok=True)  # on a full disk it would only be in the way
        raise


def _copy(connection: sqlite3.Connection, making: Path) -> None:
    with closing(sqlite3.connect(making, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # so that the copy is one file, whole by itself
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok" or _extent(copy) != _extent(connection):
            raise sqlite3.DatabaseError("the copy made before its migration is not whole")


def _extent(connection: sqlite3.Connection) -> tuple[int, int]:
    count, last = connection.execute("SELECT count(*), coalesce(max(seq), 0) FROM events").fetchone()
    return count, last


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _chain_rows(connection: sqlite3.Connection) -> None:
    """Version 1 had no hashes: the same rows again, each with its own."""
    connection.execute("DROP INDEX IF EXISTS events_by_key")
    connection.execute(_EVENTS.format(name="chained"))
    connection.executemany("INSERT INTO chained VALUES (?, ?, ?, ?, ?, ?, ?)", _chained(connection))
    connection.execute("DROP TABLE events")
    connection.execute("ALTER TABLE chained RENAME TO events")


def _chained(connection: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    previous = GENESIS
    for row in connection.execute("SELECT seq, at, epoch, kind, key, body FROM events ORDER BY seq"):
        previous = hash_of(previous, *row)
        yield *row, previous
