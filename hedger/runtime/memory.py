"""What a start remembers of the starts before it, read from the journal's rows; nothing is written here."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from hedger.engine.known.book import Book
from hedger.engine.known.latch import MOST_ACKNOWLEDGED, Flatten
from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import Order
from hedger.engine.known.state import HedgeState
from hedger.model.instrument import Instrument
from hedger.model.spans import DAY_MS
from hedger.runtime.kept_books import books_of

FUNDING_READ_BACK_MS = 86_400_000
FUNDING_KEPT_MS = 3 * FUNDING_READ_BACK_MS
# Venues keep what they paid for three months, and one refuses to be asked about more. A hedge without a position for so
# long, or an account that is configured no more, must not keep the others' payments from ever being booked again.
FUNDING_TOLD_MS = 85 * FUNDING_READ_BACK_MS

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
_LAST_AT = "SELECT coalesce((SELECT at FROM events ORDER BY seq DESC LIMIT 1), 0)"
_NEXT_DECISION = "SELECT coalesce(max(CAST(key AS INTEGER)), 0) + 1 FROM events WHERE kind = 'decision'"
_LATEST = "SELECT key, body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = ? GROUP BY key)"
# The rules of dated contracts as they were read last: no venue tells them once a contract has ended.
_DATED = """
SELECT body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'instrument' GROUP BY key)
AND json_extract(body, '$.expiry_at') IS NOT NULL
"""
_LAST_HALT = "SELECT kind, key FROM events WHERE kind IN ('halt', 'resume') ORDER BY seq DESC LIMIT 1"
_LAST_END = "SELECT kind FROM events WHERE kind IN ('start', 'stop') ORDER BY seq DESC LIMIT 1"
# The digest of the configuration that was in force last: that of the newest start which put its venues in order, or of
# a reload that came after it.
_IN_FORCE = """
SELECT CASE e.kind WHEN 'reload' THEN e.key ELSE coalesce(json_extract(e.body, '$.config'), '') END FROM events e
WHERE e.kind = 'reload'
   OR (e.kind = 'start' AND EXISTS (SELECT 1 FROM events p WHERE p.kind = 'prepared' AND p.epoch = e.epoch))
ORDER BY e.seq DESC LIMIT 1
"""
_LAST_RESUME = "SELECT coalesce(max(seq), 0) FROM events WHERE kind = 'resume'"
_LAST_PAUSE = """
SELECT key, body FROM events WHERE kind = 'operator' AND key IN ('pause', 'unpause', 'flatten_all')
ORDER BY seq DESC LIMIT 1
"""
# The flattens that nobody has lifted since, each as it was last.
_FLATTENS = """
SELECT key, body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'flatten' GROUP BY key)
AND seq > coalesce((SELECT max(seq) FROM events WHERE kind = 'operator' AND key = 'unpause'), 0)
"""
_ACKNOWLEDGED = """
SELECT substr(key, 13), max(at) FROM events WHERE kind = 'operator' AND key LIKE 'acknowledge/%'
GROUP BY key ORDER BY max(seq) DESC LIMIT ?
"""
_TRIPS = f"SELECT key, at FROM events WHERE kind = 'trip' AND seq > ({_LAST_RESUME}) AND at > ? ORDER BY seq"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a start needs from the starts before it. `clean` is False when the last one did not end in order;
    `filled_at` is when something of ours last filled, 0 for never; `last_at` is the last row's moment; `first_epoch` is
    the first that this journal knows. `next_sequence` is where the ids of this epoch begin. `trips` are, by account,
    the moments of the last day when a breaker tripped that no person has seen to since. `dated` are the rules of dated
    contracts as they were read last. `flattening` and `acknowledged` are what a person latched (`latch.py`).
    `in_force` is the digest of the configuration that was hedged by last, None where there was none yet."""

    epoch: int
    first_epoch: int
    clean: bool
    funding_since_at: int
    halted: str | None
    next_decision: int
    orders: tuple[Order, ...]
    ledgers: dict[str, Ledger]
    memories: dict[str, HedgeState]
    funding_seen: dict[str, frozenset[str]]
    filled_at: int = 0
    last_at: int = 0
    next_sequence: int = 1
    paused: str | None = None
    trips: dict[str, tuple[int, ...]] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    dated: tuple[Instrument, ...] = ()
    flattening: dict[str, Flatten] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    in_force: str | None = None


def recall(connection: sqlite3.Connection, now: int, *, epoch: int, first_epoch: int, next_sequence: int) -> Recovered:
    """Everything that the rows tell a start at `now`. Raises sqlite3.Error or ValueError for what cannot be read."""
    return Recovered(
        epoch=epoch,
        first_epoch=first_epoch,
        next_sequence=next_sequence,
        clean=_first(connection, _LAST_END) != "start",
        halted=halted_by(connection),
        paused=paused_by(connection),
        next_decision=int(_first(connection, _NEXT_DECISION)),
        orders=tuple(_ORDER.validate_json(body) for (body,) in connection.execute(_UNFINISHED)),
        filled_at=int(_first(connection, _LAST_FILLED)),
        last_at=int(_first(connection, _LAST_AT)),
        funding_since_at=max(int(_first(connection, _FUNDING_SINCE, FUNDING_READ_BACK_MS, now)), now - FUNDING_TOLD_MS),
        ledgers={key: _LEDGER.validate_json(body) for key, body in latest_of(connection, "ledger").items()},
        memories=memories_of(connection),
        funding_seen=_funding_seen(connection),
        trips=_trips(connection, now),
        books=books_of(connection),
        dated=tuple(_RULES.validate_json(body) for (body,) in connection.execute(_DATED)),
        flattening=flattening_of(connection),
        acknowledged=_acknowledged(connection),
        in_force=None if (row := connection.execute(_IN_FORCE).fetchone()) is None else str(row[0]),
    )


def latest_of(connection: sqlite3.Connection, kind: str) -> dict[str, str]:
    """The newest body of each key of a kind."""
    return dict(connection.execute(_LATEST, (kind,)))


def memories_of(connection: sqlite3.Connection) -> dict[str, HedgeState]:
    """What each hedge remembered last."""
    return {key: _MEMORY.validate_json(body) for key, body in latest_of(connection, "memory").items()}


def halted_by(connection: sqlite3.Connection) -> str | None:
    """Why the hedger is halted; None if it is not, or a person has lifted it since."""
    row = connection.execute(_LAST_HALT).fetchone()
    return str(row[1]) if row and row[0] == "halt" else None


def paused_by(connection: sqlite3.Connection) -> str | None:
    """Why a person paused it; None if nobody did, or it was ended since."""
    row = connection.execute(_LAST_PAUSE).fetchone()
    return str(json.loads(row[1])["reason"]) if row and row[0] != "unpause" else None


def flattening_of(connection: sqlite3.Connection) -> dict[str, Flatten]:
    """The hedges that a person flattened and nobody unpaused since."""
    return {key: _FLATTEN.validate_json(body) for key, body in connection.execute(_FLATTENS)}


def _acknowledged(connection: sqlite3.Connection) -> dict[str, int]:
    """When alarms were last said to have been seen, the oldest first."""
    newest = connection.execute(_ACKNOWLEDGED, (MOST_ACKNOWLEDGED,)).fetchall()
    return dict(reversed(newest))


def _trips(connection: sqlite3.Connection, now: int) -> dict[str, tuple[int, ...]]:
    """A moment that lies ahead, as after the clock was set back, counts as now."""
    trips: dict[str, tuple[int, ...]] = {}
    for account, at in connection.execute(_TRIPS, (now - DAY_MS,)):
        trips[account] = (*trips.get(account, ()), min(at, now))
    return trips


def _funding_seen(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    seen: dict[str, set[str]] = {}
    for (key,) in connection.execute(_FUNDING_KEYS, (FUNDING_KEPT_MS,)):
        account, _, payment_id = key.partition("/")
        seen.setdefault(account, set()).add(payment_id)
    return {account: frozenset(ids) for account, ids in seen.items()}


def _first(connection: sqlite3.Connection, query: str, *values: object) -> Any:
    """The first column of the first row, None without one."""
    row = connection.execute(query, values).fetchone()
    return None if row is None else row[0]


_ORDER = TypeAdapter(Order)
_RULES = TypeAdapter(Instrument)
_LEDGER = TypeAdapter(Ledger)
_MEMORY = TypeAdapter(HedgeState)
_FLATTEN = TypeAdapter(Flatten)
