"""How OKX is asked about orders on its contracts: one plain request each, in contracts."""

from __future__ import annotations

from typing import Any

from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import FillCause, OrderReport
from hedger.venues.asking import Understand
from hedger.venues.desk import OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import NO_SUCH_ORDER, REST, UNKNOWN_ORDER
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.listing import Contract
from hedger.venues.okx.paging import whole_list
from hedger.venues.okx.parse import cause_of, report_of
from hedger.venues.okx.payloads import Acknowledgement, NamedRow, OrderRecord, row_as, rows_as
from hedger.venues.okx.setup import Wanted
from hedger.venues.speech import Code
from hedger.venues.wire import reader

_read_acknowledgement: Understand[Acknowledgement] = row_as(Acknowledgement)
_read_record: Understand[OrderRecord] = row_as(OrderRecord)
_read_rows: Understand[list[NamedRow]] = rows_as(NamedRow)
_read_order: Understand[OrderRecord] = reader(OrderRecord)


class Orders:
    """OKX's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, wanted: Wanted) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._wanted = wanted

    def host_of(self, id: InstrumentId) -> str:
        """The host that takes orders."""
        return self._link.hosts[REST]

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One post-only order, refused when it arrives after `window_ms`.

        ccxt's own order goes to the endpoint for many and knows no way to send a header; `sign` and `fetch` are what
        its every request is made of. An id of ours keeps its mark of a broker away.
        """
        client, contract = self._link.client, self._contract(order.id)
        parameters: dict[str, Any] = {
            "instId": contract.raw,
            "tdMode": "cross" if self._wanted.margin_mode is MarginMode.CROSS else "isolated",
            "clOrdId": order.client_order_id,
            "side": order.side.value,
            "posSide": "net",
            "ordType": "post_only",
            "px": plain(order.price),
            "sz": plain(contract.contracts(order.quantity)),
        }
        if order.reduce_only:
            parameters["reduceOnly"] = True
        signed = client.sign("trade/order", ["private"], "POST", parameters)
        headers = {**signed["headers"], "expTime": str(self._link.venue_now() + window_ms)}
        return await client.fetch(signed["url"], signed["method"], headers, signed["body"])

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted:
        """The venue answers with the ids alone; what became of the order its record says."""
        told = _read_acknowledgement(answer)
        if told.clOrdId != order.client_order_id:
            raise OtherOrder("id")
        self._link.seen.remember(order.id, told.ordId, told.clOrdId, FillCause.ORDER)
        return OrderAccepted(client_order_id=order.client_order_id, venue_order_id=told.ordId)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel by our id."""
        return await self._link.client.private_post_trade_cancel_order(self._query(id, client_order_id))

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """The venue only takes note; ValueError where it notes another order."""
        if _read_acknowledgement(answer).clOrdId != client_order_id:
            raise ValueError("the cancel of another order was noted")
        return None

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""
        return code in UNKNOWN_ORDER

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when neither its record nor its history has one.

        The record is kept of live orders, and of ended ones for a while; the history has a week of those that traded,
        and two hours of those that did not. Of a contract that trades no more there is only the history.
        """
        if id in self._listing.gone:
            return await self._find_ended(id, client_order_id)
        query = self._query(id, client_order_id)
        found = await self._link.asker.ask(
            "order by our id",
            lambda: self._link.client.private_get_trade_order(query),
            lambda payload: self._report(id, client_order_id, _read_record(payload)),
            host=self._link.hosts[REST],
            absent=NO_SUCH_ORDER,
        )
        return found if found is not None else await self._find_ended(id, client_order_id)

    async def _find_ended(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        contract = self._contract(id)
        params = {"instType": contract.type, "instId": contract.raw}
        method = self._link.client.private_get_trade_orders_history

        def read(payload: Any) -> list[OrderRecord]:
            records = [_read_order(row.model_dump()) for row in _read_rows(payload)]
            if any(record.instId != contract.raw for record in records):
                raise ValueError(f"another contract's came as an answer about {contract.raw}")
            return records

        records = await whole_list(self._link, "ended orders", method, params, read, lambda record: record.ordId)
        ours = [record for record in records if record.clOrdId == client_order_id]
        newest = max(ours, key=lambda record: int(record.ordId), default=None)
        return self._report(id, client_order_id, newest) if newest is not None else None

    def _query(self, id: InstrumentId, client_order_id: str) -> dict[str, str]:
        return {"instId": self._listing.raw[id], "clOrdId": client_order_id}

    def _report(self, id: InstrumentId, client_order_id: str, record: OrderRecord) -> OrderReport:
        if record.clOrdId != client_order_id or record.instId != self._listing.raw[id]:
            raise ValueError("the record is of another order")
        report = report_of(record, id, self._contract(id))
        self._link.seen.note(report, cause_of(record))
        return report

    def _contract(self, id: InstrumentId) -> Contract:
        return self._contracts.by_raw[self._listing.raw[id]]
