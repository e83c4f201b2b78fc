"""The starts that a journal tells of: how each ended, and whether they crash in a loop."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

MOST_CRASHES = 5
WITHIN_MS = 21_600_000
LONG_RUN_MS = 300_000

# Each start with its end: the row before the next start, or the newest row.
_STARTS = """
SELECT epoch, at, seq, coalesce(lead(seq) OVER (ORDER BY seq) - 1, (SELECT max(seq) FROM events))
FROM events WHERE kind = 'start' ORDER BY seq
"""
_NEWEST_STARTS = f"SELECT * FROM ({_STARTS}) ORDER BY 3 DESC LIMIT 100"  # noqa: S608
_LIFTED = "SELECT coalesce(max(seq), 0) FROM events WHERE kind = 'resume'"
_HAS = "SELECT EXISTS (SELECT 1 FROM events WHERE kind = ? AND seq BETWEEN ? AND ?)"
_AT = "SELECT at FROM events WHERE seq = ?"


class Start(NamedTuple):
    """One start: `prepared` if it reached the venues and put them in order, `clean` if it stopped in order.

    `ended_at` is its last row's moment, so it ran at least until then: once it has run for long, a row says so.
    """

    epoch: int
    at: int
    ended_at: int
    prepared: bool
    clean: bool
    seq: int

    @property
    def crashed(self) -> bool:
        """Whether it got to work and was gone soon after, not in order."""
        return self.prepared and not self.clean and self.ended_at - self.at < LONG_RUN_MS


def newest_starts(connection: sqlite3.Connection) -> list[Start]:
    """The last hundred starts, the newest first."""
    return [_start(connection, *row) for row in connection.execute(_NEWEST_STARTS).fetchall()]


def crash_loop(connection: sqlite3.Connection, now: int) -> str | None:
    """Why nothing may be created any more, where too many starts in a row crashed soon after they began.

    How far apart they are does not matter, up to some hours: a bug may take minutes to strike, and whatever starts it
    again may wait. A start that stopped in order or ran for long ends the row, and so does a person who lifts a halt.
    A start that never reached its venues (no network, wrong keys) sent nothing and is not counted.
    """
    lifted, crashes = connection.execute(_LIFTED).fetchone()[0], 0
    for start in newest_starts(connection):
        if start.seq < lifted or not now - WITHIN_MS < start.at <= now:
            break
        if start.prepared and not start.crashed:
            break
        crashes += start.crashed
    if crashes <= MOST_CRASHES:
        return None
    minutes, hours = LONG_RUN_MS // 60_000, WITHIN_MS // 3_600_000
    return (
        f"{crashes} starts in a row within {hours} hours crashed before they had run for {minutes} minutes: find out "
        "why before it is tried again"
    )


def _start(connection: sqlite3.Connection, epoch: int, at: int, seq: int, last: int) -> Start:
    ended_at = connection.execute(_AT, (last,)).fetchone()[0]
    prepared, clean = (bool(connection.execute(_HAS, (kind, seq, last)).fetchone()[0]) for kind in ("prepared", "stop"))
    return Start(epoch, at, ended_at, prepared, clean, seq)
