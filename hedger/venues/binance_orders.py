"""Orders on Binance: sent once, judged by evidence, canceled and found by our own id."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from hedger.errors import Bug
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
)
from hedger.model.numeric import is_multiple, plain
from hedger.model.order import OrderReport, RejectReason, ReportStatus
from hedger.runtime.ports import CancelOutcome, LeaveTaken, PlaceOutcome
from hedger.venues.asking import Understand
from hedger.venues.binance_codes import FAPI, NO_SUCH_ORDER, REFUSED, UNKNOWN_ORDER, Environment
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import CONTRACTS, Listing
from hedger.venues.binance_parse import report_of
from hedger.venues.binance_wire import OrderRecord, reader
from hedger.venues.client import MAX_RECV_WINDOW_MS
from hedger.venues.lanes import Barred, Lane
from hedger.venues.outcome import Attempt, attempt, describe, judge_refusal

_read_record: Understand[OrderRecord] = reader(OrderRecord)
_WATCHED = "we only watch here: nothing is sent"
# A record that ended without a fill never was on the book: the venue says why by its status.
_NEVER_RESTED = {
    ReportStatus.EXPIRED: RejectReason.POST_ONLY_WOULD_CROSS,
    ReportStatus.REJECTED: RejectReason.INVALID_ORDER,
}


class OrderDesk:
    """Sends and withdraws orders of one account."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._under_way: dict[asyncio.Task[PlaceOutcome], str] = {}

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one create if `leave` lets it go.

        A canceled caller does not cut it short: it goes on, and the observer is told.
        """
        task = asyncio.create_task(self._place(order, leave))
        self._under_way[task] = order.client_order_id
        task.add_done_callback(self._under_way.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            text = "whoever waited for the answer was canceled"
            outcome = OrderOutcomeUnknown(client_order_id=order.client_order_id, text=text)
            self._link.observer.order_abandoned(self._link.account, outcome)
            raise

    async def finish(self) -> None:
        """Wait for creates that are under way; each is bounded in time."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        id, link = order.client_order_id, self._link
        self._assert_ours(order)
        if link.environment is Environment.SHADOW:
            return OrderRejected(client_order_id=id, reason=RejectReason.NOT_SENT, text=_WATCHED)
        begun_at = link.clock.now_ms()
        try:
            async with link.lanes.turn(Lane.ORDERS, link.hosts[FAPI]):
                # The time-to-live began when we were asked: what waiting used up, the request may not have again.
                window_ms = min(order.ttl_ms - (link.clock.now_ms() - begun_at), MAX_RECV_WINDOW_MS)
                why = "its time-to-live passed" if window_ms <= 0 else self._changed(order) or leave()
                if why is not None:
                    return OrderRejected(client_order_id=id, reason=RejectReason.NOT_SENT, text=why)
                result = await attempt(lambda: self._create(order, window_ms), link.answer_s + 1)
        except Barred as problem:
            return OrderRejected(client_order_id=id, reason=RejectReason.RATE_LIMITED, text=str(problem))
        return self._judge(order, result)

    def _assert_ours(self, order: PlaceOrder) -> None:
        """An order off every grid that the venue told us, or for no contract of ours, was decided wrongly."""
        known = self._listing.versions(order.id)
        if not any(rules.kind in CONTRACTS and rules.post_only for rules in known):
            raise Bug(f"an order for {order.id}, which is not a contract that we loaded and that takes post-only.")
        if order.quantity <= 0 or order.price <= 0 or not any(_on_grid(order, rules) for rules in known):
            raise Bug(f"an order of {order.quantity} at {order.price} is off the grid of {order.id.symbol}.")

    def _changed(self, order: PlaceOrder) -> str | None:
        """Why an order that was decided by the rules of a moment ago must not leave by those of now."""
        if order.id in self._listing.gone:
            return f"{order.id.symbol} does not trade any more"
        if order.id in self._listing.unguarded:
            return f"the venue refuses the dead man's switch on {order.id.symbol}"
        if not _on_grid(order, self._listing.instruments[order.id]):
            return f"the venue changed the rules of {order.id.symbol}"
        return None

    async def _create(self, order: PlaceOrder, window_ms: int) -> Any:
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

    def _judge(self, order: PlaceOrder, result: Attempt) -> PlaceOutcome:
        """An acknowledgement must be whole and say our order back; every other answer is evidence, or nothing."""
        id = order.client_order_id
        if result.failure is not None or result.evidence.status != 200 or result.evidence.sent != 1:
            return self._judge_refusal(id, result)
        try:
            record = _read_record(result.answer)
            report = report_of(record, order.id)
        except ValueError:
            said = describe(result, self._link.scrub)
            return OrderOutcomeUnknown(client_order_id=id, text=self._link.scrub(f"not an acknowledgement: {said}"))
        wrong = self._echo_fault(order, record, report)
        if wrong is not None:
            return OrderOutcomeUnknown(client_order_id=id, text=f"the acknowledgement says another {wrong}")
        reason = _NEVER_RESTED.get(report.status)
        if reason is not None and report.filled == 0:
            return OrderRejected(client_order_id=id, reason=reason, text=f"the venue's record says {record.status}")
        self._link.seen.note(report)
        return OrderAccepted(client_order_id=id, venue_order_id=report.venue_order_id)

    def _judge_refusal(self, id: str, result: Attempt) -> OrderRejected | OrderOutcomeUnknown:
        """What the venue says to an address that it has banned is no failure of the order."""
        outcome = judge_refusal(id, result, REFUSED, self._link.scrub)
        banned = result.code is not None and self._link.doubted(self._link.hosts[FAPI], result.code)
        if banned and isinstance(outcome, OrderRejected):
            return replace(outcome, reason=RejectReason.RATE_LIMITED)
        return outcome

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

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask for a cancel, once: the venue's record where it sends one, otherwise what it said.

        A create of the same order that is still under way is waited for: the cancel must not arrive before it.
        """
        link = self._link
        if link.environment is Environment.SHADOW:
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text=_WATCHED)
        if creates := [task for task, id in self._under_way.items() if id == order.client_order_id]:
            await asyncio.wait(creates, timeout=link.answer_s + 1)
        query = self._query(order.id, order.client_order_id)
        try:
            async with link.lanes.turn(Lane.CONTROL, link.hosts[FAPI]):
                result = await attempt(lambda: link.client.fapiprivate_delete_order(query), link.answer_s + 1)
        except Barred as problem:
            return CancelAnswered(client_order_id=order.client_order_id, known=None, text=str(problem))
        if result.failure is None and result.evidence.status == 200:
            try:
                return self._record(order.id, order.client_order_id, result.answer)
            except ValueError:
                pass
        known = False if result.code in UNKNOWN_ORDER else None
        return CancelAnswered(client_order_id=order.client_order_id, known=known, text=describe(result, link.scrub))

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise."""
        query = self._query(id, client_order_id)
        return await self._link.asker.ask(
            "order by our id",
            lambda: self._link.client.fapiprivate_get_order(query),
            lambda payload: self._record(id, client_order_id, payload),
            host=self._link.hosts[FAPI],
            absent=NO_SUCH_ORDER,
        )

    def _query(self, id: InstrumentId, client_order_id: str) -> dict[str, str]:
        return {"symbol": self._listing.raw[id], "origClientOrderId": client_order_id}

    def _record(self, id: InstrumentId, client_order_id: str, payload: Any) -> OrderReport:
        record = _read_record(payload)
        if record.clientOrderId != client_order_id or record.symbol != self._listing.raw[id]:
            raise ValueError("the record is of another order")
        report = report_of(record, id)
        self._link.seen.note(report)
        return report


def _on_grid(order: PlaceOrder, rules: Instrument) -> bool:
    return is_multiple(order.quantity, rules.lot_size) and is_multiple(order.price, rules.tick_size)
