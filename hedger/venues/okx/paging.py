"""Lists of OKX's that come in pages, newest first, each page after the oldest row of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from hedger.errors import AskAgain
from hedger.venues.link import Link
from hedger.venues.okx.codes import REST

T = TypeVar("T")
PAGE = 100
MOST_PAGES = 200


async def whole_list(
    link: Link,
    what: str,
    method: Any,
    params: dict[str, Any],
    read: Callable[[Any], Sequence[T]],
    id_of: Callable[[T], str],
    pause_s: float = 0.0,
) -> list[T]:
    """Every row, by the ids that the venue pages by; AskAgain where a page repeats or the list has no end.

    `pause_s` lies before each further page, where the venue limits the list by itself.
    """
    found: dict[str, T] = {}
    cursor: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        if cursor and pause_s:
            await link.clock.sleep(pause_s)
        asked = {**params, "limit": str(PAGE), **cursor}
        rows = await link.asker.need(what, partial(method, asked), read, host=link.hosts[REST])
        page = {id_of(row): row for row in rows}
        if len(page) != len(rows) or page.keys() & found.keys():
            raise AskAgain(f"okx: {what}: a row comes twice, so the list may be cut.")
        found |= page
        if len(rows) < PAGE:
            return list(found.values())
        cursor = {"after": min(page, key=int)}
    raise AskAgain(f"okx: {what}: more than {MOST_PAGES} pages.")
