"""What was decided, sent and filled, on disk before it matters: SQLite in WAL mode, synchronous FULL, append-only.

One table of events; the newest row of a (kind, key) is its present state. Nothing is ever updated or deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from hedger.engine.ledger import Ledger
from hedger.engine.orders import Order
from hedger.engine.state import HedgeState
from hedger.errors import JournalError

SCHEMA_VERSION = 1
FUNDING_READ_BACK_MS = 86_400_000
FUNDING_KEPT_MS = 3 * FUNDING_READ_BACK_MS

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, epoch INTEGER NOT NULL,
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_key ON events (kind, key, seq);
"""


# Orders whose newest row says that they may still fill, or that fills are named which were not seen.
_UNFINISHED = """
SELECT body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'order' GROUP BY key)
AND (coalesce(json_extract(body, '$.status'), '') NOT IN ('filled', 'canceled', 'expired', 'rejected')
     OR CAST(json_extract(body, '$.reported') AS REAL) > CAST(json_extract(body, '$.booked') AS REAL))
"""

# The newest funding that is booked of the account that was left behind the furthest.
_FUNDING_NEWEST = """
SELECT min(newest) FROM (
    SELECT max(at) AS newest FROM events WHERE kind = 'funding' GROUP BY substr(key, 1, instr(key, '/'))
)
"""
# Where to begin reading funding: a day before that, or at the first start.
_FUNDING_SINCE = f"""
SELECT coalesce(({_FUNDING_NEWEST}) - ?, (SELECT min(at) FROM events WHERE kind = 'start'), ?)
"""  # noqa: S608
_FUNDING_KEYS = f"SELECT key FROM events WHERE kind = 'funding' AND at >= ({_FUNDING_NEWEST}) - ?"  # noqa: S608
# When something of ours last filled: the newest such row is near the end, so the rows are walked from there.
_LAST_FILLED = """
SELECT coalesce((SELECT at FROM events
                 WHERE +kind = 'fill' OR (+kind = 'order' AND CAST(json_extract(body, '$.reported') AS REAL) > 0)
                 ORDER BY seq DESC LIMIT 1), 0)
"""


class Row(NamedTuple):
    """One event for the journal: `body` is any value that becomes JSON."""

    at: int
    kind: str
    key: str
    body: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a start needs from the starts before it. `clean` is False when the last one did not end in order;
    `filled_at` is when something of ours last filled, 0 for never."""

    epoch: int
    clean: bool
    funding_since_at: int
    halted: str | None
    next_decision: int
    orders: tuple[Order, ...]
    ledgers: dict[str, Ledger]
    memories: dict[str, HedgeState]
    funding_seen: dict[str, frozenset[str]]
    filled_at: int = 0


class Journal:
    """The journal of one state directory. The caller holds the Lease; there is one writer."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._epoch = 0

    @classmethod
    def open(cls, directory: Path, *, read_only: bool = False, durable: bool = True) -> Journal:
        """Open `<directory>/journal.sqlite3`, made if it is not there; raises JournalError, never repairs.

        Only where the world ends with this process, as on virtual time, need rows not be `durable`.
        """
        path = directory / "journal.sqlite3"
        try:
            connection = _connect(path, read_only)
            if not durable:
                connection.execute("PRAGMA synchronous = OFF")
            return cls(path, connection)
        except (sqlite3.Error, OSError, ValueError) as problem:
            raise JournalError(f"{path}: {problem}; {_remedy(problem)}") from None

    @staticmethod
    def set_aside(directory: Path) -> None:
        """Keep the journal of a world that is gone as `journal.previous.sqlite3`, in place of the one before it."""
        for ending in ("", "-wal", "-shm"):
            old = directory / f"journal.sqlite3{ending}"
            kept = directory / f"journal.previous.sqlite3{ending}"
            kept.unlink(missing_ok=True)
            if old.exists():
                old.rename(kept)

    def begin(self, now: int, start: object) -> Recovered:
        """Recover what earlier starts left and begin a new epoch, durably, before anything else happens."""
        with self._reading():
            recovered = self._recover(now)
        self._epoch = recovered.epoch
        self.write([Row(now, "start", str(recovered.epoch), start)])
        return recovered

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction that has reached the disk on return; raises JournalError."""
        values = [(row.at, self._epoch, row.kind, row.key, to_json(row.body).decode()) for row in rows]
        if not values:
            return
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "INSERT INTO events (at, epoch, kind, key, body) VALUES (?, ?, ?, ?, ?)", values
                )
        except sqlite3.Error as problem:
            raise JournalError(f"{self._path}: cannot be written ({problem}); {_remedy(problem)}") from None

    def rows(self, kind: str, key: str | None = None) -> Iterator[tuple[int, str, str]]:
        """(at, key, body) of each row of a kind, oldest first; with `key`, of that key only."""
        where, values = ("kind = ?", (kind,)) if key is None else ("kind = ? AND key = ?", (kind, key))
        with self._reading():
            yield from self._connection.execute(f"SELECT at, key, body FROM events WHERE {where} ORDER BY seq", values)  # noqa: S608

    def latest(self, kind: str) -> dict[str, str]:
        """The newest body of each key of a kind."""
        query = "SELECT key, body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = ? GROUP BY key)"
        with self._reading():
            return dict(self._connection.execute(query, (kind,)))

    def halted(self) -> str | None:
        """Why the hedger is halted; None if it is not, or a person has lifted it since."""
        query = "SELECT kind, key FROM events WHERE kind IN ('halt', 'resume') ORDER BY seq DESC LIMIT 1"
        with self._reading():
            row = self._connection.execute(query).fetchone()
        return str(row[1]) if row and row[0] == "halt" else None

    def memories(self) -> dict[str, HedgeState]:
        """What each hedge remembered when it last sent an order."""
        with self._reading():
            return {key: _MEMORY.validate_json(body) for key, body in self.latest("memory").items()}

    def close(self) -> None:
        """Close the file; rows that were written are on disk."""
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What cannot be read is told in a sentence: nothing of it is guessed or left out."""
        try:
            yield
        except (sqlite3.Error, ValidationError) as problem:
            raise JournalError(f"{self._path}: cannot be read ({type(problem).__name__}); restore it") from None

    def _recover(self, now: int) -> Recovered:
        orders = (_ORDER.validate_json(body) for (body,) in self._connection.execute(_UNFINISHED))
        return Recovered(
            epoch=self._scalar("SELECT coalesce(max(epoch), 0) FROM events") + 1,
            clean=self._last_kind(("start", "stop")) != "start",
            halted=self.halted(),
            next_decision=self._scalar(
                "SELECT coalesce(max(CAST(key AS INTEGER)), 0) FROM events WHERE kind = 'decision'"
            )
            + 1,
            orders=tuple(orders),
            filled_at=self._scalar(_LAST_FILLED),
            funding_since_at=self._scalar(_FUNDING_SINCE, FUNDING_READ_BACK_MS, now),
            ledgers={key: _LEDGER.validate_json(body) for key, body in self.latest("ledger").items()},
            memories=self.memories(),
            funding_seen=self._funding_seen(),
        )

    def _scalar(self, query: str, *values: Any) -> int:
        return int(self._connection.execute(query, values).fetchone()[0])

    def _last_kind(self, kinds: tuple[str, str]) -> str | None:
        query = "SELECT kind FROM events WHERE kind IN (?, ?) ORDER BY seq DESC LIMIT 1"
        row = self._connection.execute(query, kinds).fetchone()
        return row[0] if row else None

    def _funding_seen(self) -> dict[str, frozenset[str]]:
        seen: dict[str, set[str]] = {}
        for (key,) in self._connection.execute(_FUNDING_KEYS, (FUNDING_KEPT_MS,)):
            account, _, payment_id = key.partition("/")
            seen.setdefault(account, set()).add(payment_id)
        return {account: frozenset(ids) for account, ids in seen.items()}


_ORDER = TypeAdapter(Order)
_LEDGER = TypeAdapter(Ledger)
_MEMORY = TypeAdapter(HedgeState)


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only and not path.exists():
        raise FileNotFoundError("there is no journal here")
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = "?mode=ro" if read_only else "?mode=rwc"
    connection = sqlite3.connect(path.absolute().as_uri() + mode, uri=True, isolation_level=None, timeout=2.0)
    try:
        _set_up(connection, path, read_only)
    except (sqlite3.Error, OSError, ValueError):
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    """Refuse what a newer hedger wrote before anything is changed; make what is not there."""
    known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]
    version = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() if known else None
    if (version is None and read_only) or (version is not None and int(version[0]) > SCHEMA_VERSION):
        raise sqlite3.DatabaseError("it was written by a newer hedger, or is not a journal")
    if not read_only:
        path.chmod(0o600)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_SCHEMA)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))


def _remedy(problem: Exception) -> str:
    text = str(problem)
    if "full" in text:
        return "free space on the disk; nothing is created until then"
    if "locked" in text:
        return "another program holds it open; close that"
    if "newer" in text or "not a database" in text:
        return "use the hedger that wrote it, or move it away to begin a new one"
    return "check the disk and the file's owner and permissions"
