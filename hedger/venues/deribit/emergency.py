"""What the watchdog asks of Deribit with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.deribit.names import raw_of, settle_of
from hedger.venues.speech import Code

_ENDED = frozenset({"filled", "cancelled", "rejected"})


class DeribitEmergency:
    """Orders on futures, by our id, which is their label."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_of(symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.public_get_get_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        now = answer.get("result") if isinstance(answer, dict) else None
        return now if isinstance(now, int) and not isinstance(now, bool) else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel every order of the label."""
        found: Awaitable[Any] = client.private_get_cancel_by_label(_query(order))
        return found

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the records of the orders of the label."""
        found: Awaitable[Any] = client.private_get_get_order_state_by_label(_query(order))
        return found

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer has records of exactly this order, and each says that it has ended. The answer to a cancel
        is a count, which proves nothing."""
        rows = answer.get("result") if isinstance(answer, dict) else None
        return isinstance(rows, list) and bool(rows) and all(_is_over(row, order) for row in rows)

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order: then its list is empty."""
        return code is None and isinstance(answer, dict) and answer.get("result") == []


def _is_over(row: Any, order: LiveOrder) -> bool:
    if not isinstance(row, dict) or row.get("label") != order.client_order_id:
        return False
    return row.get("instrument_name") == raw_of(order.symbol) and row.get("order_state") in _ENDED


def _query(order: LiveOrder) -> dict[str, str]:
    return {"currency": settle_of(order.symbol), "label": order.client_order_id}
