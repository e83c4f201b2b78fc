"""Binance's payloads as our nouns."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.account import FundingPayment, MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause, OrderReport, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.binance.codes import STATUSES
from hedger.venues.binance.names import settles_in_coin
from hedger.venues.binance.payloads import (
    BookFrame,
    BookTicker,
    DatedMarkFrame,
    DatedPremium,
    Income,
    MarkFrame,
    OrderFrame,
    OrderRecord,
    PositionRisk,
    Premium,
    SymbolConfig,
    Trade,
)
from hedger.venues.listing import Listed

_EXECUTIONS = frozenset({"TRADE", "CALCULATED"})
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_CAUSES = {
    "autoclose-": FillCause.LIQUIDATION,
    "adl_autoclose": FillCause.DELEVERAGING,
    "settlement_autoclose-": FillCause.SETTLEMENT,
}
MARGIN_MODES = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}


def cause_of(client_order_id: str | None) -> FillCause:
    """What the id of an order says: the venue's own orders have names of their own."""
    for beginning, cause in _CAUSES.items():
        if (client_order_id or "").startswith(beginning):
            return cause
    return FillCause.ORDER


def report_of(record: OrderRecord, id: InstrumentId) -> OrderReport:
    """An order's record. A filled quantity above the order's own is refused."""
    if record.executedQty > record.origQty:
        raise ValueError("an order is filled beyond its quantity")
    return OrderReport(
        id=id,
        client_order_id=record.clientOrderId or None,
        venue_order_id=str(record.orderId),
        side=SIDES[record.side],
        quantity=record.origQty,
        filled=record.executedQty,
        price=record.price,
        status=STATUSES.get(record.status, ReportStatus.UNRECOGNISED),
        reduce_only=record.reduceOnly,
        exchange_at=record.updateTime,
    )


def position_of(row: PositionRisk, account: str, listed: Listed, config: SymbolConfig) -> Position:
    """One net position with its leverage and margin mode."""
    return Position(
        id=InstrumentId(account, listed.symbol),
        underlying=listed.underlying,
        quantity=row.positionAmt,
        contract_multiplier=listed.contract_multiplier,
        entry_price=row.entryPrice,
        mark_price=row.markPrice,
        liquidation_price=row.liquidationPrice if row.liquidationPrice > 0 else None,
        leverage=config.leverage,
        margin_mode=MARGIN_MODES[config.marginType],
        payoff=listed.payoff,
        expiry_at=listed.expiry_at,
    )


def bare_row(raw: str, quantity: Decimal = ZERO) -> PositionRisk:
    """A row without prices: of a flat position, which Binance leaves out, or of one of which no more is known."""
    return PositionRisk(
        symbol=raw,
        positionSide="BOTH",
        positionAmt=quantity,
        entryPrice=ZERO,
        markPrice=ZERO,
        liquidationPrice=ZERO,
    )


def fill_of(trade: Trade, id: InstrumentId) -> Fill:
    """One execution; Binance's list does not name our id."""
    return Fill(
        id=id,
        trade_id=str(trade.id),
        venue_order_id=str(trade.orderId),
        client_order_id=None,
        side=SIDES[trade.side],
        quantity=trade.qty,
        price=trade.price,
        fee=trade.commission,
        fee_asset=trade.commissionAsset,
        maker=trade.maker,
        exchange_at=trade.time,
    )


def payment_of(row: Income, id: InstrumentId) -> FundingPayment:
    """One funding payment: positive was received. Each API counts its own: a number of the one may be in the other."""
    name = f"coin-{row.tranId}" if settles_in_coin(id.symbol) else str(row.tranId)
    return FundingPayment(id=id, payment_id=name, amount=row.income, asset=row.asset, exchange_at=row.time)


def quote_of(ticker: BookTicker, id: InstrumentId, exchange_at: int) -> Quote:
    """The best prices of a book; ValueError for a crossed one."""
    return _quote(id, ticker.bidPrice, ticker.bidQty, ticker.askPrice, ticker.askQty, exchange_at)


def quote_of_frame(frame: BookFrame, id: InstrumentId, exchange_at: int) -> Quote:
    """The best prices of a book, as streamed."""
    return _quote(id, frame.b, frame.B, frame.a, frame.A, frame.E or exchange_at)


def _quote(
    id: InstrumentId, bid: Decimal, bid_quantity: Decimal, ask: Decimal, ask_quantity: Decimal, exchange_at: int
) -> Quote:
    if bid >= ask:
        raise ValueError("the book is crossed")
    return Quote(id=id, bid=bid, bid_quantity=bid_quantity, ask=ask, ask_quantity=ask_quantity, exchange_at=exchange_at)


def mark_of(premium: Premium, id: InstrumentId, funding_interval_ms: int) -> Mark:
    """Mark, index and funding."""
    return Mark(
        id=id,
        mark_price=premium.markPrice,
        index_price=premium.indexPrice,
        funding_rate=premium.lastFundingRate,
        funding_interval_ms=funding_interval_ms,
        next_funding_at=premium.nextFundingTime,
        exchange_at=premium.time,
    )


def dated_mark_of(premium: DatedPremium, id: InstrumentId) -> Mark:
    """Mark and index of a dated contract, which pays no funding."""
    return _unfunded(id, premium.markPrice, premium.indexPrice, premium.time)


def dated_mark_of_frame(frame: DatedMarkFrame, id: InstrumentId) -> Mark:
    """The same, as streamed."""
    return _unfunded(id, frame.p, frame.i, frame.E)


def _unfunded(id: InstrumentId, mark_price: Decimal, index_price: Decimal, exchange_at: int) -> Mark:
    return Mark(
        id=id,
        mark_price=mark_price,
        index_price=index_price,
        funding_rate=ZERO,
        funding_interval_ms=8 * HOUR_MS,
        next_funding_at=0,
        exchange_at=exchange_at,
    )


def mark_of_frame(frame: MarkFrame, id: InstrumentId, funding_interval_ms: int) -> Mark:
    """Mark, index and funding, as streamed."""
    return Mark(
        id=id,
        mark_price=frame.p,
        index_price=frame.i,
        funding_rate=frame.r,
        funding_interval_ms=funding_interval_ms,
        next_funding_at=frame.T,
        exchange_at=frame.E,
    )


def news_of_frame(frame: OrderFrame, id: InstrumentId) -> tuple[OrderReport | Fill, ...]:
    """What an order update says: the fill first, when it tells of one, then the order's record."""
    order = frame.o
    report = OrderReport(
        id=id,
        client_order_id=order.c or None,
        venue_order_id=str(order.i),
        side=SIDES[order.S],
        quantity=order.q,
        filled=order.z,
        price=order.p,
        status=STATUSES.get(order.X, ReportStatus.UNRECOGNISED),
        reduce_only=order.R,
        exchange_at=frame.E,
    )
    # CALCULATED is an execution of the venue's own order; without a trade's id it is told again by the list of trades.
    if order.x not in _EXECUTIONS or (order.x == "CALCULATED" and (order.l <= 0 or order.t <= 0)):
        return (report,)
    if order.l <= 0 or order.L <= 0:
        raise ValueError("a trade without a quantity or a price")
    fill = Fill(
        id=id,
        trade_id=str(order.t),
        venue_order_id=str(order.i),
        client_order_id=order.c or None,
        side=SIDES[order.S],
        quantity=order.l,
        price=order.L,
        fee=order.n,
        fee_asset=order.N or "",
        maker=order.m,
        exchange_at=order.T,
        cause=cause_of(order.c),
    )
    return (fill, report)
