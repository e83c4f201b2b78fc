"""Lists that the venue sends page by page, the newest rows first: followed to their end, or not believed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from hedger.errors import AskAgain
from hedger.venues.mexc.answers import Page

T = TypeVar("T")
SIZE = 100
MOST_PAGES = 100


async def whole(
    what: str,
    ask: Callable[[int], Awaitable[Page]],
    key: Callable[[T], Hashable],
    at: Callable[[T], int] | None = None,
    since_at: int = 0,
) -> list[T]:
    """Every row, each once by `key`, asked for by the number of the page.

    A page that is full is followed, unless it goes back to before `since_at` by the times of its rows (`at`). AskAgain
    where a full page tells nothing new, where there are fewer rows than the venue counts, or after too many pages.
    """
    found: dict[Hashable, T] = {}
    for number in range(1, MOST_PAGES + 1):
        page = await ask(number)
        new = {key(row): row for row in page.rows if key(row) not in found}
        found |= new
        if at is not None and page.rows and at(page.rows[-1]) < min(since_at, at(page.rows[0]) + 1):
            return list(found.values())
        if len(page.rows) < SIZE:
            if page.total is not None and len(found) < page.total:
                raise AskAgain(f"mexc: {what}: {len(found)} rows came of {page.total}.")
            return list(found.values())
        if not new:
            raise AskAgain(f"mexc: {what}: a page repeats, so the list may be cut.")
    raise AskAgain(f"mexc: {what}: more than {MOST_PAGES} pages.")
