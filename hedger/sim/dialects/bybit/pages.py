"""Pages of a list whose rows have descending numbers: a cursor names the first and the last row that were given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import unquote

from hedger.sim.dialects.bybit.refusals import ApiError

T = TypeVar("T")
_CURSOR = re.compile(r"\d+:0,(\d+):0")


def page(rows: Sequence[T], number: Callable[[T], int], limit: int, cursor: str | None) -> tuple[list[T], str]:
    """The rows of one page and the cursor of the next, which is empty only after an empty page.

    So it is on Bybit: the last rows come with a cursor too, and who follows it is given nothing.
    """
    if cursor is not None:
        below = _below(cursor)
        rows = [row for row in rows if number(row) < below]
    found = list(rows[:limit])
    return found, f"{number(found[0])}%3A0%2C{number(found[-1])}%3A0" if found else ""


def _below(cursor: str) -> int:
    match = _CURSOR.fullmatch(unquote(cursor))
    if match is None:
        raise ApiError(10001, "params error: cursor invalid")
    return int(match[1])
