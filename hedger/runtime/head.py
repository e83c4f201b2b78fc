"""How far the journal had come, noted beside it at each start and stop: a journal that ends before that lost its end.

This sees what the chain cannot: an old copy that was put back, or an end that was cut off. Rows written after the last
note are beyond it; for those, an order at the venue that the journal does not know halts the hedger.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from hedger.runtime.chain import Link, tail

NAME = "journal.head"


class Head(NamedTuple):
    """The newest epoch and link at the time of the note."""

    epoch: int
    link: Link


def note_head(directory: Path, head: Head, *, durable: bool) -> None:
    """Write the note in place of the one before it; raises OSError."""
    path = directory / NAME
    making = path.with_name(NAME + ".making")
    text = json.dumps({"epoch": head.epoch, "seq": head.link.seq, "hash": head.link.hash.hex()})
    with open(making, "w", encoding="ascii", opener=_for_the_owner) as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    making.replace(path)


def noted_head(directory: Path) -> Head | None:
    """The note, None where there is none or it cannot be read: then nothing is known."""
    try:
        known = json.loads((directory / NAME).read_text(encoding="ascii"))
        return Head(int(known["epoch"]), Link(int(known["seq"]), bytes.fromhex(known["hash"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def lost_end(connection: sqlite3.Connection, head: Head | None) -> str | None:
    """What to tell where a journal does not have the row of the note, None where it has."""
    if head is None or tail(connection, head.link.seq) == head.link:
        return None
    return (
        f"the journal lacks row {head.link.seq}, which an earlier start had written: an old copy was put back, or its "
        "end is lost; look at the venue's orders and the limits of the day"
    )


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
