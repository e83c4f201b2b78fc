"""Which epoch a start begins: one more than any that is known, and never one that a lost journal may have used."""

from __future__ import annotations

import sqlite3

from hedger.model.identity import MAX_EPOCH
from hedger.runtime.head import Head

_BEGUN_AT = 1_704_067_200_000  # 1 January 2024
_EACH_MS = 600_000


def last_epoch(connection: sqlite3.Connection) -> int:
    """The newest epoch of all rows, 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(epoch), 0) FROM events").fetchone()[0])


def next_epoch(connection: sqlite3.Connection, noted: Head | None, now: int) -> tuple[int, int]:
    """(the first epoch that this journal or its note knows, the one that begins now).

    A journal without rows begins with the number of ten-minute spans since 2024. If there was one before it that is
    lost, with the ids that it used, it was started less often than that, so none of those ids is used again; four
    digits last until 2055.
    """
    oldest, newest = connection.execute("SELECT min(epoch), max(epoch) FROM events").fetchone()
    known = [epoch for epoch in (oldest, newest, noted.epoch if noted is not None else None) if epoch is not None]
    if known:
        return min(known), max(known) + 1
    begins = min(max((now - _BEGUN_AT) // _EACH_MS, 1), MAX_EPOCH)
    return begins, begins
