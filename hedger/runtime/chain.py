"""The chain over the journal's rows: each row's hash covers the hash before it, so no row can change unseen.

What a chain cannot show is a missing end: rows that were cut off leave a whole, shorter chain. That is found at the
venue, where an order of ours that the journal does not know, of its epoch or a later one, halts the hedger.
"""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import NamedTuple

GENESIS = bytes(32)

_ROWS = "SELECT seq, at, epoch, kind, key, body, hash FROM events WHERE seq > ? ORDER BY seq"
_TAIL = "SELECT seq, hash FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT 1"
_LAST_SEQ = 2**63 - 1


class Link(NamedTuple):
    """A place in the chain: the number of a row and its hash."""

    seq: int
    hash: bytes


def hash_of(previous: bytes, seq: int, at: int, epoch: int, kind: str, key: str, body: str) -> bytes:
    """The hash of a row. The lengths make it plain where one part ends and the next begins."""
    text = f"{seq} {at} {epoch} {len(kind)} {len(key)} {kind}{key}{body}"
    return sha256(previous + text.encode()).digest()


def tail(connection: sqlite3.Connection, up_to: int = _LAST_SEQ) -> Link:
    """The last link at or before a row; before the first row there is the genesis, all zeros."""
    row = connection.execute(_TAIL, (up_to,)).fetchone()
    return Link(*row) if row is not None else Link(0, GENESIS)


def first_broken(connection: sqlite3.Connection, newest: int | None = None) -> int | None:
    """The number of the first row that is not what was written, None if every row is.

    With `newest` only so many rows at the end are looked at, and the one before them is taken at its word.
    """
    seq, previous = (0, GENESIS) if newest is None else tail(connection, tail(connection).seq - newest)
    for row in connection.execute(_ROWS, (seq,)):
        if None in row or hash_of(previous, *row[:6]) != row[6]:  # a torn page has rows without columns
            return int(row[0])
        previous = row[6]
    return None
