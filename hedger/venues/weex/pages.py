"""WEEX's lists of orders, page by page, and an order looked up in them by our id.

The venue finds a contract's order by its own id only (documented), so one that it did not acknowledge is looked for
among the open orders and then in the history: an order that is in neither of two whole lists is not known there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hedger.errors import AskAgain
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.weex.codes import CONTRACT, NO_SUCH_ORDER
from hedger.venues.weex.payloads import OrderRecord, Row
from hedger.venues.wire import reader

OPEN_PAGE, PAST_PAGE = 100, 500
MOST_PAGES = 20
# How far back the history is looked through: our orders live for minutes.
PAST_MS = 7 * 24 * 3_600_000

_read_rows: Understand[list[Row]] = reader(list[Row])
_read_record: Understand[OrderRecord] = reader(OrderRecord)
Wanted = Callable[[Row], bool]


async def open_orders(link: Link, symbol: str | None = None) -> list[Row]:
    """Every open order of a contract, or of all, unread. Where there is more than one page, an order that ends while
    they are read moves the others up by one, past the end of a page: so all are read twice, and must be the same;
    AskAgain otherwise."""
    method, params = link.client.contractprivate_get_capi_v3_openorders, {"symbol": symbol} if symbol else {}
    rows = await _all(link, "open orders", method, params, OPEN_PAGE)
    if len(rows) >= OPEN_PAGE:
        again = await _all(link, "open orders", method, params, OPEN_PAGE)
        if {_id(row) for row in rows} != {_id(row) for row in again}:
            raise AskAgain("weex: open orders: they changed while their pages were read.")
    return rows


async def find_row(link: Link, symbol: str, client_order_id: str, venue_order_id: str | None) -> OrderRecord | None:
    """The record of an order by our id; None where the venue has none in its lists."""

    def ours(row: Row) -> bool:
        return (row.model_extra or {}).get("clientOrderId") == client_order_id

    found = [row for row in await open_orders(link, symbol) if ours(row)]
    if not found and venue_order_id is not None:
        record = await order_by_venue_id(link, venue_order_id)
        if record is not None:
            return record
    if not found:
        method, now = link.client.contractprivate_get_capi_v3_order_history, link.venue_now()
        params = {"symbol": symbol, "startTime": now - PAST_MS, "endTime": now}
        found = [row for row in await _all(link, "order history", method, params, PAST_PAGE, ours) if ours(row)]
    if len(found) > 1:
        raise AskAgain(f"weex: order by our id: {len(found)} orders have the id {client_order_id}.")
    return _understood(found[0]) if found else None


async def order_by_venue_id(link: Link, venue_order_id: str) -> OrderRecord | None:
    """The record of an order by the venue's id; None where it says that it knows none."""

    def understand(payload: Any) -> OrderRecord:
        record = _read_record(payload)
        if record.orderId != venue_order_id:
            raise ValueError("the record is of another order")
        return record

    call = partial(link.client.contractprivate_get_capi_v3_order, {"orderId": venue_order_id})
    return await link.asker.ask("order", call, understand, host=link.hosts[CONTRACT], absent=NO_SUCH_ORDER)


def _id(row: Row) -> str:
    return str((row.model_extra or {}).get("orderId"))


def _understood(row: Row) -> OrderRecord:
    try:
        return _read_record(row.model_dump())
    except ValueError:
        raise AskAgain("weex: order by our id: its record is not understood.") from None


async def _all(
    link: Link, what: str, method: Any, params: dict[str, Any], size: int, wanted: Wanted | None = None
) -> list[Row]:
    """The rows of every page, or up to that on which a wanted one stands; AskAgain where a page repeats."""
    found: list[Row] = []
    seen: set[str] = set()
    for page in range(MOST_PAGES):
        call = partial(method, {**params, "limit": size, "page": page})
        rows = await link.asker.need(what, call, _read_rows, host=link.hosts[CONTRACT])
        names = [_id(row) for row in rows]
        if len(set(names)) != len(names) or seen & set(names):
            raise AskAgain(f"weex: {what}: an order is listed twice, so the list may be cut.")
        seen.update(names)
        found += rows
        if len(rows) < size or (wanted is not None and any(wanted(row) for row in rows)):
            return found
    raise AskAgain(f"weex: {what}: more than {MOST_PAGES} pages.")
