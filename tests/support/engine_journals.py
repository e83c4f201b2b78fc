"""Journals that a test can break: one fails at every write, one is slow, one has what room the test says is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row
from hedger.sim.virtual_time import VirtualEventLoop


class BreakableJournal(Journal):
    """A real journal with a switch. `written` counts the rows that reached the disk, `refused` the failed writes.
    `unlatched` refuses the kill file as well."""

    broken = False
    unlatched = False
    written = 0
    refused = 0

    @classmethod
    def at(cls, directory: Path) -> BreakableJournal:
        return cls.open(directory)

    def write(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if self.broken and rows:
            self.refused += 1
            raise JournalError("the disk is full in this test")
        self.written += len(rows)
        super().write(rows)

    def latch(self, reason: str) -> None:
        if self.unlatched:
            raise JournalError("the directory is read-only in this test")
        super().latch(reason)


class SlowJournal(Journal):
    """A real journal whose commits take `seconds` of virtual time, in which nothing else happens."""

    seconds = 0.0

    @classmethod
    def at(cls, directory: Path) -> SlowJournal:
        return cls.open(directory)

    def write(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        super().write(rows)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualEventLoop)
        loop.pass_time(self.seconds if rows else 0.0)


class Disk:
    """How much room a journal is told that its disk has."""

    free = 10**12

    def journal(self, directory: Path) -> Journal:
        return Journal.open(directory, min_free_bytes=64_000_000, free=lambda _: self.free)
