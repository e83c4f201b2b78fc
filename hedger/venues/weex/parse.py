"""WEEX's payloads as our nouns."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.account import FundingPayment, MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import MINUTE_MS
from hedger.venues.listing import Listed
from hedger.venues.weex.codes import status_of
from hedger.venues.weex.known import Known
from hedger.venues.weex.payloads import (
    BookTicker,
    FillNews,
    FillRow,
    Income,
    OrderNews,
    OrderRecord,
    PairFrame,
    PositionRow,
    Premium,
)
from hedger.venues.weex.sides import Leg

# How long after it came an order that would have crossed is taken off at the latest [V].
AT_ONCE_MS = 500
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
MARGIN_MODES = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}


def report_of(record: OrderRecord, id: InstrumentId, known: Known) -> OrderReport:
    """An order's record; ValueError where it cannot be, or where it is ours, works, and is not post-only.

    One of ours that ended in the moment in which it came, unasked and with nothing filled, would have crossed: the
    venue's records have no word for that.
    """
    if record.executedQty > record.origQty:
        raise ValueError("an order is filled beyond its quantity")
    status, name = status_of(record.status), record.clientOrderId
    if status is ReportStatus.FILLED and record.executedQty != record.origQty:
        raise ValueError("an order is filled and is not filled whole")
    fault = known.post_only_fault(name, record.timeInForce)
    if fault is not None and status in (ReportStatus.WORKING, ReportStatus.UNRECOGNISED):
        raise ValueError(fault)
    if name:
        known.name(name, record.orderId)
    ended = status in (ReportStatus.CANCELED, ReportStatus.EXPIRED) and record.executedQty == 0
    at_once = ended and fault is None and record.updateTime - record.time <= AT_ONCE_MS
    crossed = at_once and known.is_unasked(name)
    return OrderReport(
        id=id,
        client_order_id=name or None,
        venue_order_id=record.orderId,
        side=SIDES[record.side],
        quantity=record.origQty,
        filled=record.executedQty,
        price=record.price,
        status=status,
        reduce_only=bool(record.reduceOnly) or closes(record),
        exchange_at=record.updateTime,
        ended_because=RejectReason.POST_ONLY_WOULD_CROSS if crossed else None,
    )


def closes(record: OrderRecord) -> bool:
    """Whether an order closes of a leg, and so can only reduce."""
    return record.positionSide != "BOTH" and Leg(record.positionSide) is not Leg.opened_by(SIDES[record.side])


def opened_by(record: OrderRecord) -> Leg | None:
    """The leg that an order opens, or may; None for one that closes."""
    return None if closes(record) else Leg.opened_by(SIDES[record.side])


def record_of(news: OrderNews) -> OrderRecord:
    """A streamed order as a record."""
    return OrderRecord(
        symbol=news.symbol,
        orderId=news.id,
        clientOrderId=news.clientOrderId,
        side=news.orderSide,
        positionSide=news.positionSide,
        type=news.type,
        status=news.status,
        timeInForce=news.timeInForce,
        price=news.price,
        origQty=news.size,
        executedQty=news.cumFillSize,
        reduceOnly=news.reduceOnly,
        time=news.createdTime,
        updateTime=news.updatedTime,
    )


def cause_of(kind: str) -> FillCause:
    """What the type of an order says of why it trades [V]: no forced one was ever recorded."""
    told = kind.upper()
    if "LIQUIDAT" in told:
        return FillCause.LIQUIDATION
    return FillCause.DELEVERAGING if "DELEVERAG" in told or told == "ADL" else FillCause.ORDER


def signed(row: PositionRow) -> Decimal:
    """A leg's quantity with its sign."""
    return row.size if row.side == "LONG" else -row.size


def mark_of_position(row: PositionRow) -> Decimal:
    """The mark of a held leg, from its cost and its profit; ValueError where that is no price."""
    gain = row.unrealizePnl if row.side == "LONG" else -row.unrealizePnl
    mark = (row.openValue + gain) / row.size
    if mark <= 0:
        raise ValueError(f"the position in {row.symbol} has no mark price")
    return mark


def position_of(row: PositionRow, quantity: Decimal, account: str, listed: Listed) -> Position:
    """One net position in units of a coin (or of a thousand, where the venue lists it so); `row` is its largest leg."""
    liquidation = row.liquidatePrice
    return Position(
        id=InstrumentId(account, listed.symbol),
        underlying=listed.underlying,
        quantity=quantity,
        contract_multiplier=listed.contract_multiplier,
        entry_price=row.openValue / row.size,
        mark_price=mark_of_position(row),
        liquidation_price=liquidation if liquidation is not None and liquidation > 0 else None,
        leverage=row.leverage,
        margin_mode=MARGIN_MODES[row.marginType],
    )


def fill_of(row: FillRow, id: InstrumentId) -> Fill:
    """One execution; the list does not name our id."""
    return Fill(
        id=id,
        trade_id=row.id,
        venue_order_id=row.orderId,
        client_order_id=None,
        side=SIDES[row.side],
        quantity=row.qty,
        price=row.price,
        fee=row.commission,
        fee_asset=row.commissionAsset,
        maker=row.maker,
        exchange_at=row.time,
    )


def fill_of_news(news: FillNews, id: InstrumentId, client_order_id: str | None) -> Fill:
    """One execution, as streamed."""
    return Fill(
        id=id,
        trade_id=news.id,
        venue_order_id=news.orderId,
        client_order_id=client_order_id,
        side=SIDES[news.orderSide],
        quantity=news.fillSize,
        price=news.fillValue / news.fillSize,
        fee=news.fillFee,
        fee_asset=news.coin,
        maker=news.direction == "MAKER",
        exchange_at=news.createdTime,
        cause=FillCause.LIQUIDATION if news.liquidateFee else FillCause.ORDER,
    )


def payment_of(row: Income, id: InstrumentId) -> FundingPayment:
    """One funding payment: positive was received."""
    return FundingPayment(id=id, payment_id=row.billId, amount=row.income, asset=row.asset, exchange_at=row.time)


def mark_of(premium: Premium, id: InstrumentId) -> Mark:
    """Mark, index and funding."""
    return Mark(
        id=id,
        mark_price=premium.markPrice,
        index_price=premium.indexPrice,
        funding_rate=premium.forecastFundingRate,
        funding_interval_ms=premium.collectCycle * MINUTE_MS,
        next_funding_at=premium.nextFundingTime,
        exchange_at=premium.time,
    )


def quote_of(book: BookTicker, id: InstrumentId, asked_at: int) -> Quote:
    """The best prices; where they have no time, they are no older than the question."""
    return _quote(id, book.bidPrice, book.bidQty, book.askPrice, book.askQty, book.time or asked_at)


def quote_of_pair(frame: PairFrame, id: InstrumentId) -> Quote:
    """The best prices of a spot pair, as streamed."""
    return _quote(id, frame.b, frame.B, frame.a, frame.A, frame.E)


def quote_of_levels(
    id: InstrumentId, bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal], exchange_at: int
) -> Quote:
    """The best prices of a book, as streamed."""
    bid, ask = max(bids), min(asks)
    return _quote(id, bid, bids[bid], ask, asks[ask], exchange_at)


def _quote(
    id: InstrumentId, bid: Decimal, bid_quantity: Decimal, ask: Decimal, ask_quantity: Decimal, exchange_at: int
) -> Quote:
    if bid >= ask:
        raise ValueError("the book is crossed")
    return Quote(id=id, bid=bid, bid_quantity=bid_quantity, ask=ask, ask_quantity=ask_quantity, exchange_at=exchange_at)
