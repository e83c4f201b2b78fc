"""Bybit's answers opened: the result inside, and lists followed to their last page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from hedger.errors import AskAgain
from hedger.venues.asking import Understand
from hedger.venues.bybit.codes import API
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.speech import Code
from hedger.venues.wire import Moment, Payload, reader

Method = Callable[[dict[str, Any]], Awaitable[Any]]
MOST_PAGES = 200


class Envelope(Payload):
    """What every answer has: no complaint, the result, and when the venue answered."""

    retCode: Literal[0]
    result: dict[str, Any]
    time: Moment


class _Page(Payload):
    rows: Annotated[list[dict[str, Any]], Field(alias="list")]
    nextPageCursor: str | None = None


read_envelope: Understand[Envelope] = reader(Envelope)
_read_page: Understand[_Page] = reader(_Page)


def rows_of(payload: Any) -> list[dict[str, Any]]:
    """The rows of a list, unread; ValueError for what is none."""
    return _read_page(read_envelope(payload).result).rows


def host_of(link: Link) -> str:
    """The host of every question."""
    return link.hosts[API]


async def ask_rows(
    link: Link,
    what: str,
    method: Method,
    params: dict[str, Any],
    *,
    lane: Lane = Lane.RECONCILE,
    absent: frozenset[Code] = frozenset(),
) -> list[dict[str, Any]] | None:
    """Every row of a list, unread; None for a code in `absent`.

    The venue gives a cursor with its last rows too, so it is followed until there is none or a page is empty. A cursor
    that comes twice would never end: AskAgain, as for more pages than anybody has.
    """
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    asked = dict(params)
    for _ in range(MOST_PAGES):
        page = await _one_page(link, what, method, asked, lane, absent)
        if page is None:
            return None
        found += page.rows
        cursor = page.nextPageCursor or ""
        if not page.rows or not cursor:
            return found
        if cursor in seen:
            raise AskAgain(f"bybit: {what}: a cursor repeats, so the list may be cut.")
        seen.add(cursor)
        asked = {**params, "cursor": cursor}
    raise AskAgain(f"bybit: {what}: more than {MOST_PAGES} pages.")


async def need_rows(
    link: Link, what: str, method: Method, params: dict[str, Any], *, lane: Lane = Lane.RECONCILE
) -> list[dict[str, Any]]:
    """As `ask_rows`, where no answer is none."""
    return await ask_rows(link, what, method, params, lane=lane) or []


async def _one_page(
    link: Link, what: str, method: Method, params: dict[str, Any], lane: Lane, absent: frozenset[Code]
) -> _Page | None:
    return await link.asker.ask(
        what,
        lambda: method(dict(params)),
        lambda payload: _read_page(read_envelope(payload).result),
        host=host_of(link),
        lane=lane,
        absent=absent,
    )
