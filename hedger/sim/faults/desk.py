"""Creates and cancels at a venue that refuses, prices anew, mistakes, delays and forgets."""

from __future__ import annotations

from dataclasses import replace

from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
)
from hedger.model.order import RejectReason
from hedger.runtime.ports import CancelOutcome, Clock, PlaceOutcome
from hedger.sim import translation as words
from hedger.sim.faults.house import House
from hedger.sim.faults.link import FaultyLink
from hedger.sim.nouns import SimOrder
from hedger.sim.port import SimVenue, TurnedAway

STORM = (
    RejectReason.INVALID_ORDER,
    RejectReason.INSUFFICIENT_MARGIN,
    RejectReason.UNAVAILABLE,
    RejectReason.POST_ONLY_WOULD_CROSS,
    RejectReason.RESTRICTED,
)


class Desk:
    """Orders of one process at one house: what the plan does to them on top of the link."""

    def __init__(self, inner: SimVenue, house: House, link: FaultyLink, clock: Clock) -> None:
        self._inner, self._house, self._link, self._clock = inner, house, link, clock
        self._strikes = house.strikes

    # --- creates --------------------------------------------------------------------------------------------

    async def place(self, order: PlaceOrder) -> PlaceOutcome:
        """Send a create; raises AskAgain when its refusal gets lost."""
        refusal = self._refusal(order)
        if refusal is not None:
            return await self._refused(order, *refusal)
        self._house.sent[order.client_order_id] = order
        outcome = await self._inner.place(self._priced(order), _let_go)
        if order.client_order_id in self._house.slow_answers:
            self._house.slow_answers.discard(order.client_order_id)
            await self._clock.sleep(self._strikes.draw("V11").uniform(0.2, 3.0))
        accepted = isinstance(outcome, OrderAccepted)
        if accepted and self._strikes.hits("V19", order.client_order_id):
            return OrderOutcomeUnknown(client_order_id=order.client_order_id, text="-4116 duplicate clientOrderId")
        return outcome

    async def _refused(self, order: PlaceOrder, reason: RejectReason, text: str) -> PlaceOutcome:
        """A refusal takes its way there and back as every answer does."""
        name = order.client_order_id
        try:
            await self._link.request("place")
        except TurnedAway as turned:
            return OrderRejected(client_order_id=name, reason=turned.reason, text=str(turned))
        await self._link.response("place")
        return OrderRejected(client_order_id=name, reason=reason, text=text)

    def _refusal(self, order: PlaceOrder) -> tuple[RejectReason, str] | None:
        strikes, name = self._strikes, order.client_order_id
        if self._house.suspended():
            strikes.tell("V31", f"{name}: trading is suspended")
            return RejectReason.INVALID_ORDER, "-4108 symbol is not trading"
        if strikes.active("A09") and not self._reduces(order):
            strikes.tell("A09", name)
            return RejectReason.RESTRICTED, "-4400 reduce-only account"
        if strikes.hits("V23", name):
            return strikes.draw("V23").choice(STORM), "refused"
        if strikes.hits("A01", name):
            return RejectReason.INSUFFICIENT_MARGIN, "-2019 margin is insufficient"
        if order.reduce_only and strikes.hits("V24", name):
            return RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE, "-2022 ReduceOnly Order is rejected"
        if strikes.active("V16") and strikes.variant("V16", 3) == 0 and strikes.hits("V16", name):
            return RejectReason.POST_ONLY_WOULD_CROSS, "-5022 would immediately match"
        return None

    def _reduces(self, order: PlaceOrder) -> bool:
        held = self._house.exchange.floor.account(self._house.user).holding(words.parse_symbol(order.id.symbol)[1])
        return held.quantity * order.side.sign < 0 and order.quantity <= abs(held.quantity)

    def _priced(self, order: PlaceOrder) -> PlaceOrder:
        """Some venues move a post-only order to a price at which it rests, without a word."""
        strikes = self._strikes
        if not (strikes.active("V16") and strikes.variant("V16", 3) == 2):
            return order
        if not strikes.hits("V16", f"{order.client_order_id} is priced anew"):
            return order
        tick = self._house.hands.listing(words.parse_symbol(order.id.symbol)[1]).tick_size
        return replace(order, price=order.price - order.side.sign * tick)

    # --- cancels --------------------------------------------------------------------------------------------

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Send a cancel; raises AskAgain when an answer that is made up here gets lost."""
        name, working = order.client_order_id, self._working(order)
        if working is None:
            return await self._inner.cancel(order)
        if self._strikes.due("V12"):
            self._fill_meanwhile(working)
        if self._strikes.hits("V13", f"{name} is unknown to a cancel"):
            return await self._answered(order, known=False, text="-2011 Unknown order sent")
        if self._strikes.due("V14"):
            return await self._pending(order, working)
        return await self._inner.cancel(order)

    def _working(self, order: CancelOrder) -> SimOrder | None:
        own = self._house.hands.own()
        return next((o for o in own if o.client_order_id == order.client_order_id), None)

    def _fill_meanwhile(self, working: SimOrder) -> None:
        left, lot = working.quantity - working.filled, self._house.hands.listing(working.symbol).lot_size
        part = left if self._strikes.draw("V12").random() < 0.5 else min(left, lot)
        if self._house.hands.hit(working.order_id, part):
            self._strikes.tell("V12", f"{working.client_order_id} filled while its cancel travels")

    async def _pending(self, order: CancelOrder, working: SimOrder) -> CancelOutcome:
        wait_s = min(self._strikes.draw("V14").uniform(0, 30), self._strikes.left_s)
        answered = await self._answered(order, known=True, text="51410 cancel pending")
        self._strikes.tell("V14", f"{order.client_order_id} is canceled in {wait_s:.1f} s")
        exchange, hands = self._house.exchange, self._house.hands
        at = exchange.now + int(wait_s * 1000)
        exchange.schedule(at, lambda: _quietly(hands.cancel(working.symbol, working.client_order_id)))
        return answered

    async def _answered(self, order: CancelOrder, *, known: bool, text: str) -> CancelAnswered:
        await self._link.request("cancel")
        await self._link.response("cancel")
        return CancelAnswered(client_order_id=order.client_order_id, known=known, text=text)


def _let_go() -> None:
    """Whether it may leave was asked before it was told to leave."""


def _quietly(_: bool) -> None:
    """It is no matter whether there was still something to cancel."""
