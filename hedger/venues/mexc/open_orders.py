"""Every open order of a MEXC account, page by page."""

from __future__ import annotations

from functools import partial

from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.mexc.answers import Page, Row, page_of
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.paging import SIZE, whole
from hedger.venues.wire import reader

_read_rows: Understand[list[Row]] = reader(list[Row])


async def open_orders(link: Link) -> list[Row]:
    """Every open order of the account. Where there is more than one page, an order that ends while they are read moves
    the others up by one, past the end of a page: so all are read twice, and must be the same; ValueError otherwise."""
    rows = await _all(link)
    if len(rows) >= SIZE:
        again = await _all(link)
        if {_key(row) for row in rows} != {_key(row) for row in again}:
            raise ValueError("the open orders changed while their pages were read")
    return rows


async def _all(link: Link) -> list[Row]:
    method = link.client.contract_private_get_order_list_open_orders

    async def ask(number: int) -> Page:
        call = partial(method, {"page_num": number, "page_size": SIZE})
        page: Page = await link.asker.need(
            "open orders", call, lambda payload: page_of(payload, _read_rows), host=link.hosts[API]
        )
        return page

    return await whole("open orders", ask, _key)


def _key(row: Row) -> str:
    """The order of a row; ValueError where it names none."""
    told = row.model_dump().get("orderId")
    if not isinstance(told, str | int) or isinstance(told, bool) or not told:
        raise ValueError("an open order without a number")
    return str(told)
