"""Orders as the venue reports them, and the fills that change a position."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE


class Side(StrEnum):
    """The direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> Decimal:
        """+1 for a buy, −1 for a sell."""
        return ONE if self is Side.BUY else -ONE


class ReportStatus(StrEnum):
    """What a venue's record says of an order. `UNRECOGNISED` is never read as final."""

    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNRECOGNISED = "unrecognised"


class RejectReason(StrEnum):
    """Why a venue refused an order: a closed list, for metrics and for what happens next."""

    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    REDUCE_ONLY_NOTHING_TO_REDUCE = "reduce_only_nothing_to_reduce"
    INVALID_ORDER = "invalid_order"
    RATE_LIMITED = "rate_limited"
    CLOCK = "clock"
    NOT_AUTHORISED = "not_authorised"
    UNAVAILABLE = "unavailable"
    RESTRICTED = "restricted"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """A venue's record of one order. Quantities in units; `filled` is cumulative.

    `client_order_id` is None for orders that carry none; `venue_order_id` is the venue's. A report may come
    from a stream, an open-orders list or a query. `ended_because` is why the venue itself took off an order that it had
    acknowledged (a post-only one that would have crossed), where its record says so.
    """

    id: InstrumentId
    client_order_id: str | None
    venue_order_id: str
    side: Side
    quantity: Decimal
    filled: Decimal
    price: Decimal
    status: ReportStatus
    reduce_only: bool
    exchange_at: int
    ended_because: RejectReason | None = None


class FillCause(StrEnum):
    """Why an execution happened: an order (ours or another's), or the venue's own hand."""

    ORDER = "order"
    LIQUIDATION = "liquidation"
    DELEVERAGING = "deleveraging"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of one of the account's orders.

    `quantity` in units (positive), `price` in quote per unit, `fee` in `fee_asset` (positive is paid by us,
    negative is a rebate). A fill is known by (account, symbol, trade_id, venue_order_id).
    """

    id: InstrumentId
    trade_id: str
    venue_order_id: str
    client_order_id: str | None
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    exchange_at: int
    cause: FillCause = FillCause.ORDER
