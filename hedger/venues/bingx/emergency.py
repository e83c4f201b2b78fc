"""What the watchdog asks of BingX with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.model.order import ReportStatus
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.bingx.books import INVERSE, LINEAR, Book
from hedger.venues.bingx.codes import NO_SUCH_ORDER, status_of
from hedger.venues.bingx.listing import is_inverse, raw_name
from hedger.venues.speech import Code

_ENDED = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})


class BingxEmergency:
    """Orders on USDT-M and COIN-M contracts, by our id."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_name(client, symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.swap_v2_public_get_server_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        data = answer.get("data") if isinstance(answer, dict) else None
        now = data.get("serverTime") if isinstance(data, dict) else None
        return int(now) if isinstance(now, int | str) and str(now).isdecimal() else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        found: Awaitable[Any] = getattr(client, _book(order).cancel)(_query(client, order))
        return found

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the record of an order by our id."""
        found: Awaitable[Any] = getattr(client, _book(order).find)(_query(client, order))
        return found

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""
        data = answer.get("data") if isinstance(answer, dict) else None
        record = data.get("order", data) if isinstance(data, dict) else None
        if not isinstance(record, dict):
            return False
        names = {record.get(name) for name in ("clientOrderId", "clientOrderID")} - {None, ""}
        return names == {order.client_order_id} and status_of(str(record.get("status"))) in _ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order."""
        return code in NO_SUCH_ORDER


def _book(order: LiveOrder) -> Book:
    return INVERSE if is_inverse(order.symbol) else LINEAR


def _query(client: Any, order: LiveOrder) -> dict[str, str]:
    id = order.client_order_id
    return {"symbol": raw_name(client, order.symbol), "clientOrderID": id, "clientOrderId": id}
