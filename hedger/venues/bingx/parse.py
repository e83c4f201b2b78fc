"""BingX's payloads as our nouns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hedger.model.account import FundingPayment, MarginMode, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.bingx.codes import status_of
from hedger.venues.bingx.payloads import (
    BookFrame,
    CoinFrame,
    Depth,
    Income,
    InverseFill,
    LinearFill,
    OrderFrame,
    OrderRecord,
    PositionRow,
    Premium,
)
from hedger.venues.listing import Listed

USUAL_INTERVAL_MS = 8 * HOUR_MS
# How long after it came an order that would have crossed is taken off at the latest [V].
AT_ONCE_MS = 500
# How far a price must have moved since the entry before the sign of the profit proves the side.
_TOLD = Decimal("0.002")
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
MARGIN_MODES = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}
_FORCED_TYPES = {"LIQUIDATION": FillCause.LIQUIDATION, "ADL": FillCause.DELEVERAGING}


def money(asset: str) -> str:
    """The play money of simulated trading stands for USDT."""
    return "USDT" if asset == "VST" else asset


def report_of(record: OrderRecord, id: InstrumentId, payoff: Payoff, *, unasked: bool) -> OrderReport:
    """An order's record; ValueError where its quantity is not told, or less than what is filled.

    `unasked`: nobody here asked for its cancel. One that ended in the moment in which it came, unasked and with nothing
    filled, would have crossed: the venue's records have no word for that.
    """
    quantity = record.quantity if payoff is Payoff.INVERSE else record.origQty
    if quantity is None or quantity < 0:
        raise ValueError("an order without a quantity")
    if record.executedQty > quantity:
        raise ValueError("an order is filled beyond its quantity")
    status = status_of(record.status)
    ended = status in (ReportStatus.CANCELED, ReportStatus.EXPIRED) and record.executedQty == 0
    at_once = ended and record.type.upper() == "LIMIT" and record.updateTime - record.time <= AT_ONCE_MS
    return OrderReport(
        id=id,
        client_order_id=record.client_id or None,
        venue_order_id=record.orderId,
        side=SIDES[record.side],
        quantity=quantity,
        filled=record.executedQty,
        price=record.price,
        status=status,
        reduce_only=bool(record.reduceOnly),
        exchange_at=record.updateTime,
        ended_because=RejectReason.POST_ONLY_WOULD_CROSS if at_once and unasked else None,
    )


def signed(row: PositionRow) -> Decimal:
    """A position's quantity with its sign, which its side tells; ValueError where its profit or its own sign says the
    other side. In one-way mode, too, the venue names LONG or SHORT; with BOTH, the quantity would bear the sign [V]."""
    if row.positionSide == "LONG" and row.positionAmt < 0:
        raise ValueError(f"a long position in {row.symbol} is negative")
    quantity = -abs(row.positionAmt) if row.positionSide == "SHORT" else row.positionAmt
    moved = row.markPrice - row.avgPrice if row.markPrice and row.avgPrice else ZERO
    if abs(moved) > _TOLD * row.avgPrice and moved * quantity * (row.unrealizedProfit or ZERO) < 0:
        raise ValueError(f"the position in {row.symbol} gains where its side would lose")
    return quantity


def position_of(row: PositionRow, quantity: Decimal, account: str, listed: Listed) -> Position:
    """One net position."""
    if quantity and row.markPrice <= 0:
        raise ValueError(f"the position in {row.symbol} has no mark price")
    liquidation = row.liquidationPrice
    return Position(
        id=InstrumentId(account, listed.symbol),
        underlying=listed.underlying,
        quantity=quantity,
        contract_multiplier=listed.contract_multiplier,
        entry_price=row.avgPrice,
        mark_price=row.markPrice,
        liquidation_price=liquidation if liquidation is not None and liquidation > 0 else None,
        leverage=row.leverage,
        margin_mode=MarginMode.ISOLATED if row.isolated else MarginMode.CROSS,
        payoff=listed.payoff,
    )


def linear_fill_of(row: LinearFill, id: InstrumentId) -> Fill:
    """One execution; the list does not name our id."""
    return Fill(
        id=id,
        trade_id=row.tradeId,
        venue_order_id=row.orderId,
        client_order_id=None,
        side=SIDES[row.side],
        quantity=row.qty,
        price=row.price,
        fee=-row.commission,
        fee_asset=money(row.commissionAsset),
        maker=row.role == "maker",
        exchange_at=row.filledTime,
    )


def inverse_fill_of(row: InverseFill, id: InstrumentId) -> Fill:
    """One execution of a COIN-M contract, in contracts."""
    return Fill(
        id=id,
        trade_id=row.tradeId,
        venue_order_id=row.orderId,
        client_order_id=None,
        side=SIDES[row.side],
        quantity=row.volume,
        price=row.tradePrice,
        fee=-row.commission,
        fee_asset=row.currency,
        maker=row.maker,
        exchange_at=row.tradeTime,
    )


def payment_of(row: Income, id: InstrumentId) -> FundingPayment:
    """One funding payment: positive was received."""
    return FundingPayment(id=id, payment_id=row.tranId, amount=row.income, asset=money(row.asset), exchange_at=row.time)


def mark_of(premium: Premium, id: InstrumentId, asked_at: int) -> Mark:
    """Mark, index and funding. The venue does not say of when they are: they are no older than the question."""
    hours = premium.fundingIntervalHours
    return Mark(
        id=id,
        mark_price=premium.markPrice,
        index_price=premium.indexPrice,
        funding_rate=premium.lastFundingRate,
        funding_interval_ms=hours * HOUR_MS if hours is not None else USUAL_INTERVAL_MS,
        next_funding_at=premium.nextFundingTime,
        exchange_at=asked_at,
    )


def quote_of(depth: Depth, id: InstrumentId, asked_at: int, payoff: Payoff) -> Quote:
    """The best prices of a book; ValueError where it does not say of when it is. Only of COIN-M, whose books were never
    recorded, one without a time counts as of the question [V]."""
    at = depth.T or depth.ts or (asked_at if payoff is Payoff.INVERSE else None)
    if at is None:
        raise ValueError("a book without a time")
    return _quote(id, depth.bids, depth.asks, at)


def quote_of_coin_frame(frame: CoinFrame, id: InstrumentId) -> Quote:
    """The best prices of a COIN-M book, as streamed, in contracts."""
    bids, asks = [(row.p, row.v) for row in frame.bids], [(row.p, row.v) for row in frame.asks]
    return _quote(id, bids, asks, frame.timestamp)


def quote_of_frame(frame: BookFrame, id: InstrumentId, received_at: int) -> Quote:
    """The best prices of a book, as streamed."""
    return _quote(id, [(frame.b, frame.B)], [(frame.a, frame.A)], frame.E or received_at)


def _quote(
    id: InstrumentId, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]], exchange_at: int
) -> Quote:
    (bid, bid_quantity), (ask, ask_quantity) = max(bids), min(asks)
    if bid >= ask:
        raise ValueError("the book is crossed")
    return Quote(id=id, bid=bid, bid_quantity=bid_quantity, ask=ask, ask_quantity=ask_quantity, exchange_at=exchange_at)


def cause_of_frame(frame: OrderFrame) -> FillCause:
    """What an order update says of why it trades."""
    told = frame.o.o.upper()
    if told in _FORCED_TYPES:
        return _FORCED_TYPES[told]
    return FillCause.LIQUIDATION if frame.o.x.upper() == "CALCULATED" else FillCause.ORDER


def news_of_frame(frame: OrderFrame, id: InstrumentId) -> tuple[OrderReport | Fill, ...]:
    """What an order update says: the fill first, when it tells of one whole, then the order's record.

    Where an update of a trade lacks the trade's own figures, the list of fills tells them.
    """
    order = frame.o
    if order.z > order.q:
        raise ValueError("an order is filled beyond its quantity")
    report = OrderReport(
        id=id,
        client_order_id=order.c or None,
        venue_order_id=order.i,
        side=SIDES[order.S],
        quantity=order.q,
        filled=order.z,
        price=order.p,
        status=status_of(order.X),
        reduce_only=bool(order.R or order.ro),
        exchange_at=frame.E,
    )
    fill = _fill_of(frame, id)
    return (report,) if fill is None else (fill, report)


def _fill_of(frame: OrderFrame, id: InstrumentId) -> Fill | None:
    order = frame.o
    if order.x.upper() != "TRADE" or order.m is None or order.n is None or not order.N:
        return None
    if order.t in (None, 0, "0", "") or not order.l or not order.L or order.T <= 0:
        return None
    if order.l < ZERO or order.L < ZERO:
        raise ValueError("a trade with a negative quantity or price")
    return Fill(
        id=id,
        trade_id=str(order.t),
        venue_order_id=order.i,
        client_order_id=order.c or None,
        side=SIDES[order.S],
        quantity=order.l,
        price=order.L,
        fee=-order.n,
        fee_asset=money(order.N),
        maker=order.m,
        exchange_at=order.T,
        cause=cause_of_frame(frame),
    )
