"""How MEXC is asked about orders on its contracts.

The raw endpoint is used: ccxt's `create_order` makes floats of price and quantity, and chooses the side by itself. The
numbers are written into the JSON as they are.
"""

from __future__ import annotations

from typing import Any

import orjson

from hedger.errors import AskAgain
from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand
from hedger.venues.desk import NoSuchOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import answered, is_good
from hedger.venues.mexc.codes import API, NO_SUCH_ORDER, NOT_CANCELABLE, NOT_EXIST
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.open_orders import open_orders
from hedger.venues.mexc.parse import cause_of, report_of
from hedger.venues.mexc.payloads import Acknowledged, Canceled, OrderRecord
from hedger.venues.mexc.setup import ONE_WAY
from hedger.venues.mexc.stance import OPEN_TYPES, POST_ONLY, Stance
from hedger.venues.outcome import Withheld
from hedger.venues.seen import AskedCancels
from hedger.venues.speech import Code

_read_order: Understand[Acknowledged] = answered(Acknowledged)
_read_record: Understand[OrderRecord] = answered(OrderRecord)
_read_canceled: Understand[Canceled | list[Canceled]] = answered(Canceled | list[Canceled])


class Orders:
    """MEXC's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, stance: Stance, asked: AskedCancels) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._stance = stance
        self._asked = asked

    def host_of(self, id: InstrumentId) -> str:
        """The one host of its REST API."""
        return self._link.hosts[API]

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One post-only order. The venue refuses it when it arrives ten seconds late, whatever `window_ms` is.

        Raises Withheld for one that could open a position against the one that is held.
        """
        raw = self._listing.raw[order.id]
        vol, leverage = self._contracts.by_raw[raw].contracts(order.quantity), self._stance.leverage.get(raw)
        side = self._stance.side(raw, order.side, vol, reduce_only=order.reduce_only)
        if leverage is None:
            raise Withheld(f"the leverage of {raw} has not been read yet")
        params = {
            "symbol": raw,
            "price": orjson.Fragment(plain(order.price)),
            "vol": orjson.Fragment(plain(vol)),
            "leverage": orjson.Fragment(plain(leverage)),
            "side": side,
            "type": POST_ONLY,
            "openType": OPEN_TYPES[self._stance.wanted],
            "positionMode": ONE_WAY,
            "externalOid": order.client_order_id,
        }
        if order.reduce_only:
            params["reduceOnly"] = True
        return await self._link.client.contract_private_post_order_create(params)

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """The answer has the venue's number, and nothing of the order to compare."""
        told = _read_order(answer)
        return OrderAccepted(client_order_id=order.client_order_id, venue_order_id=told.orderId)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id. The endpoint takes one object, whatever is published of a list."""
        self._asked.note(client_order_id)
        params = {"symbol": self._listing.raw[id], "externalOid": client_order_id}
        return await self._link.client.contract_private_post_order_cancel_with_external(params)

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """None: the venue takes note, and says nothing of the order. A good answer has a code of its own inside."""
        told = _read_canceled(answer)
        rows = told if isinstance(told, list) else [told]
        if len(rows) != 1:
            raise ValueError("the answer to a cancel is about several orders")
        row = rows[0]
        if row.externalOid not in (None, "", client_order_id) or row.symbol not in (None, "", self._listing.raw[id]):
            raise ValueError("the answer to a cancel is about another order")
        if row.errorCode in (NOT_EXIST, NOT_CANCELABLE):
            raise NoSuchOrder(f"the venue has no such open order ({row.errorCode})")
        if row.errorCode != 0:
            raise ValueError(f"the order was not canceled ({row.errorCode})")
        return None

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in (NOT_EXIST, NOT_CANCELABLE)

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise."""
        params = {"symbol": self._listing.raw[id], "external_oid": client_order_id}
        method = self._link.client.contract_private_get_order_external_symbol_external_oid
        report: OrderReport | None = await self._link.asker.ask(
            "order by our id",
            lambda: method(params),
            lambda payload: self._found(id, client_order_id, payload),
            host=self._link.hosts[API],
            absent=NO_SUCH_ORDER,
        )
        if report is None:
            await self._assert_not_open(client_order_id)
        return report

    async def _assert_not_open(self, client_order_id: str) -> None:
        """That the venue says nothing of an order is believed only where it does not list it either; AskAgain."""
        listed = await open_orders(self._link)
        if any((row.model_extra or {}).get("externalOid") == client_order_id for row in listed):
            raise AskAgain("mexc: order by our id: the venue says that there is none, and lists it as open.")

    def _found(self, id: InstrumentId, client_order_id: str, payload: Any) -> OrderReport | None:
        """The record; None for a good answer without any, which is how the venue says that it knows none."""
        if says_none(payload):
            return None
        record = _read_record(payload)
        if record.externalOid != client_order_id or record.symbol != self._listing.raw[id]:
            raise ValueError("the record is of another order")
        self._stance.hear(record)
        unasked = not self._asked.knows(client_order_id)
        report = report_of(record, id, self._contracts.by_raw[record.symbol], unasked=unasked)
        self._link.seen.note(report, cause_of(record.category))
        return report


def says_none(payload: Any) -> bool:
    """Whether a good answer has nothing in it but that it is good: `{"success":true,"code":0}`, as was recorded."""
    return is_good(payload) and set(payload) <= {"success", "code", "data", "message"} and payload.get("data") is None
