"""The life of an order: states and transitions as one table, fills that count once, and what may still fill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, OrderReport, ReportStatus, Side


class OrderStatus(StrEnum):
    """Where an order stands. The first four may still fill; the last four are final."""

    SENT = "sent"
    OPEN = "open"
    PENDING_CANCEL = "pending_cancel"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class News(StrEnum):
    """What can happen to an order."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOST = "lost"
    CANCEL_SENT = "cancel_sent"
    SEEN_WORKING = "seen_working"
    SEEN_FILLED = "seen_filled"
    SEEN_CANCELED = "seen_canceled"
    SEEN_EXPIRED = "seen_expired"
    SEEN_REJECTED = "seen_rejected"
    VANISHED = "vanished"
    STILL_LISTED = "still_listed"
    PROVEN_ABSENT = "proven_absent"
    WRITTEN_OFF = "written_off"


_S, _N = OrderStatus, News
_SEEN_FINAL = {
    _N.SEEN_FILLED: _S.FILLED,
    _N.SEEN_CANCELED: _S.CANCELED,
    _N.SEEN_EXPIRED: _S.EXPIRED,
    _N.SEEN_REJECTED: _S.REJECTED,
}

# A pair that is not here changes nothing: late and repeated news is normal. UNKNOWN is left only on evidence, or by
# a person's word, and a final state never, except that an order proven absent (or written off) which is then seen
# working was a wrong proof, and that one which is still listed long after its end has not ended.
TRANSITIONS: dict[tuple[OrderStatus, News], OrderStatus] = {
    (_S.SENT, _N.ACCEPTED): _S.OPEN,
    (_S.SENT, _N.REFUSED): _S.REJECTED,
    (_S.SENT, _N.LOST): _S.UNKNOWN,
    (_S.SENT, _N.SEEN_WORKING): _S.OPEN,
    (_S.UNKNOWN, _N.SEEN_WORKING): _S.OPEN,
    (_S.UNKNOWN, _N.CANCEL_SENT): _S.UNKNOWN,
    (_S.UNKNOWN, _N.PROVEN_ABSENT): _S.REJECTED,
    (_S.UNKNOWN, _N.WRITTEN_OFF): _S.REJECTED,
    (_S.OPEN, _N.CANCEL_SENT): _S.PENDING_CANCEL,
    (_S.OPEN, _N.VANISHED): _S.UNKNOWN,
    (_S.PENDING_CANCEL, _N.VANISHED): _S.UNKNOWN,
    (_S.REJECTED, _N.SEEN_WORKING): _S.OPEN,
    (_S.FILLED, _N.STILL_LISTED): _S.OPEN,
    (_S.CANCELED, _N.STILL_LISTED): _S.OPEN,
    (_S.EXPIRED, _N.STILL_LISTED): _S.OPEN,
    **{
        (status, news): final
        for status in (_S.SENT, _S.OPEN, _S.PENDING_CANCEL, _S.UNKNOWN)
        for news, final in _SEEN_FINAL.items()
    },
}

_NEWS_OF_REPORT = {
    ReportStatus.WORKING: News.SEEN_WORKING,
    ReportStatus.FILLED: News.SEEN_FILLED,
    ReportStatus.CANCELED: News.SEEN_CANCELED,
    ReportStatus.EXPIRED: News.SEEN_EXPIRED,
    ReportStatus.REJECTED: News.SEEN_REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of ours. Quantities in units.

    `reported` is the largest cumulative fill that any record named; `booked` the sum of the executions seen, each
    counted once by (`trade_ids`). `decision_mid` (quote), `deviation`, `holding` and `target` (coins) are what it was
    decided on; a `margin_reduction` gives up protection to save margin, a `flatten` gives it up for a person who asked
    for that, a `roll` moves a position from one contract to
    another and may end anywhere in the band. `probed_at` and `probes` say when and how
    often the venue was asked about it. Four proofs of absence: `absent_at` is when a complete list of open orders last
    lacked it, `missing_at` when it was not found by its id, `unfilled_at` when a complete list of fills had no others
    of it, `denied_at` when a cancel was sent that met an unknown order. It was `acknowledged` if the answer to its
    create named `venue_order_id`, which is else that of the first record under our id. It was `admitted` if the venue
    ever took a cancel of it, and its end is `presumed` if no record of the venue says it. Of an order that was adopted,
    executions up to `adopted_at` (the venue's time) are in `booked` already.
    """

    client_order_id: str
    id: InstrumentId
    hedge: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    decision_id: int
    decision_mid: Decimal | None
    deviation: Decimal
    holding: Decimal
    margin_reduction: bool
    placed_at: int
    ttl_ms: int
    status: OrderStatus = OrderStatus.SENT
    venue_order_id: str | None = None
    reported: Decimal = ZERO
    booked: Decimal = ZERO
    trade_ids: tuple[str, ...] = ()
    changed_at: int = 0
    cancel_at: int = 0
    cancels: int = 0
    probed_at: int = 0
    probes: int = 0
    absent_at: int = 0
    missing_at: int = 0
    unfilled_at: int = 0
    denied_at: int = 0
    admitted: bool = False
    presumed: bool = False
    roll: bool = False
    adopted_at: int = 0
    target: Decimal = ZERO
    flatten: bool = False
    acknowledged: bool = False

    @property
    def live(self) -> bool:
        """Whether it may still fill."""
        return self.status not in FINAL

    @property
    def filled(self) -> Decimal:
        """The most that any evidence says has filled."""
        return max(self.reported, self.booked)

    @property
    def remaining(self) -> Decimal:
        """What may still fill: nothing once final."""
        return self.quantity - self.filled if self.live else ZERO

    @property
    def fills_missing(self) -> bool:
        """Whether a record named more fills than the executions that we have seen."""
        return self.reported > self.booked

    @property
    def ended_unproven(self) -> bool:
        """Whether nothing but a record under our id says that it ended, without a fill: that record may be of another
        order that bears our id, for the answer to our create, which names ours, was never heard."""
        return not (self.live or self.filled or self.acknowledged) and self.venue_order_id is not None


def advance(order: Order, news: News, at: int) -> Order:
    """The order after a piece of news; the same object when the news changes nothing."""
    status = TRANSITIONS.get((order.status, news))
    if status is None or status is order.status:
        return order
    return replace(order, status=status, changed_at=at)


def presume(order: Order, news: News, at: int) -> Order:
    """The order after its end was proven or told by a person, without the venue's own record of it."""
    after = advance(order, news, at)
    return after if after is order else replace(after, presumed=True)


def undone(order: Order, at: int) -> Order:
    """The order without the record that ended it, which was of another order under our id: its fate is unknown."""
    return replace(order, status=OrderStatus.UNKNOWN, venue_order_id=None, changed_at=at, probes=0, probed_at=at)


def apply_report(order: Order, report: OrderReport, at: int) -> Order:
    """The order after a venue's record of it: its status by the table, its fills never less than before."""
    news = _NEWS_OF_REPORT.get(report.status)
    after = advance(order, news, at) if news else order
    if report.filled > after.reported or after.venue_order_id is None:
        reported = max(after.reported, min(report.filled, order.quantity))
        after = replace(after, reported=reported, venue_order_id=report.venue_order_id)
    return after


def apply_fill(order: Order, fill: Fill, at: int) -> Order:
    """The order after an execution; the same object when this execution was counted before."""
    if fill.trade_id in order.trade_ids or fill.exchange_at <= order.adopted_at:
        return order
    booked = order.booked + fill.quantity
    after = replace(
        order, booked=booked, trade_ids=(*order.trade_ids, fill.trade_id), venue_order_id=fill.venue_order_id
    )
    if after.status in (OrderStatus.UNKNOWN, OrderStatus.SENT, OrderStatus.REJECTED):
        after = advance(after, News.SEEN_WORKING, at)
    return advance(after, News.SEEN_FILLED, at) if booked >= order.quantity else after
