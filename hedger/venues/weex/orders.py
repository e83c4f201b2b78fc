"""How WEEX is asked about orders on its contracts.

The raw endpoint is used: ccxt's `create_order` sends `postOnly` as a key that the venue does not know, with
timeInForce GTC, which can take; it names a leg by the side alone; and it makes floats of price and quantity.
"""

from __future__ import annotations

from typing import Any

from hedger.errors import AskAgain
from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, explain
from hedger.venues.desk import OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.speech import Code
from hedger.venues.weex.codes import CONTRACT, NO_SUCH_ORDER
from hedger.venues.weex.known import POST_ONLY, Known
from hedger.venues.weex.pages import find_row
from hedger.venues.weex.parse import report_of
from hedger.venues.weex.payloads import Acknowledged, Withdrawn
from hedger.venues.weex.sides import Sides
from hedger.venues.wire import reader

_read_acknowledged: Understand[Acknowledged] = reader(Acknowledged)
_read_withdrawn: Understand[Withdrawn] = reader(Withdrawn)


class Orders:
    """WEEX's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing, sides: Sides, known: Known) -> None:
        self._link = link
        self._listing = listing
        self._sides = sides
        self._known = known

    def host_of(self, id: InstrumentId) -> str:
        """The host of contracts."""
        return self._link.hosts[CONTRACT]

    def unfit(self, order: PlaceOrder) -> str | None:
        """Why an order must not leave now: post-only is not kept, or its leg is not known for sure."""
        return self._known.distrust or self._sides.unfit(order, self._link.venue_now())

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One post-only order for the leg that it closes or opens. The venue takes no time-to-live."""
        if self._known.distrust is not None:
            raise ValueError(self._known.distrust)
        leg = self._sides.send(order, self._link.venue_now())
        params = {
            "symbol": self._listing.raw[order.id],
            "side": order.side.value.upper(),
            "positionSide": leg.value,
            "type": "LIMIT",
            "timeInForce": POST_ONLY,
            "quantity": plain(order.quantity),
            "price": plain(order.price),
            "newClientOrderId": order.client_order_id,
        }
        return await self._link.client.contractprivate_post_capi_v3_order(params)

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """The answer has ids and nothing else of the order; what it became, its record says."""
        told = _read_acknowledged(answer)
        if told.clientOrderId != order.client_order_id:
            raise OtherOrder("id")
        self._known.name(order.client_order_id, told.orderId)
        return OrderAccepted(client_order_id=order.client_order_id, venue_order_id=told.orderId)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id."""
        self._known.ask_cancel(client_order_id)
        params = {"origClientOrderId": client_order_id}
        return await self._link.client.contractprivate_delete_capi_v3_order(params)

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """Nothing: the answer only says that the request was taken. ValueError where it is of another order."""
        told = _read_withdrawn(answer)
        known = self._known.id_of(client_order_id)
        if told.origClientOrderId not in (None, "", client_order_id) or known not in (None, told.orderId):
            raise ValueError("the answer to a cancel is about another order")
        return None

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in NO_SUCH_ORDER

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when neither list has it, AskAgain otherwise."""
        raw = self._listing.raw[id]
        record = await find_row(self._link, raw, client_order_id, self._known.id_of(client_order_id))
        if record is None:
            return None
        try:
            if record.symbol != raw or record.clientOrderId != client_order_id:
                raise ValueError("the record is of another order")
            report = report_of(record, id, self._known)
        except ValueError as problem:
            raise AskAgain(f"weex: order by our id: {explain(problem)}.") from None
        self._link.seen.note(report)
        self._sides.hear(report, self._link.venue_now())
        return report
