"""Which ids a start begins with: an epoch after any that is known, and a place in it that the clock gives, so that no
start uses the ids of one whose journal is lost."""

from __future__ import annotations

import sqlite3

from hedger.model.identity import MAX_EPOCH
from hedger.runtime.head import Head

_BEGUN_AT = 1_704_067_200_000  # 1 January 2024
_EACH_MS = 600_000
_IDS_PER_MS = 3_600  # so that the last millisecond of a span still has room for sixteen million ids


def last_epoch(connection: sqlite3.Connection) -> int:
    """The newest epoch of all rows, 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(epoch), 0) FROM events").fetchone()[0])


def newest_epoch(connection: sqlite3.Connection) -> int:
    """That of the last row that a start wrote, 0 without one; at once, however long the journal is."""
    row = connection.execute("SELECT epoch FROM events WHERE epoch > 0 ORDER BY seq DESC LIMIT 1").fetchone()
    return 0 if row is None else int(row[0])


def next_epoch(connection: sqlite3.Connection, noted: Head | None, now: int) -> tuple[int, int]:
    """(the first epoch that this journal or its note knows, the one that begins now).

    A journal without rows begins with the number of ten-minute spans since 2024; four digits last until 2055. Another
    journal, which is lost, may have used this epoch as well, when it began within the same span or was started more
    often than every ten minutes: `first_sequence` keeps their ids apart.

    Rows of epoch 0 are no start's: a person lifted a halt while no hedger ran. Counted, they would make every older
    order of ours one of this journal's.
    """
    oldest, newest = connection.execute("SELECT min(epoch), max(epoch) FROM events WHERE epoch > 0").fetchone()
    known = [epoch for epoch in (oldest, newest, noted.epoch if noted is not None else None) if epoch is not None]
    if known:
        return min(known), max(known) + 1
    begins = min(max((now - _BEGUN_AT) // _EACH_MS, 1), MAX_EPOCH)
    return begins, begins


def first_sequence(now: int) -> int:
    """The number of the first id of a start: its millisecond within the ten-minute span, times more ids than are used.

    Two starts with the same epoch, of which one does not know the other, use the same ids only if they also began in
    the same millisecond of a span.
    """
    return max(now - _BEGUN_AT, 0) % _EACH_MS * _IDS_PER_MS + 1
