"""The books in the journal: a row for each day, account and hedge, and one of what is carried to the next reading.

The newest row of a key is its present state. They are written every half hour, with each fill and payment, at the end
of a day and at a clean stop. A crash in between loses only how fine the intervals were: the next start goes on from the
standing that was carried last, and what prices did meanwhile belongs to the interval that its first reading closes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter

from hedger.engine.known.book import Book, Carry, DayRow
from hedger.engine.known.state import State
from hedger.model.spans import DAY_MS

_CARRIED = "SELECT key, body FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'book' GROUP BY key)"
_OF_DAY = """
SELECT body FROM events
WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'pnl' AND key >= ? AND key < ? GROUP BY key)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """The body of a `book` row: what is carried, and the day whose sums go with it."""

    day: int
    carry: Carry


def book_rows(before: State, after: State, *, everything: bool) -> Iterator[tuple[str, str, object]]:
    """(kind, key, body) of the books that are due, or of `everything` that is in them."""
    if after.books is before.books and not everything:
        return
    for account, book in after.books.items():
        was = before.books.get(account)
        ended = book.ended if was is None or was.ended is not book.ended else ()
        if everything or was is None or was.kept_at != book.kept_at or ended:
            yield from (("pnl", key_of(row), row) for row in (*ended, *book.rows.values()))
            yield "book", account, Kept(book.day, book.carry)


def key_of(row: DayRow) -> str:
    """`2026-01-31/account/hedge`; what belongs to no hedge has an empty last part."""
    return f"{date_of(row.day)}/{row.account}/{row.hedge}"


def date_of(day: int) -> str:
    """A day since 1970 as a date."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()


def books_of(connection: sqlite3.Connection) -> dict[str, Book]:
    """The books as the newest rows have them, by account."""
    return {account: _book(connection, account, body) for account, body in connection.execute(_CARRIED)}


def _book(connection: sqlite3.Connection, account: str, body: str) -> Book:
    kept = _KEPT.validate_json(body)
    prefix = f"{date_of(kept.day)}/{account}/"
    rows = [_ROW.validate_json(row) for (row,) in connection.execute(_OF_DAY, (prefix, prefix[:-1] + "0"))]
    return Book(carry=kept.carry, day=kept.day, rows={row.hedge: row for row in rows}, kept_at=kept.carry.last.at)


def day_row(body: str) -> DayRow:
    """A row's body as it was written; raises ValueError for another one."""
    return _ROW.validate_json(body)


_KEPT = TypeAdapter(Kept)
_ROW = TypeAdapter(DayRow)
