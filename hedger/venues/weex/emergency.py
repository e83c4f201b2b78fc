"""What the watchdog asks of WEEX with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.model.order import ReportStatus
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.speech import Code
from hedger.venues.weex.codes import status_of
from hedger.venues.weex.listing import raw_name
from hedger.venues.weex.pages import OPEN_PAGE, PAST_PAGE

_ENDED = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})


class WeexEmergency:
    """Orders on contracts, by our id: the venue cancels by it, and is looked through for it."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_name(symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.contract_get_capi_v3_market_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        now = answer.get("serverTime") if isinstance(answer, dict) else None
        return int(now) if isinstance(now, int | str) and str(now).isdecimal() else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        query = {"origClientOrderId": order.client_order_id}
        found: Awaitable[Any] = client.contractprivate_delete_capi_v3_order(query)
        return found

    async def find(self, client: Any, order: LiveOrder) -> Any:
        """The rows that have our id, among those that are open, else in the newest of the history.

        An answer that is no list, or may be cut, is given back as it is: it says nothing.
        """
        query = {"symbol": raw_name(order.symbol), "page": 0}
        answer = await client.contractprivate_get_capi_v3_openorders({**query, "limit": OPEN_PAGE})
        rows = _ours(answer, order, OPEN_PAGE)
        if rows != []:
            return answer if rows is None else rows
        answer = await client.contractprivate_get_capi_v3_order_history({**query, "limit": PAST_PAGE})
        # Of the history the newest page is enough: what is not open is off the book, whatever became of it.
        rows = _ours(answer, order, PAST_PAGE + 1)
        return answer if rows is None else rows

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""
        if not isinstance(answer, list) or len(answer) != 1 or not isinstance(answer[0], dict):
            return False
        row = answer[0]
        same = row.get("clientOrderId") == order.client_order_id and row.get("symbol") == raw_name(order.symbol)
        return same and status_of(str(row.get("status"))) in _ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether neither list has it."""
        return code is None and answer == []


def _ours(answer: Any, order: LiveOrder, page: int) -> list[Any] | None:
    """The rows of a list that have our id; None for what is no list, and for a full page without it."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        return None
    found = [row for row in answer if row.get("clientOrderId") == order.client_order_id]
    return found if found or len(answer) < page else None
