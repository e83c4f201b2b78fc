"""How Deribit is asked about orders: by the raw methods, because ccxt's own would round what we send and raises on an
acknowledgement that has no order in it.

Its orders are HTTP GET requests, which the session must never send again (`client.assert_safe`). Our id is the label.
The venue takes a label any number of times, so two orders that bear one are never taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hedger.errors import AskAgain
from hedger.model.identity import OrderIdentity, parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import OrderAccepted, OrderRejected, PlaceOrder
from hedger.model.numeric import plain
from hedger.model.order import OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import MINUTE_MS
from hedger.venues.asking import Understand
from hedger.venues.deribit.codes import REST
from hedger.venues.deribit.names import settle_of
from hedger.venues.deribit.parse import report_of
from hedger.venues.deribit.payloads import OrderRecord, Placed, Row, result_of
from hedger.venues.desk import NoSuchOrder, OtherOrder
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.speech import Code
from hedger.venues.wire import Identifier, reader

PAGE, MOST_PAGES = 1_000, 10
# How long after an order with a later number one with an earlier number may have reached the venue.
OVERTAKEN_MS = 10 * MINUTE_MS

_read_placed: Understand[Placed] = result_of(Placed)
_read_rows: Understand[list[Row]] = result_of(list[Row])
_read_record: Understand[OrderRecord] = reader(OrderRecord)
_read_count: Understand[int] = result_of(Identifier)


class Orders:
    """Deribit's requests about orders, and what its answers say."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    def host_of(self, id: InstrumentId) -> str:
        """The host that takes orders."""
        return self._link.hosts[REST]

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """One post-only order that is refused rather than priced anew, and not looked at after `window_ms`."""
        client = self._link.client
        method = client.private_get_buy if order.side is Side.BUY else client.private_get_sell
        parameters = {
            "instrument_name": self._listing.raw[order.id],
            "amount": plain(order.quantity),
            "type": "limit",
            "price": plain(order.price),
            "label": order.client_order_id,
            "time_in_force": "good_til_cancelled",
            "post_only": "true",
            "reject_post_only": "true",
            "valid_until": str(self._link.venue_now() + window_ms),
        }
        if order.reduce_only:
            parameters["reduce_only"] = "true"
        return await method(parameters)

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """The venue answers with the order's whole record."""
        record = _read_placed(answer).order
        report = report_of(record, order.id)
        wrong = self._echo_fault(order, record, report)
        if wrong is not None:
            raise OtherOrder(wrong)
        id = order.client_order_id
        if report.status is ReportStatus.REJECTED and report.filled == 0:
            text = f"the venue's record says {record.order_state}"
            return OrderRejected(client_order_id=id, reason=RejectReason.INVALID_ORDER, text=text)
        self._link.seen.note(report)
        return OrderAccepted(client_order_id=id, venue_order_id=report.venue_order_id)

    def _echo_fault(self, order: PlaceOrder, record: OrderRecord, report: OrderReport) -> str | None:
        told: Mapping[str, tuple[object, object]] = {
            "id": (report.client_order_id, order.client_order_id),
            "symbol": (record.instrument_name, self._listing.raw[order.id]),
            "side": (report.side, order.side),
            "quantity": (report.quantity, order.quantity),
            "price": (report.price, order.price),
            "reduce-only": (report.reduce_only, order.reduce_only),
            "type": (record.order_type, "limit"),
            "post-only": ((record.post_only, record.reject_post_only is not False), (True, True)),
            "status": (report.status is ReportStatus.UNRECOGNISED, False),
        }
        return next((name for name, (theirs, ours) in told.items() if theirs != ours), None)

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """One cancel of whatever bears our label."""
        return await self._link.client.private_get_cancel_by_label(_query(id, client_order_id))

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """The venue answers with how many orders it has canceled: one, or none that was open."""
        count = _read_count(answer)
        if count == 0:
            raise NoSuchOrder("the venue has no open order of that label")
        if count > 1:
            raise ValueError(f"{count} orders bore one label")
        return None

    def knows_no_order(self, code: Code | None) -> bool:
        """No code says it: the count in the answer does."""
        return False

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise.

        The state by label knows orders that are open or ended within the last half-hour; the history has the others.
        """
        client, link = self._link.client, self._link
        query = _query(id, client_order_id)
        found = await link.asker.need(
            "order by our id",
            lambda: client.private_get_get_order_state_by_label(query),
            lambda payload: self._records(id, client_order_id, _read_rows(payload)),
            host=link.hosts[REST],
        )
        found = found or await self._in_history(id, client_order_id)
        if len(found) > 1:
            raise AskAgain(f"deribit: order by our id: {len(found)} orders bear the label {client_order_id}.")
        for report in found:
            link.seen.note(report)
        return found[0] if found else None

    async def _in_history(self, id: InstrumentId, client_order_id: str) -> list[OrderReport]:
        """The orders of a label that ended long ago. The history has all that the account ever sent, newest first, so
        it is read only as far back as the order can be."""
        client, link, last, since_at = self._link.client, self._link, "", 0
        for page in range(MOST_PAGES):
            params = {
                "instrument_name": self._listing.raw[id],
                "count": PAGE,
                "offset": page * PAGE,
                "include_old": "true",
                "include_unfilled": "true",
                "historical": "true",
            }
            rows = await link.asker.need(
                "order history",
                lambda params=params: client.private_get_get_order_history_by_instrument(params),  # type: ignore[misc]
                _read_rows,
                host=link.hosts[REST],
            )
            found = self._understood(id, client_order_id, rows)
            since_at = max(since_at, _not_before(client_order_id, rows))
            if found or len(rows) < PAGE or _moment(rows[-1], "last_update_timestamp", since_at) < since_at:
                return found
            first = str(rows[0].model_dump().get("order_id"))
            if first == last:
                raise AskAgain("deribit: order history: a page repeats, so the list may be cut.")
            last = first
        raise AskAgain(f"deribit: order history: more than {MOST_PAGES} pages.")

    def _understood(self, id: InstrumentId, client_order_id: str, rows: list[Row]) -> list[OrderReport]:
        try:
            ours = [row for row in rows if row.model_dump().get("label") == client_order_id]
            return self._records(id, client_order_id, ours)
        except (ValueError, ArithmeticError):
            raise AskAgain("deribit: order history: the record of our order is not understood.") from None

    def _records(self, id: InstrumentId, client_order_id: str, rows: list[Row]) -> list[OrderReport]:
        records = [_read_record(row.model_dump()) for row in rows]
        if any((r.label, r.instrument_name) != (client_order_id, self._listing.raw[id]) for r in records):
            raise ValueError("the record is of another order")
        return [report_of(record, id) for record in records]


def _query(id: InstrumentId, client_order_id: str) -> dict[str, str]:
    return {"currency": settle_of(id.symbol), "label": client_order_id}


def _not_before(client_order_id: str, rows: Iterable[Row]) -> int:
    """When an order reached the venue at the earliest (ms): our numbers say which of the rows were sent before it."""
    ours = parse_order_id(client_order_id)
    earlier = [row for row in rows if ours is not None and _is_earlier(row, ours)]
    return max((_moment(row, "creation_timestamp", 0) for row in earlier), default=0) - OVERTAKEN_MS


def _is_earlier(row: Row, ours: OrderIdentity) -> bool:
    theirs = parse_order_id(str(row.model_dump().get("label")))
    if theirs is None or theirs.bot != ours.bot:
        return False
    return (theirs.epoch, theirs.sequence) < (ours.epoch, ours.sequence)


def _moment(row: Row, field: str, otherwise: int) -> int:
    at = row.model_dump().get(field)
    return at if isinstance(at, int) else otherwise
