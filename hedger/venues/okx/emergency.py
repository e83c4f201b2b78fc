"""What the watchdog asks of OKX with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.okx.codes import ENDED, NO_SUCH_ORDER
from hedger.venues.okx.listing import name_of
from hedger.venues.speech import Code


class OkxEmergency:
    """Orders on contracts, by our id."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return name_of(symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.public_get_public_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        row = _row(answer)
        now = row.get("ts") if row is not None else None
        return int(now) if isinstance(now, str) and now.isdecimal() else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        found: Awaitable[Any] = client.private_post_trade_cancel_order(_query(order))
        return found

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the record of an order by our id."""
        found: Awaitable[Any] = client.private_get_trade_order(_query(order))
        return found

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended: a cancel is only noted."""
        row = _row(answer)
        if row is None or row.get("clOrdId") != order.client_order_id or row.get("instId") != name_of(order.symbol):
            return False
        return str(row.get("state")) in ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order."""
        return code in NO_SUCH_ORDER


def _query(order: LiveOrder) -> dict[str, str]:
    return {"instId": name_of(order.symbol), "clOrdId": order.client_order_id}


def _row(answer: Any) -> dict[str, Any] | None:
    """The one row of a good answer."""
    rows = answer.get("data") if isinstance(answer, dict) and answer.get("code") == "0" else None
    return rows[0] if isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], dict) else None
