"""What was decided, sent and filled, on disk before it matters: SQLite in WAL mode, synchronous FULL, append-only.

One table of events, a chain of hashes over it; the newest row of a (kind, key) is its present state. No event is ever
updated or deleted. Beside it, for a while, what the decisions were made on (`inputs.py`).
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import ValidationError

from hedger.engine.known.latch import Flatten
from hedger.engine.known.state import HedgeState
from hedger.errors import JournalError
from hedger.runtime.chain import Link, first_broken, hash_of, tail
from hedger.runtime.codec import encode, writable
from hedger.runtime.epochs import first_sequence, last_epoch, newest_epoch, next_epoch
from hedger.runtime.head import NAME as HEAD
from hedger.runtime.head import Head, lost_end, note_head, noted_head
from hedger.runtime.inputs import Facts, Input, facts_of, put
from hedger.runtime.kill import KillFile
from hedger.runtime.memory import Recovered, flattening_of, halted_by, latest_of, memories_of, paused_by, recall
from hedger.runtime.migrate import bring_up_to_date, files_of, version_of
from hedger.runtime.starts import Start, crash_loop, newest_starts

MIN_FREE_BYTES = 64_000_000
# A million rows take 3.7 s to verify, these 2 s; the rows before them were verified by the starts that came after them.
VERIFIED_AT_START = 500_000
_ONE_WRITER = "stop one of the two hedgers on this state directory; this one creates nothing more"
# What reading a document of a damaged journal, or of another program, may stumble on.
_UNUSABLE = (sqlite3.Error, zlib.error, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_TOLD = "seq, at, epoch, kind, key, body"


class Row(NamedTuple):
    """One event for the journal: `body` is any value that becomes JSON, `inputs` are kept beside it."""

    at: int
    kind: str
    key: str
    body: object
    inputs: tuple[Input, ...] = ()


class Told(NamedTuple):
    """One event as it stands in the journal."""

    seq: int
    at: int
    epoch: int
    kind: str
    key: str
    body: str


def free_bytes(path: Path) -> int:
    """What is free for us on the disk of a file."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def has_journal(directory: Path) -> bool:
    """Whether there is one; raises JournalError where that cannot be seen: then nothing is known, which is not none."""
    try:
        os.stat(directory / "journal.sqlite3")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as problem:
        raise JournalError(
            f"{directory}: cannot be looked into ({problem.strerror}): ask as the user that the hedger runs as"
        ) from None
    return True


class Journal:
    """The journal of one state directory. The caller holds the Lease; there is one writer."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._epoch = 0
        self._tail: Link | None = None
        self._durable, self._min_free = True, 0
        self._free: Callable[[Path], int] = free_bytes

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        read_only: bool = False,
        durable: bool = True,
        min_free_bytes: int = MIN_FREE_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> Self:
        """Open `<directory>/journal.sqlite3`, made if it is not there; raises JournalError, never repairs.

        An older journal is brought up to date, after a copy of it was made. Only where the world ends with this
        process, as on virtual time, need rows not be `durable`; there no room need be left on the disk either.
        """
        path = directory / "journal.sqlite3"
        try:
            connection = _connect(path, read_only)
            if not durable:
                connection.execute("PRAGMA synchronous = OFF")
            journal = cls(path, connection)
            journal._durable, journal._free = durable, free
            journal._min_free = min_free_bytes if durable else 0
            return journal
        except (sqlite3.Error, OSError, ValueError) as problem:
            raise JournalError(f"{path}: {problem}; {_remedy(problem)}") from None

    @staticmethod
    def set_aside(directory: Path) -> None:
        """Keep the journal of a world that is gone as `journal.previous.sqlite3`, in place of the one before it."""
        (directory / HEAD).unlink(missing_ok=True)
        paths = (files_of(directory / f"{name}.sqlite3") for name in ("journal", "journal.previous"))
        for old, kept in zip(*paths, strict=True):
            kept.unlink(missing_ok=True)
            if old.exists():
                old.rename(kept)

    def begin(self, now: int, start: object) -> Recovered:
        """Recover what earlier starts left and begin a new epoch, durably, before anything else happens."""
        self.verify(newest=VERIFIED_AT_START)
        noted = noted_head(self._path.parent)
        with self._reading():
            first_epoch, self._epoch = next_epoch(self._connection, noted, now)
            recovered = recall(
                self._connection,
                now,
                epoch=self._epoch,
                first_epoch=first_epoch,
                next_sequence=first_sequence(now),
            )
            fault = recovered.halted or self._killed() or lost_end(self._connection, noted)
            fault = fault or crash_loop(self._connection, now)
        halts = [] if fault == recovered.halted else [Row(now, "halt", fault or "", {})]
        self.write([Row(now, "start", str(self._epoch), start), *halts])
        self._note_head()
        return replace(recovered, halted=fault)

    def begin_after(self, epoch: int, rows: Iterable[Row]) -> None:
        """Begin a new journal in place of one that ended with an epoch: ids that it used are not used again."""
        self._epoch = epoch
        self.write(rows)

    def last_epoch(self) -> int:
        """The newest epoch of all rows, 0 where there is none."""
        with self._reading():
            return last_epoch(self._connection)

    def verify(self, newest: int | None = None) -> None:
        """Prove that every row, or each of the `newest`, is what was written; raises JournalError for the first that is
        not."""
        with self._reading():
            if version_of(self._connection) == 1:
                raise JournalError(f"{self._path}: version 1 has no chain; the next start brings it up to date")
            broken = first_broken(self._connection, newest)
        if broken is not None:
            raise JournalError(
                f"{self._path}: row {broken} is not what was written, so nothing after it is believed and nothing is "
                "repaired; restore a copy, or set it aside with `hedger journal set-aside --reason …`"
            )

    def check_room(self) -> None:
        """Raises JournalError where the disk has less room than is to be left free on it."""
        try:
            free = self._free(self._path) if self._min_free else 0
        except OSError as problem:
            raise JournalError(f"{self._path}: the disk cannot be asked for its room ({problem})") from None
        if free < self._min_free:
            room = f"{free // 1_000_000} MB free, {self._min_free // 1_000_000} MB wanted"
            raise JournalError(f"{self._path}: {room}; free space on the disk; nothing is created until then")

    def room(self) -> tuple[int, int]:
        """Bytes free on the journal's disk, and how many are to be left free on it; raises OSError. For any thread."""
        return self._free(self._path), self._min_free

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction that has reached the disk on return; raises JournalError."""
        rows = list(rows)
        if not rows:
            return
        try:
            self._append(rows)
        except sqlite3.IntegrityError:
            self._tail = None
            raise JournalError(f"{self._path}: somebody else has written to it meanwhile; {_ONE_WRITER}") from None
        except sqlite3.Error as problem:
            self._tail = None  # read anew before the next write: nobody knows how far this one came
            raise JournalError(f"{self._path}: cannot be written ({problem}); {_remedy(problem)}") from None

    def _append(self, rows: list[Row]) -> None:
        seq, hash = self._tail if self._tail is not None else self._last_link()
        values: list[tuple[int, int, int, str, str, str, bytes]] = []
        for row in rows:
            seq, key, body = seq + 1, writable(row.key), encode(row.body).decode()
            hash = hash_of(hash, seq, row.at, self._epoch, row.kind, key, body)
            values.append((seq, row.at, self._epoch, row.kind, key, body, hash))
        inputs = [kept for row in rows for kept in row.inputs]
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if inputs:
                put(self._connection, inputs)
        self._tail = Link(seq, hash)

    def _last_link(self) -> Link:
        """Where the next row is joined on. A later start's rows are not gone on with: its lock was taken away, and the
        book is not ours any more."""
        last = newest_epoch(self._connection)
        if self._epoch and last > self._epoch:
            raise JournalError(f"{self._path}: a later start (epoch {last}) writes to it; {_ONE_WRITER}")
        return tail(self._connection)

    def latch(self, reason: str) -> None:
        """Put a halt on disk where its row cannot be written: the kill file beside the journal is the latch then, and
        the next start begins halted by it. Raises JournalError where the directory refuses that too.

        Where a later start writes to it, it is left alone: our end is no reason for its."""
        with suppress(sqlite3.Error):
            if 0 < self._epoch < newest_epoch(self._connection):
                return
        KillFile(self._path.parent).latch(reason)

    def _killed(self) -> str | None:
        kill = KillFile(self._path.parent)
        return kill.reason() if kill.exists() else None

    def rows(self, kind: str, key: str | None = None) -> Iterator[tuple[int, str, str]]:
        """(at, key, body) of each row of a kind, oldest first; with `key`, of that key only."""
        where, values = ("kind = ?", (kind,)) if key is None else ("kind = ? AND key = ?", (kind, key))
        with self._reading():
            yield from self._connection.execute(f"SELECT at, key, body FROM events WHERE {where} ORDER BY seq", values)  # noqa: S608

    def latest(self, kind: str) -> dict[str, str]:
        """The newest body of each key of a kind."""
        with self._reading():
            return latest_of(self._connection, kind)

    def between(self, since_at: int, until_at: int, kinds: tuple[str, ...]) -> list[Told]:
        """The rows of some kinds with a moment in a span, oldest first; both ends are in it."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT {_TOLD} FROM events WHERE kind IN ({marks}) AND at BETWEEN ? AND ? ORDER BY seq"  # noqa: S608
        with self._reading():
            return [Told(*row) for row in self._connection.execute(query, (*kinds, since_at, until_at))]

    def told(self, kind: str, key: str) -> list[Told]:
        """The rows of a kind and key, oldest first."""
        query = f"SELECT {_TOLD} FROM events WHERE kind = ? AND key = ? ORDER BY seq"  # noqa: S608
        with self._reading():
            return [Told(*row) for row in self._connection.execute(query, (kind, key))]

    def facts(self, digest: str) -> Facts | None:
        """What a decision was made on, None where it is not kept any more; raises JournalError where it is damaged."""
        try:
            return facts_of(self._connection, digest)
        except _UNUSABLE as problem:
            told = f"{type(problem).__name__}: {problem}"
            raise JournalError(f"{self._path}: the input {digest[:12]} cannot be used ({told})") from None

    def starts(self) -> list[Start]:
        """The last hundred starts, the newest first."""
        with self._reading():
            return newest_starts(self._connection)

    def counts(self) -> list[tuple[str, int, int, int]]:
        """(kind, rows, first at, last at) of each kind, and of the inputs that are kept."""
        events = "SELECT kind, count(*), min(at), max(at) FROM events GROUP BY kind ORDER BY kind"
        inputs = "SELECT '(inputs)', count(*), min(at), max(at) FROM inputs HAVING count(*) > 0"
        with self._reading():
            held = version_of(self._connection) != 1
            return [row for query in (events, *([inputs] if held else [])) for row in self._connection.execute(query)]

    def size(self) -> int:
        """Bytes on the disk, with what SQLite keeps beside the file."""
        return sum(path.stat().st_size for path in files_of(self._path) if path.exists())

    def halted(self) -> str | None:
        """Why the hedger is halted; None if it is not, or a person has lifted it since."""
        with self._reading():
            return halted_by(self._connection)

    def paused(self) -> str | None:
        """Why a person paused the hedger; None if nobody did, or it was ended since."""
        with self._reading():
            return paused_by(self._connection)

    def flattening(self) -> dict[str, Flatten]:
        """The hedges that a person flattened and nobody unpaused since."""
        with self._reading():
            return flattening_of(self._connection)

    def memories(self) -> dict[str, HedgeState]:
        """What each hedge remembered when it last sent an order."""
        with self._reading():
            return memories_of(self._connection)

    def close(self) -> None:
        """Close the file; rows that were written are on disk."""
        with suppress(JournalError):  # the note of the start still stands
            self._note_head()
        self._connection.close()

    def _note_head(self) -> None:
        """Note how far this epoch has come; a journal that is only looked at notes nothing."""
        if self._epoch and self._tail is not None:
            try:
                note_head(self._path.parent, Head(self._epoch, self._tail), durable=self._durable)
            except OSError as problem:
                raise JournalError(f"{self._path.parent}: cannot be written ({problem}); {_remedy(problem)}") from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What cannot be read is told in a sentence: nothing of it is guessed or left out."""
        try:
            yield
        except (sqlite3.Error, ValidationError) as problem:
            raise JournalError(f"{self._path}: cannot be read ({type(problem).__name__}); restore it") from None


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
    if version_of(connection) is None and read_only:
        raise sqlite3.DatabaseError("it is not a journal")
    if not read_only:
        path.chmod(0o600)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        bring_up_to_date(connection, path)


def _remedy(problem: Exception) -> str:
    text = str(problem)
    if "no journal here" in text:
        return "no hedger has run on this directory yet, or another was meant: name it with -c or --state-dir"
    if "full" in text:
        return "free space on the disk; nothing is created until then"
    if "locked" in text:
        return "another program holds it open; close that"
    if "newer" in text or "not a database" in text or "not a journal" in text:
        return "use the hedger that wrote it, or move it away to begin a new one"
    return "check the disk and the file's owner and permissions"
