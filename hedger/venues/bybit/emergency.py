"""What the watchdog asks of Bybit with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.bybit.names import category_of, raw_name
from hedger.venues.speech import Code

_ENDED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Deactivated", "Rejected"})


class BybitEmergency:
    """Orders on linear and inverse contracts, by our id."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_name(symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.public_get_v5_market_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        result = answer.get("result") if isinstance(answer, dict) else None
        told = result.get("timeNano") if isinstance(result, dict) else None
        return int(told) // 1_000_000 if isinstance(told, str) and told.isdecimal() and len(told) == 19 else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        found: Awaitable[Any] = client.private_post_v5_order_cancel(_query(order))
        return found

    async def find(self, client: Any, order: LiveOrder) -> Any:
        """Ask for the record of an order by our id: among those that are open or have just ended, else in the history.

        An answer that is no list is given back as it is: it says nothing.
        """
        answer = await client.private_get_v5_order_realtime(_query(order))
        if _rows(answer) != []:
            return answer
        return await client.private_get_v5_order_history(_query(order))

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""
        rows = _rows(answer)
        if rows is None or len(rows) != 1 or not isinstance(rows[0], dict):
            return False
        row = rows[0]
        same = row.get("orderLinkId") == order.client_order_id and row.get("symbol") == raw_name(order.symbol)
        return same and row.get("orderStatus") in _ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order: neither list has it."""
        return code is None and _rows(answer) == []


def _rows(answer: Any) -> list[Any] | None:
    """The rows of a list that the venue tells without a complaint; None for anything else."""
    if not isinstance(answer, dict) or answer.get("retCode") != 0:
        return None
    result = answer.get("result")
    rows = result.get("list") if isinstance(result, dict) else None
    return rows if isinstance(rows, list) else None


def _query(order: LiveOrder) -> dict[str, str]:
    return {
        "category": category_of(order.symbol).value,
        "symbol": raw_name(order.symbol),
        "orderLinkId": order.client_order_id,
    }
