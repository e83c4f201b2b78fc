"""Orders of one account: sent once, judged by evidence, canceled and found by our own id."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

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
from hedger.model.numeric import is_multiple
from hedger.model.order import OrderReport, RejectReason
from hedger.runtime.ports import CancelOutcome, LeaveTaken, PlaceOutcome
from hedger.venues.client import MAX_RECV_WINDOW_MS
from hedger.venues.lanes import Barred, Lane, Spent
from hedger.venues.link import Environment, Link
from hedger.venues.listing import CONTRACTS, Listing
from hedger.venues.outcome import Attempt, attempt, describe, judge_refusal
from hedger.venues.speech import Code

_WATCHED = "we only watch here: nothing is sent"


class OtherOrder(ValueError):
    """An acknowledgement that is whole, and says another order back. Its text names the field."""


class NoSuchOrder(ValueError):
    """A good answer to a cancel that says of itself that there was no such open order."""


class OrderWire(Protocol):
    """How one venue is asked about orders. Every method makes at most one request, but for `find`."""

    def host_of(self, id: InstrumentId) -> str:
        """The host that takes orders for an instrument."""

    async def create(self, order: PlaceOrder, window_ms: int) -> Any:
        """Send a post-only create that the venue refuses when it arrives after `window_ms`; the raw answer."""

    def acknowledged(self, order: PlaceOrder, answer: Any) -> OrderAccepted | OrderRejected:
        """What a good answer says. ValueError where it is no acknowledgement, OtherOrder where it is not of `order`."""

    async def cancel(self, id: InstrumentId, client_order_id: str) -> Any:
        """Ask for a cancel by our id; the raw answer."""

    def canceled(self, id: InstrumentId, client_order_id: str, answer: Any) -> OrderReport | None:
        """The order's record in the answer to a cancel, None where the venue only takes note of the request.

        ValueError where the answer is not about this order, NoSuchOrder where it says that there was none open."""

    def knows_no_order(self, code: Code | None) -> bool:
        """Whether a refused cancel says that there is no such open order."""

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id, None when it says that it knows none; AskAgain otherwise."""


@runtime_checkable
class ChoosyWire(Protocol):
    """A wire whose venue takes less than every order on the grid, such as one that must be told which leg it closes."""

    def unfit(self, order: PlaceOrder) -> str | None:
        """Why an order must not leave now, in a sentence; None where it may."""


class OrderDesk:
    """Sends and withdraws orders of one account."""

    def __init__(self, link: Link, listing: Listing, wire: OrderWire) -> None:
        self._link = link
        self._listing = listing
        self._wire = wire
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

        def left_ms() -> int:
            return min(order.ttl_ms - (link.clock.now_ms() - begun_at), MAX_RECV_WINDOW_MS)

        def against() -> str | None:
            return "its time-to-live passed" if left_ms() <= 0 else self._unsendable(order) or leave()

        try:
            async with link.lanes.turn(Lane.ORDERS, self._wire.host_of(order.id)):
                # The time-to-live began when we were asked: what waiting used up, the request may not have again.
                window_ms = left_ms()
                if (why := against()) is not None:
                    return OrderRejected(client_order_id=id, reason=RejectReason.NOT_SENT, text=why)
                # Asked once more when its first byte is due: to connect may take as long as an answer.
                send = partial(self._wire.create, order, window_ms)
                result = await attempt(send, link.answer_s + 1, link.hear, against)
        except Barred as problem:
            # That many hedges want an order in one moment is no refusal of the venue's, and must not open its breaker.
            reason = RejectReason.NOT_SENT if isinstance(problem, Spent) else RejectReason.RATE_LIMITED
            return OrderRejected(client_order_id=id, reason=reason, text=str(problem))
        return self._judge(order, result)

    def _assert_ours(self, order: PlaceOrder) -> None:
        """An order off every grid that the venue told us, or for no contract of ours, was decided wrongly."""
        known = self._listing.versions(order.id)
        if not any(rules.kind in CONTRACTS and rules.post_only for rules in known):
            raise Bug(f"an order for {order.id}, which is not a contract that we loaded and that takes post-only.")
        if order.quantity <= 0 or order.price <= 0 or not any(_on_grid(order, rules) for rules in known):
            raise Bug(f"an order of {order.quantity} at {order.price} is off the grid of {order.id.symbol}.")

    def _unsendable(self, order: PlaceOrder) -> str | None:
        """Why an order must not leave now by what the venue listed, or by what its wire knows."""
        changed = self._changed(order)
        return changed or (self._wire.unfit(order) if isinstance(self._wire, ChoosyWire) else None)

    def _changed(self, order: PlaceOrder) -> str | None:
        """Why an order that was decided by the rules of a moment ago must not leave by those of now."""
        if order.id in self._listing.gone:
            return f"{order.id.symbol} does not trade any more"
        if order.id in self._listing.unguarded:
            return f"the venue refuses the dead man's switch on {order.id.symbol}"
        if not _on_grid(order, self._listing.instruments[order.id]):
            return f"the venue changed the rules of {order.id.symbol}"
        return None

    def _judge(self, order: PlaceOrder, result: Attempt) -> PlaceOutcome:
        """An acknowledgement must be whole and say our order back; every other answer is evidence, or nothing."""
        id = order.client_order_id
        if result.refused or result.evidence.sent != 1:
            return self._judge_refusal(order, result)
        try:
            return self._wire.acknowledged(order, result.answer)
        except OtherOrder as problem:
            return OrderOutcomeUnknown(client_order_id=id, text=f"the acknowledgement says another {problem}")
        except (ValueError, ArithmeticError):
            said = describe(result, self._link.scrub)
            return OrderOutcomeUnknown(client_order_id=id, text=self._link.scrub(f"not an acknowledgement: {said}"))

    def _judge_refusal(self, order: PlaceOrder, result: Attempt) -> OrderRejected | OrderOutcomeUnknown:
        """What the venue says to an address that it has banned is no failure of the order."""
        outcome = judge_refusal(order.client_order_id, result, self._link.codes, self._link.scrub)
        banned = result.code is not None and self._link.doubted(self._wire.host_of(order.id), result.code)
        if banned and isinstance(outcome, OrderRejected):
            return replace(outcome, reason=RejectReason.RATE_LIMITED)
        return outcome

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask for a cancel, once: the venue's record where it sends one, otherwise what it said.

        A create of the same order that is still under way is waited for: the cancel must not arrive before it.
        """
        link, id = self._link, order.client_order_id
        if link.environment is Environment.SHADOW:
            return CancelAnswered(client_order_id=id, known=None, text=_WATCHED)
        if creates := [task for task, sent in self._under_way.items() if sent == id]:
            await asyncio.wait(creates, timeout=link.answer_s + 1)
        try:
            async with link.lanes.turn(Lane.CONTROL, self._wire.host_of(order.id)):
                result = await attempt(lambda: self._wire.cancel(order.id, id), link.answer_s + 1, link.hear)
        except Barred as problem:
            return CancelAnswered(client_order_id=id, known=None, text=str(problem))
        if not result.refused:
            try:
                report = self._wire.canceled(order.id, id, result.answer)
            except NoSuchOrder as problem:
                return CancelAnswered(client_order_id=id, known=False, text=str(problem))
            except (ValueError, ArithmeticError):
                pass
            else:
                return report or CancelAnswered(client_order_id=id, known=True, text="the venue took note of it")
        known = False if self._wire.knows_no_order(result.code) else None
        return CancelAnswered(client_order_id=id, known=known, text=describe(result, link.scrub))

    async def find(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id; None when it says that it knows none, AskAgain otherwise."""
        return await self._wire.find(id, client_order_id)


def _on_grid(order: PlaceOrder, rules: Instrument) -> bool:
    return is_multiple(order.quantity, rules.lot_size) and is_multiple(order.price, rules.tick_size)
