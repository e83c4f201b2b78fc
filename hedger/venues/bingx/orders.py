"""How BingX is asked about orders on its contracts.

The raw endpoints are used: ccxt's `create_order` makes floats of price and quantity, and writes 0.00001 as 1e-05. Our
id is given by both of its names: the documentation says `clientOrderId`, and the client `clientOrderID`.
"""

from __future__ import annotations

from typing import Any

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport, RejectReason, ReportStatus
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS, Book
from hedger.venues.bingx.codes import API, LONGEST_WINDOW_MS, NO_SUCH_ORDER, UNKNOWN_ORDER, status_of
from hedger.venues.bingx.parse import report_of
from hedger.venues.bingx.payloads import Acknowledged, OneOrder, OrderRecord
from hedger.venues.desk import OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.seen import AskedCancels
from hedger.venues.speech import Code
from hedger.venues.wire import reader

POST_ONLY = "PostOnly"
_read_order: Understand[Acknowledged] = reader(Acknowledged)
_read_record: Understand[OneOrder] = answered(OneOrder)
_read_loose: Understand[OrderRecord] = reader(OrderRecord)
_NEVER_RESTED = {
    ReportStatus.CANCELED: RejectReason.POST_ONLY_WOULD_CROSS,
    ReportStatus.EXPIRED: RejectReason.POST_ONLY_WOULD_CROSS,
    ReportStatus.REJECTED: RejectReason.INVALID_ORDER,
}


class Orders:
    """BingX's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing, asked: AskedCancels) -> None:
        self._link = link
        self._listing = listing
        self._asked = asked

    def host_of(self, id: InstrumentId) -> str:
        """The one host of its REST API."""
        return self._link.hosts[API]

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One post-only order, refused when it arrives after `window_ms`."""
        params = {
            "symbol": self._listing.raw[order.id],
            "type": "LIMIT",
            "side": order.side.value.upper(),
            "positionSide": "BOTH",
            "quantity": plain(order.quantity),
            "price": plain(order.price),
            "timeInForce": POST_ONLY,
            "clientOrderID": order.client_order_id,
            "clientOrderId": order.client_order_id,
            "recvWindow": min(window_ms, LONGEST_WINDOW_MS),
        }
        if order.reduce_only:
            params["reduceOnly"] = "true"
        return await self._call(self._book(order.id).create, params)

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """What stands in the answer must be the order that was sent; that of a linear one must name our id."""
        told = _read_order(_order_in(answer))
        wrong = self._echo_fault(order, told)
        if wrong is not None:
            raise OtherOrder(wrong)
        status = status_of(told.status) if told.status else ReportStatus.WORKING
        id, reason = order.client_order_id, _NEVER_RESTED.get(status)
        if reason is not None and told.executedQty == 0:
            return OrderRejected(client_order_id=id, reason=reason, text=f"the venue's answer says {told.status}")
        return OrderAccepted(client_order_id=id, venue_order_id=told.orderId)

    def _echo_fault(self, order: PlaceOrder, told: Acknowledged) -> str | None:
        ours = {
            "symbol": (told.symbol, self._listing.raw[order.id]),
            "side": (told.side, order.side.value.upper()),
            "type": (told.type.upper(), "LIMIT"),
            "position side": ((told.positionSide or "BOTH").upper(), "BOTH"),
            "price": (order.price if told.price is None else told.price, order.price),
            "quantity": (order.quantity if told.quantity is None else told.quantity, order.quantity),
            "time in force": ((told.timeInForce or POST_ONLY).upper().replace("_", ""), POST_ONLY.upper()),
            "reduce-only": (order.reduce_only if told.reduceOnly is None else told.reduceOnly, order.reduce_only),
        }
        silent = self._is_inverse(order.id) and not told.client_id
        if not silent and told.client_id != order.client_order_id:
            return "id"
        return next((name for name, (theirs, wanted) in ours.items() if theirs != wanted), None)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id."""
        self._asked.note(client_order_id)
        return await self._call(self._book(id).cancel, self._query(id, client_order_id))

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """The order's record; None where the answer does not name our id or its quantity, as that of COIN-M."""
        told = _order_in(answer)
        if not isinstance(told, dict) or told.get("symbol") != self._listing.raw[id]:
            raise ValueError("the answer to a cancel is about another contract")
        named = told.get("clientOrderId") or told.get("clientOrderID")
        if not named or self._is_inverse(id):
            if named not in (None, "", client_order_id):
                raise ValueError("the answer to a cancel is about another order")
            return None
        return self._report(id, client_order_id, _read_loose(told))

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in UNKNOWN_ORDER

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise."""
        return await self._link.asker.ask(
            "order by our id",
            lambda: self._call(self._book(id).find, self._query(id, client_order_id)),
            lambda payload: self._report(id, client_order_id, _read_record(payload).order),
            host=self._link.hosts[API],
            absent=NO_SUCH_ORDER,
        )

    def _report(self, id: InstrumentId, client_order_id: str, record: OrderRecord) -> OrderReport:
        if record.client_id != client_order_id or record.symbol != self._listing.raw[id]:
            raise ValueError("the record is of another order")
        unasked = not self._asked.knows(client_order_id)
        report = report_of(record, id, self._listing.instruments[id].payoff, unasked=unasked)
        self._link.seen.note(report)
        return report

    def _query(self, id: InstrumentId, client_order_id: str) -> dict[str, str]:
        return {
            "symbol": self._listing.raw[id],
            "clientOrderID": client_order_id,
            "clientOrderId": client_order_id,
        }

    async def _call(self, method: str, params: dict[str, Any]) -> Any:
        return await getattr(self._link.client, method)(params)

    def _book(self, id: InstrumentId) -> Book:
        return BOOKS[self._listing.instruments[id].payoff]

    def _is_inverse(self, id: InstrumentId) -> bool:
        return self._listing.instruments[id].payoff is Payoff.INVERSE


def _order_in(answer: Any) -> Any:
    """The order in an answer: under `data` and `order`, under `data`, or alone."""
    told = answer.get("data", answer) if isinstance(answer, dict) else answer
    return told.get("order", told) if isinstance(told, dict) else told
