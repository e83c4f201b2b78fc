"""What is remembered of orders, the newest few thousand: whose they are, why they traded, whose cancel we asked for."""

from __future__ import annotations

from hedger.model.instrument import InstrumentId
from hedger.model.order import Fill, FillCause, OrderReport

MOST_SEEN = 10_000


class SeenOrders:
    """The client id and the cause of each order that we have heard of, whoever sent it."""

    def __init__(self) -> None:
        self._orders: dict[tuple[InstrumentId, str], tuple[str | None, FillCause]] = {}

    def note(self, report: OrderReport, cause: FillCause = FillCause.ORDER) -> None:
        """Remember an order by its record."""
        self.remember(report.id, report.venue_order_id, report.client_order_id, cause)

    def remember(self, id: InstrumentId, venue_order_id: str, client_order_id: str | None, cause: FillCause) -> None:
        """Remember an order by what is known of it."""
        self._orders[id, venue_order_id] = client_order_id, cause
        if len(self._orders) > MOST_SEEN:
            del self._orders[next(iter(self._orders))]

    def of(self, fill: Fill) -> tuple[str | None, FillCause] | None:
        """The client id and the cause of a fill's order; None for one that we have not heard of."""
        return self._orders.get((fill.id, fill.venue_order_id))


class AskedCancels:
    """The orders whose cancel was asked for here: what ends otherwise was ended by others."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def note(self, client_order_id: str) -> None:
        """Remember one."""
        self._ids[client_order_id] = None
        if len(self._ids) > MOST_SEEN:
            del self._ids[next(iter(self._ids))]

    def knows(self, client_order_id: str | None) -> bool:
        """Whether a cancel was asked for; of an order that is not ours nobody knows."""
        return not client_order_id or client_order_id in self._ids
