"""Which leg an order is for. WEEX wants LONG or SHORT with each order, and knows no `reduceOnly` besides.

A sell for SHORT opens one even where a long is held; to reduce the long it must be for LONG. Sell or buy alone does not
tell, so it is told by what is held: an order against the held leg closes of it, any other opens. The rule never lets an
order open a leg while the other is held or might come to be, and one order cannot pass through zero. What is not known
for sure is not sent: the sentence says why, and the next reading of the account makes it known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import InstrumentId
from hedger.model.message import PlaceOrder
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport, ReportStatus, Side
from hedger.venues.weex.codes import WINDOW_MS

# A reading that is older than this is not taken for what is held.
FRESH_MS = 60_000
# The list of positions may lag behind a trade by so much [V]: what might have opened a leg so shortly before a reading
# keeps the other leg shut, whatever the reading says.
SETTLED_MS = 2_000


class Leg(StrEnum):
    """A position's side as the venue names it."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def other(self) -> Leg:
        """The opposite leg."""
        return Leg.SHORT if self is Leg.LONG else Leg.LONG

    @staticmethod
    def opened_by(side: Side) -> Leg:
        """The leg that an order of this side opens."""
        return Leg.LONG if side is Side.BUY else Leg.SHORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """What a reading that left at `read_at` (the venue's time) says of a contract: the quantity of each leg, and the
    legs that some order on the book would open."""

    held: dict[Leg, Decimal]
    opening: frozenset[Leg]
    read_at: int


@dataclass(slots=True, kw_only=True)
class _Sent:
    """An order that left since: which leg it opens (None: it closes), and when it ended."""

    id: InstrumentId
    opens: Leg | None
    sent_at: int
    ended_at: int | None = None

    def is_told_by(self, reading_at: int) -> bool:
        """Whether a reading of that moment tells all that this order can still do."""
        over = self.ended_at if self.ended_at is not None else self.sent_at + WINDOW_MS
        return over + SETTLED_MS < reading_at


class Sides:
    """What is held, by contract, and what may have come of orders since it was read."""

    def __init__(self) -> None:
        self._legs: dict[InstrumentId, Legs] = {}
        self._sent: dict[str, _Sent] = {}
        self._filled: dict[str, Decimal] = {}
        self._traded_at: dict[InstrumentId, int] = {}
        # When an order that opens a leg was last seen to trade, or to be on the book no more.
        self._opened_at: dict[tuple[InstrumentId, Leg], int] = {}

    def learn(self, id: InstrumentId, legs: Legs) -> None:
        """Take over a complete reading, if it is not older than the last."""
        known = self._legs.get(id)
        if known is not None and known.read_at > legs.read_at:
            return
        for leg in known.opening - legs.opening if known is not None else ():
            self._opened_at[id, leg] = legs.read_at
        self._legs[id] = legs
        told = [name for name, sent in self._sent.items() if sent.id == id and sent.is_told_by(legs.read_at)]
        for name in told:
            del self._sent[name]
            self._filled.pop(name, None)

    def send(self, order: PlaceOrder, now: int) -> Leg:
        """The leg of an order that leaves now, remembered; ValueError with a sentence where it must not."""
        why = self.unfit(order, now)
        if why is not None:
            raise ValueError(why)
        leg = self._leg(order)
        opens = leg if leg is Leg.opened_by(order.side) else None
        self._sent[order.client_order_id] = _Sent(id=order.id, opens=opens, sent_at=now)
        return leg

    def hear(self, report: OrderReport, now: int) -> None:
        """Take from an order's record what it ends, and that something traded."""
        name = report.client_order_id or report.venue_order_id
        if report.filled > self._filled.get(name, ZERO):
            self._filled[name] = report.filled
            self._traded_at[report.id] = now
            if not report.reduce_only:
                self._opened_at[report.id, Leg.opened_by(report.side)] = now
        sent = self._sent.get(name)
        if sent is not None and report.status not in (ReportStatus.WORKING, ReportStatus.UNRECOGNISED):
            sent.ended_at = sent.ended_at or now

    def unfit(self, order: PlaceOrder, now: int) -> str | None:
        """Why an order must not leave now, in a sentence; None where its leg is known for sure."""
        symbol, legs = order.id.symbol, self._legs.get(order.id)
        if legs is None or now - legs.read_at > FRESH_MS:
            return f"what is held in {symbol} was not read in the last {FRESH_MS // 1000} s, so its leg is not known"
        if self._traded_at.get(order.id, 0) >= legs.read_at:
            return f"an order traded in {symbol} since it was read, so its leg is not known"
        if all(legs.held.values()):
            return f"{symbol} is held long and short at once: close one of the two by hand"
        opened = Leg.opened_by(order.side)
        held = legs.held[opened.other]
        if held:
            return None if order.quantity <= held else _crosses(order, held)
        if order.reduce_only:
            return f"nothing is held in {symbol} that a {order.side} would reduce"
        if opened.other in self._opening(order.id, legs):
            return f"an order that opens {opened.other} in {symbol} may still trade: both legs would be held"
        ended_at = self._opened_at.get((order.id, opened.other), 0)
        if not legs.held[opened] and ended_at + SETTLED_MS >= legs.read_at:
            return f"an order that opens {opened.other} in {symbol} ended as it was read: both legs might be held"
        return None

    def _opening(self, id: InstrumentId, legs: Legs) -> Iterable[Leg]:
        return legs.opening | {sent.opens for sent in self._sent.values() if sent.id == id and sent.opens is not None}

    def _leg(self, order: PlaceOrder) -> Leg:
        opened = Leg.opened_by(order.side)
        return opened.other if self._legs[order.id].held[opened.other] else opened


def _crosses(order: PlaceOrder, held: Decimal) -> str:
    leg = Leg.opened_by(order.side).other
    return (
        f"a {order.side} of {order.quantity} would pass through zero: WEEX closes the {held} {leg} of {order.id.symbol}"
        " and opens the other leg by separate orders only"
    )
