"""What the watchdog asks of MEXC with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.model.order import ReportStatus
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.asking import Understand
from hedger.venues.listing import name_there
from hedger.venues.mexc.answers import Page, Row, answered, is_good, page_of
from hedger.venues.mexc.codes import NO_SUCH_ORDER
from hedger.venues.mexc.orders import says_none
from hedger.venues.mexc.paging import SIZE
from hedger.venues.mexc.parse import status_of
from hedger.venues.mexc.payloads import OrderRecord
from hedger.venues.speech import Code
from hedger.venues.wire import reader

_ENDED = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})
_read_record: Understand[OrderRecord] = answered(OrderRecord)
_read_rows: Understand[list[Row]] = reader(list[Row])
MOST_PAGES = 3


class MexcEmergency:
    """Orders on contracts, by our id."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_name(client, symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.contract_public_get_ping()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        now = answer.get("data") if is_good(answer) else None
        return int(now) if isinstance(now, int | str) and str(now).isdecimal() else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        params = {"symbol": raw_name(client, order.symbol), "externalOid": order.client_order_id}
        found: Awaitable[Any] = client.contract_private_post_order_cancel_with_external(params)
        return found

    async def find(self, client: Any, order: LiveOrder) -> Any:
        """Ask for the record of an order by our id.

        What the venue says of it, "none" above all, is believed only where it does not list it as open either:
        ValueError where it does, or where the list is not whole.
        """
        await _assert_not_open(client, order)
        params = {"symbol": raw_name(client, order.symbol), "external_oid": order.client_order_id}
        return await client.contract_private_get_order_external_symbol_external_oid(params)

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""
        try:
            record = _read_record(answer)
        except (ValueError, ArithmeticError):  # The answer to a cancel is no record.
            return False
        return record.externalOid == order.client_order_id and status_of(record.state, record.dealVol) in _ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order."""
        return code in NO_SUCH_ORDER or (code is None and says_none(answer))


async def _assert_not_open(client: Any, order: LiveOrder) -> None:
    found = 0
    for number in range(1, MOST_PAGES + 1):
        query = {"page_num": number, "page_size": SIZE}
        page: Page = page_of(await client.contract_private_get_order_list_open_orders(query), _read_rows)
        if any((row.model_extra or {}).get("externalOid") == order.client_order_id for row in page.rows):
            raise ValueError("the order is listed as open")
        found += len(page.rows)
        if len(page.rows) < SIZE:
            if found < (page.total or 0):
                raise ValueError(f"{found} open orders came of {page.total}")
            return
    raise ValueError(f"more than {MOST_PAGES} pages of open orders")


def raw_name(client: Any, symbol: str) -> str:
    """MEXC's own name of a contract: `BTC/USDT:USDT` is BTC_USDT there. A few coins have another name in ccxt."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    return f"{name_there(client, base)}_{name_there(client, quote)}"
