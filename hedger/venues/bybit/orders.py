"""How Bybit is asked about orders on its linear and inverse contracts.

The raw endpoints are used: the client's own create asks what kind of account this is before the first order, and
rounds.
"""

from __future__ import annotations

from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand
from hedger.venues.bybit.asked import host_of, read_envelope, rows_of
from hedger.venues.bybit.codes import UNKNOWN_ORDER, WORDS
from hedger.venues.bybit.names import category_of
from hedger.venues.bybit.parse import report_of
from hedger.venues.bybit.payloads import Ids, OrderRecord
from hedger.venues.bybit.receive_window import receive_window
from hedger.venues.desk import OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.speech import Code
from hedger.venues.wire import reader

_read_ids: Understand[Ids] = reader(Ids)
_read_record: Understand[OrderRecord] = reader(OrderRecord)


class Orders:
    """Bybit's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    def host_of(self, id: InstrumentId) -> str:
        """The host that takes orders."""
        return host_of(self._link)

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One PostOnly order, refused when it arrives after `window_ms`. Index 0 has a two-way account refuse it."""
        parameters = {
            "category": category_of(order.id.symbol).value,
            "symbol": self._listing.raw[order.id],
            "side": WORDS[order.side],
            "orderType": "Limit",
            "qty": plain(order.quantity),
            "price": plain(order.price),
            "timeInForce": "PostOnly",
            "orderLinkId": order.client_order_id,
            "positionIdx": 0,
            "reduceOnly": order.reduce_only,
        }
        with receive_window(window_ms):
            return await self._link.client.private_post_v5_order_create(parameters)

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """The venue answers with the two ids alone: what became of the order is told by its record."""
        ids = _read_ids(read_envelope(answer).result)
        if ids.orderLinkId != order.client_order_id:
            raise OtherOrder("id")
        return OrderAccepted(client_order_id=order.client_order_id, venue_order_id=ids.orderId)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id."""
        return await self._link.client.private_post_v5_order_cancel(self._query(id, client_order_id))

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """The venue takes note, and answers with the two ids."""
        if _read_ids(read_envelope(answer).result).orderLinkId != client_order_id:
            raise ValueError("the answer is about another order")
        return None

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in UNKNOWN_ORDER

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id: among the open ones and the last that ended, else in the history.

        None when both say that they know none. An order may end between the two questions: then the second has it.
        """
        client = self._link.client
        for what, method in (
            ("order by our id", client.private_get_v5_order_realtime),
            ("ended order by our id", client.private_get_v5_order_history),
        ):
            record = await self._record(what, method, id, client_order_id)
            if record is not None:
                return record
        return None

    async def _record(self, what: str, method: Any, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        def understand(payload: Any) -> list[OrderReport]:
            rows = [_read_record(row) for row in rows_of(payload)]
            if any(row.orderLinkId != client_order_id or row.symbol != self._listing.raw[id] for row in rows):
                raise ValueError("the record is of another order")
            if len(rows) > 1:
                raise ValueError("the venue tells two orders of one id")
            return [report_of(row, id) for row in rows]

        query = self._query(id, client_order_id)
        found = await self._link.asker.need(what, lambda: method(dict(query)), understand, host=host_of(self._link))
        for report in found:
            self._link.seen.note(report)
        return found[0] if found else None

    def _query(self, id: InstrumentId, client_order_id: str) -> dict[str, str]:
        return {
            "category": category_of(id.symbol).value,
            "symbol": self._listing.raw[id],
            "orderLinkId": client_order_id,
        }
