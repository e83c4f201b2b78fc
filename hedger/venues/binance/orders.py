"""How Binance is asked about orders on its contracts."""

from __future__ import annotations

from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport, RejectReason, ReportStatus
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import NO_SUCH_ORDER, UNKNOWN_ORDER
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.names import api_of
from hedger.venues.binance.parse import cause_of, report_of
from hedger.venues.binance.payloads import OrderRecord
from hedger.venues.desk import OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.speech import Code
from hedger.venues.wire import reader

_read_record: Understand[OrderRecord] = reader(OrderRecord)
# A record that ended without a fill never was on the book: the venue says why by its status.
_NEVER_RESTED = {
    ReportStatus.EXPIRED: RejectReason.POST_ONLY_WOULD_CROSS,
    ReportStatus.REJECTED: RejectReason.INVALID_ORDER,
}


class Orders:
    """Binance's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    def host_of(self, id: InstrumentId) -> str:
        """The host that takes orders for a contract."""
        return host_of(self._link, api_of(id.symbol))

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One GTX order, refused when it arrives after `window_ms`."""
        parameters: dict[str, Any] = {
            "newClientOrderId": order.client_order_id,
            "postOnly": True,
            "recvWindow": window_ms,
        }
        if order.reduce_only:
            parameters["reduceOnly"] = True
        quantity, price = plain(order.quantity), plain(order.price)
        client = self._link.client
        made = await client.create_order(order.id.symbol, "limit", order.side.value, quantity, price, parameters)
        return made["info"]

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """The venue answers with the order's whole record."""
        record = _read_record(answer)
        report = report_of(record, order.id)
        wrong = self._echo_fault(order, record, report)
        if wrong is not None:
            raise OtherOrder(wrong)
        reason = _NEVER_RESTED.get(report.status)
        id = order.client_order_id
        if reason is not None and report.filled == 0:
            return OrderRejected(client_order_id=id, reason=reason, text=f"the venue's record says {record.status}")
        self._note(report)
        return OrderAccepted(client_order_id=id, venue_order_id=report.venue_order_id)

    def _echo_fault(self, order: PlaceOrder, record: OrderRecord, report: OrderReport) -> str | None:
        told = {
            "id": (report.client_order_id, order.client_order_id),
            "symbol": (record.symbol, self._listing.raw[order.id]),
            "side": (report.side, order.side),
            "quantity": (report.quantity, order.quantity),
            "price": (report.price, order.price),
            "reduce-only": (report.reduce_only, order.reduce_only),
            "time in force": (record.timeInForce, "GTX"),
            "status": (report.status is ReportStatus.UNRECOGNISED, False),
        }
        return next((name for name, (theirs, ours) in told.items() if theirs != ours), None)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id."""
        return await private(self._link, api_of(id.symbol), "delete_order")(self._query(id, client_order_id))

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport:
        """The venue answers with the order's record."""
        return self._record(id, client_order_id, answer)

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in UNKNOWN_ORDER

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise."""
        query, method = self._query(id, client_order_id), private(self._link, api_of(id.symbol), "get_order")
        return await self._link.asker.ask(
            "order by our id",
            lambda: method(query),
            lambda payload: self._record(id, client_order_id, payload),
            host=self.host_of(id),
            absent=NO_SUCH_ORDER,
        )

    def _query(self, id: InstrumentId, client_order_id: str) -> dict[str, str]:
        return {"symbol": self._listing.raw[id], "origClientOrderId": client_order_id}

    def _record(self, id: InstrumentId, client_order_id: str, payload: Any) -> OrderReport:
        record = _read_record(payload)
        if record.clientOrderId != client_order_id or record.symbol != self._listing.raw[id]:
            raise ValueError("the record is of another order")
        report = report_of(record, id)
        self._note(report)
        return report

    def _note(self, report: OrderReport) -> None:
        self._link.seen.note(report, cause_of(report.client_order_id))
