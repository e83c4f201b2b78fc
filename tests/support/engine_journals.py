"""A journal that a test can break: every write fails while it is broken."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row


class BreakableJournal(Journal):
    """A real journal with a switch. `written` counts the rows that reached the disk, `refused` the failed writes."""

    broken = False
    written = 0
    refused = 0

    @classmethod
    def at(cls, directory: Path) -> BreakableJournal:
        opened = Journal.open(directory)
        return cls(opened._path, opened._connection)

    def write(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if self.broken and rows:
            self.refused += 1
            raise JournalError("the disk is full in this test")
        self.written += len(rows)
        super().write(rows)
