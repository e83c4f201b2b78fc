"""Deribit's payloads as our nouns."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.deribit.codes import CROSSED, STATUSES
from hedger.venues.deribit.payloads import MarkFrame, OrderRecord, QuoteFrame, Settlement, Ticker, Trade

# Funding is paid all the time, a rate is told for eight hours: that is our interval, and its ends are those of other
# venues, 00:00, 08:00 and 16:00 UTC.
FUNDING_INTERVAL_MS = 8 * HOUR_MS
SIDES = {"buy": Side.BUY, "sell": Side.SELL}


def report_of(record: OrderRecord, id: InstrumentId) -> OrderReport:
    """An order's record. A filled amount above the order's own is refused."""
    if record.filled_amount > record.amount:
        raise ValueError("an order is filled beyond its amount")
    return OrderReport(
        id=id,
        client_order_id=record.label or None,
        venue_order_id=record.order_id,
        side=SIDES[record.direction],
        quantity=record.amount,
        filled=record.filled_amount,
        price=record.price,
        status=STATUSES.get(record.order_state, ReportStatus.UNRECOGNISED),
        reduce_only=record.reduce_only,
        exchange_at=record.last_update_timestamp,
        ended_because=RejectReason.POST_ONLY_WOULD_CROSS if record.cancel_reason in CROSSED else None,
    )


def fill_of(trade: Trade, id: InstrumentId) -> Fill:
    """One execution of ours: a liquidation where our side of the trade was liquidated, not the other."""
    forced = trade.liquidation is not None and trade.liquidity in trade.liquidation
    return Fill(
        id=id,
        trade_id=trade.trade_id,
        venue_order_id=trade.order_id,
        client_order_id=trade.label or None,
        side=SIDES[trade.direction],
        quantity=trade.amount,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_currency,
        maker=trade.liquidity == "M",
        exchange_at=trade.timestamp,
        cause=FillCause.LIQUIDATION if forced else FillCause.ORDER,
    )


def payment_of(row: Settlement, id: InstrumentId, asset: str) -> FundingPayment:
    """What a perpetual paid in a session: positive was received [V]."""
    if row.funding is None:
        raise ValueError("a settlement of a perpetual without its funding")
    paid_at = row.timestamp
    return FundingPayment(
        id=id, payment_id=f"{row.instrument_name}-{paid_at}", amount=row.funding, asset=asset, exchange_at=paid_at
    )


def quote_of(told: Ticker | QuoteFrame, id: InstrumentId) -> Quote:
    """The best prices of a book; ValueError for a crossed one."""
    if told.best_bid_price >= told.best_ask_price:
        raise ValueError("the book is crossed")
    return Quote(
        id=id,
        bid=told.best_bid_price,
        bid_quantity=told.best_bid_amount,
        ask=told.best_ask_price,
        ask_quantity=told.best_ask_amount,
        exchange_at=told.timestamp,
    )


def mark_of(told: Ticker | MarkFrame, id: InstrumentId, *, funded: bool) -> Mark:
    """Mark, index and funding. The rate is what the last eight hours came to: a mean over time, as other venues'
    estimates are; `current_funding` is that of this moment alone, and nothing most of the time."""
    if funded and told.funding_8h is None:
        raise ValueError("a perpetual without a funding rate")
    return Mark(
        id=id,
        mark_price=told.mark_price,
        index_price=told.index_price,
        funding_rate=_rate(told.funding_8h) if funded else ZERO,
        funding_interval_ms=FUNDING_INTERVAL_MS,
        next_funding_at=(told.timestamp // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS if funded else 0,
        exchange_at=told.timestamp,
    )


def _rate(told: Decimal | None) -> Decimal:
    assert told is not None
    if abs(told) >= 1:
        raise ValueError("a funding rate that is none")
    return told
