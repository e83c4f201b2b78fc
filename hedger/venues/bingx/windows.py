"""Lists that the venue cuts at a number of rows, in an order that it does not promise: asked for by shorter times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hedger.errors import AskAgain

T = TypeVar("T")
# Seven days are the most that one question may span (109400 for more), and whoever asks widens a window at both ends.
WEEK_MS = 7 * 24 * 3_600_000 - 60_000
MOST_WINDOWS = 400
# Five questions a second are allowed of each kind; who asks more is shut out for minutes.
PACE_S = 0.25


async def whole(
    what: str,
    since_at: int,
    until_at: int,
    page: int,
    ask: Callable[[int, int], Awaitable[list[T]]],
    rest: Callable[[float], Awaitable[None]],
) -> list[T]:
    """Every row from `since_at` to `until_at`, both included, in windows of a week at most, with a `rest` between two.

    A window with a full page is halved until none is full; AskAgain where even a moment is, or after too many.
    """
    left = [(at, min(at + WEEK_MS, until_at)) for at in range(since_at, until_at + 1, WEEK_MS)]
    found: list[T] = []
    for asked in range(MOST_WINDOWS):
        if not left:
            return found
        if asked:
            await rest(PACE_S)
        start, end = left.pop()
        rows = await ask(start, end)
        if len(rows) < page:
            found += rows
        elif end <= start:
            raise AskAgain(f"bingx: {what}: more than {page} rows of one moment, {start}.")
        else:
            middle = (start + end) // 2
            left += [(start, middle), (middle + 1, end)]
    raise AskAgain(f"bingx: {what}: more than {MOST_WINDOWS} windows since {since_at}.")
