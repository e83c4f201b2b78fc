"""What the watchdog asks of MEXC with a bare client."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hedger.model.order import ReportStatus
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.asking import Understand
from hedger.venues.mexc.answers import answered, is_good
from hedger.venues.mexc.codes import NO_SUCH_ORDER
from hedger.venues.mexc.orders import says_none
from hedger.venues.mexc.parse import status_of
from hedger.venues.mexc.payloads import OrderRecord
from hedger.venues.speech import Code

_ENDED = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.REJECTED})
_read_record: Understand[OrderRecord] = answered(OrderRecord)


class MexcEmergency:
    """Orders on contracts, by our id."""

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

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the record of an order by our id."""
        params = {"symbol": raw_name(client, order.symbol), "external_oid": order.client_order_id}
        found: Awaitable[Any] = client.contract_private_get_order_external_symbol_external_oid(params)
        return found

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


def raw_name(client: Any, symbol: str) -> str:
    """MEXC's own name of a contract: `BTC/USDT:USDT` is BTC_USDT there. A few coins have another name in ccxt."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    theirs = {ours: raw for raw, ours in client.commonCurrencies.items()}
    return f"{theirs.get(base, base)}_{theirs.get(quote, quote)}"
