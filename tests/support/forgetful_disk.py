"""A disk that forgets what was not synced: it writes down what SQLite does to each file, and what a power cut leaves.

SQLite runs here through a VFS that passes everything on and keeps a log. A cut at any place of the log leaves, of each
file, what was synced, and of what was written since then all, nothing, or some sectors of it in any order. A name in
the directory is sure to be there (or gone) only after the directory was synced, which SQLite does with the first sync
of a new log or rollback journal and with the deletion of one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import apsw

from hedger.errors import JournalError
from hedger.runtime import journal as journal_module
from hedger.runtime.head import NAME as HEAD
from hedger.runtime.journal import Journal, Row, Told
from hedger.runtime.memory import Recovered

SECTOR = 512
LATER = 2_000_000_000_000
ROWS = "SELECT seq, at, epoch, kind, key, body FROM events ORDER BY seq"


class Kind(StrEnum):
    """What SQLite did to a file; `returned` and `noted`: the journal said that rows are safe, or noted its end."""

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"
    RETURNED = "returned"
    NOTED = "noted"


class Op(NamedTuple):
    """One line of the log. `number` is a place in the file, its new size, or how many rows are safe by now."""

    kind: Kind
    file: str
    number: int = 0
    data: bytes = b""


class Leaving(StrEnum):
    """What a cut leaves of what was not synced."""

    NOTHING = "nothing"
    ALL = "all"
    SOME = "some"


class _File(apsw.VFSFile):
    """A file that writes down what is done to it."""

    def __init__(self, disk: ForgetfulDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.log.append(Op(Kind.WRITE, self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._disk.log.append(Op(Kind.TRUNCATE, self._name, size))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.log.append(Op(Kind.SYNC, self._name))


class ForgetfulDisk(apsw.VFS):
    """The VFS, and its log of what happened to the files of one directory."""

    def __init__(self, name: str) -> None:
        self.log: list[Op] = []
        self._known: set[str] = set()
        self.vfs_name = name
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        file = _File(self, name, flags)
        if file._name not in self._known:
            self._known.add(file._name)
            self.log.append(Op(Kind.CREATE, file._name))
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        name = Path(filename).name
        self._known.discard(name)
        self.log.append(Op(Kind.DELETE, name, int(syncdir)))

    def journal(self, directory: Path, *, synchronous: str) -> ForgetfulJournal:
        """The journal of a directory, set up by the journal's own code, on this disk."""
        path = directory / "journal.sqlite3"
        connection = cast("Any", _Connection(apsw.Connection(str(path), vfs=self.vfs_name)))
        path.touch()
        journal_module._set_up(connection, path, read_only=False)
        connection.execute("PRAGMA wal_autocheckpoint = 24")  # so that a short run has checkpoints too
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        made = ForgetfulJournal(path, connection)
        made.disk = self
        return made


class ForgetfulJournal(Journal):
    """A journal that writes down when it said that rows are safe, and what it notes beside itself."""

    disk: ForgetfulDisk

    def begin(self, now: int, start: object) -> Recovered:
        recovered = super().begin(now, start)
        self._write_down_note()
        return recovered

    def close(self) -> None:
        super().close()
        self._write_down_note()

    def _write_down_note(self) -> None:
        note = (self._path.parent / HEAD).read_bytes()
        self.disk.log.append(Op(Kind.NOTED, HEAD, data=note))

    def write(self, rows: Iterable[Row]) -> None:
        super().write(rows)
        count = self._connection.execute("SELECT count(*) FROM events").fetchone()[0]
        self.disk.log.append(Op(Kind.RETURNED, "", count))


class _Connection:
    """As much of `sqlite3.Connection` as the journal uses, over apsw."""

    def __init__(self, inner: apsw.Connection) -> None:
        self._inner = inner

    def execute(self, text: str, values: Any = ()) -> Any:
        return self._inner.execute(text, values)

    def executemany(self, text: str, rows: Iterable[Any]) -> Any:
        return self._inner.executemany(text, rows)

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, problem: object, *_: object) -> None:
        if self.in_transaction:
            self.execute("COMMIT" if problem is None else "ROLLBACK")

    def close(self) -> None:
        self._inner.close()


# --- power cuts -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Kept:
    """A file at a cut: what is sure of it, and what was done since."""

    sure: bytes = b""
    since: list[Op] = field(default_factory=list)
    named: bool = False
    deleted: bool = False

    def left(self, leaving: Leaving, chance: Random) -> bytes:
        if leaving is Leaving.NOTHING:
            return self.sure
        ops = self.since if leaving is Leaving.ALL else [op for whole in self.since for op in _torn(whole, chance)]
        return _applied(self.sure, ops)


def _torn(op: Op, chance: Random) -> Iterator[Op]:
    """Some sectors of a write, or none; a change of size happened or did not."""
    if op.kind is Kind.TRUNCATE:
        if chance.random() < 0.5:
            yield op
        return
    at = 0
    while at < len(op.data):
        length = min(SECTOR - (op.number + at) % SECTOR, len(op.data) - at)
        if chance.random() < 0.5:
            yield Op(Kind.WRITE, op.file, op.number + at, op.data[at : at + length])
        at += length


def _applied(content: bytes, ops: Iterable[Op]) -> bytes:
    made = bytearray(content)
    for op in ops:
        if op.kind is Kind.TRUNCATE:
            del made[op.number :]
            made.extend(bytes(op.number - len(made)))
        else:
            made.extend(bytes(max(0, op.number - len(made))))
            made[op.number : op.number + len(op.data)] = op.data
    return bytes(made)


def cut(log: Sequence[Op], place: int, leaving: Leaving, seed: int, into: Path) -> int:
    """Write what a power cut after `place` lines of the log leaves into a directory; how many rows were safe by then.

    The journal's own note of how far it is survives in its newest form: it must never be ahead of the journal.
    """
    files, safe = _files_at(log[:place])
    chance = Random(f"{place}/{seed}")
    into.mkdir(parents=True)
    for name, file in files.items():
        there = file.named or leaving is Leaving.ALL or (leaving is Leaving.SOME and chance.random() < 0.5)
        gone = file.deleted and (leaving is Leaving.ALL or (leaving is Leaving.SOME and chance.random() < 0.5))
        if there and not gone:
            (into / name).write_bytes(file.left(leaving, chance))
    note = next((op.data for op in reversed(log[:place]) if op.kind is Kind.NOTED), None)
    if note is not None:
        (into / HEAD).write_bytes(note)
    return safe


def every_cut(log: Sequence[Op]) -> list[tuple[int, Leaving]]:
    """Each place of the log, with each thing that a cut there may leave."""
    return [(place, leaving) for place in range(len(log) + 1) for leaving in Leaving]


class Found(StrEnum):
    """What a start finds after a power cut."""

    WHOLE = "whole"
    SHORTER = "shorter"
    HALTED = "halted"
    REFUSED = "refused"


def judge(rows: list[Told], log: Sequence[Op], place: int, leaving: Leaving, seed: int, into: Path) -> Found:
    """Start on what a cut leaves: every row that was called safe is there, and of a write that was under way all or
    nothing; or the start is halted or refused in a sentence. `rows` are all that were ever written. Raises
    AssertionError for a journal that is neither."""
    safe = cut(log, place, leaving, seed, into)
    whole = {0, *(op.number for op in log if op.kind is Kind.RETURNED)}
    try:
        with closing(Journal.open(into, durable=False)) as journal:
            found = _readable(journal)
            recovered = journal.begin(LATER, {})
    except JournalError:
        return Found.REFUSED
    assert found is not None, "a page that was torn is noticed"
    assert found == rows[: len(found)], "what is there is what was written"
    assert len(found) in whole, "a write is there whole or not at all"
    assert recovered.epoch > max((row.epoch for row in found), default=0)
    if recovered.halted is not None:
        return Found.HALTED
    return Found.WHOLE if len(found) >= safe else Found.SHORTER


def _readable(journal: Journal) -> list[Told] | None:
    """Every event of a journal; None where a disk that lies has torn a page, which the journal itself must notice."""
    try:
        return all_rows(journal)
    except sqlite3.DatabaseError:
        return None


def all_rows(journal: Journal) -> list[Told]:
    """Every event of a journal, oldest first."""
    return [Told(*row) for row in journal._connection.execute(ROWS)]


def _files_at(log: Iterable[Op]) -> tuple[dict[str, _Kept], int]:
    files: dict[str, _Kept] = {}
    safe = 0
    for op in log:
        match op.kind:
            case Kind.RETURNED:
                safe = op.number
            case Kind.CREATE:
                files[op.file] = _Kept()
            case Kind.DELETE:
                files[op.file].deleted = True
                if op.number:
                    _sync_directory(files)
            case Kind.SYNC:
                file = files[op.file]
                file.sure, file.since = _applied(file.sure, file.since), []
                if not file.named and op.file.endswith(("-wal", "-journal")):
                    _sync_directory(files)
            case Kind.WRITE | Kind.TRUNCATE:
                files[op.file].since.append(op)
            case Kind.NOTED:
                pass
    return files, safe


def _sync_directory(files: dict[str, _Kept]) -> None:
    for name in [name for name, file in files.items() if file.deleted]:
        del files[name]
    for file in files.values():
        file.named = True
