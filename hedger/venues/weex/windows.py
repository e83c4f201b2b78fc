"""WEEX's lists of what happened, which are cut at a number of rows: asked for by shorter times until none is full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hedger.errors import AskAgain

T = TypeVar("T")
WEEK_MS = 7 * 24 * 3_600_000
MOST_WINDOWS = 400


async def whole(
    what: str, since_at: int, until_at: int, ask: Callable[[int, int], Awaitable[tuple[list[T], bool]]]
) -> list[T]:
    """Every row from `since_at` to `until_at`, both included, in windows of a week at most.

    `ask` says whether its answer may be cut; such a window is halved. AskAgain where even a moment is cut, or after too
    many windows.
    """
    left = [(at, min(at + WEEK_MS - 1, until_at)) for at in range(since_at, until_at + 1, WEEK_MS)]
    found: list[T] = []
    for _ in range(MOST_WINDOWS):
        if not left:
            return found
        start, end = left.pop()
        rows, cut = await ask(start, end)
        if not cut:
            found += rows
        elif end <= start:
            raise AskAgain(f"weex: {what}: more rows of one moment, {start}, than the venue tells.")
        else:
            middle = (start + end) // 2
            left += [(start, middle), (middle + 1, end)]
    raise AskAgain(f"weex: {what}: more than {MOST_WINDOWS} windows since {since_at}.")
