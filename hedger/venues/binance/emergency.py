"""What the watchdog asks of Binance with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.runtime.lifeline import LiveOrder
from hedger.venues.binance.codes import NO_SUCH_ORDER
from hedger.venues.binance.names import api_of, raw_name
from hedger.venues.speech import Code

_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})


class BinanceEmergency:
    """Orders on contracts, by our id."""

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract."""
        return raw_name(symbol)

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""
        found: Awaitable[Any] = client.fapipublic_get_time()
        return found

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in such an answer."""
        now = answer.get("serverTime") if isinstance(answer, dict) else None
        return int(now) if isinstance(now, int | str) and str(now).isdigit() else None

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""
        found: Awaitable[Any] = getattr(client, f"{api_of(order.symbol)}private_delete_order")(_query(order))
        return found

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the record of an order by our id."""
        found: Awaitable[Any] = getattr(client, f"{api_of(order.symbol)}private_get_order")(_query(order))
        return found

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""
        if not isinstance(answer, dict) or answer.get("clientOrderId") != order.client_order_id:
            return False
        return answer.get("status") in _ENDED

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the venue knows no such order."""
        return code in NO_SUCH_ORDER


def _query(order: LiveOrder) -> dict[str, str]:
    return {"symbol": raw_name(order.symbol), "origClientOrderId": order.client_order_id}
