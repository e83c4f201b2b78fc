"""Bybit's payloads as our nouns."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.account import FundingPayment, MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Fill, FillCause, OrderReport, ReportStatus
from hedger.model.spans import HOUR_MS
from hedger.venues.bybit.codes import CAUSES, ENDED_BECAUSE, NO_FILLS, SIDES, STATUSES
from hedger.venues.bybit.payloads import ContractPrices, Execution, Funding, Ledger, OrderRecord, PositionRow, Ticker
from hedger.venues.listing import Listed

_ENDED = frozenset({ReportStatus.CANCELED, ReportStatus.REJECTED})


def report_of(record: OrderRecord, id: InstrumentId) -> OrderReport:
    """An order's record. A filled quantity above the order's own is refused."""
    if record.cumExecQty > record.qty > 0:
        raise ValueError("an order is filled beyond its quantity")
    if not record.price and record.orderType == "Limit":
        raise ValueError("a limit order has no price")
    status = STATUSES.get(record.orderStatus, ReportStatus.UNRECOGNISED)
    return OrderReport(
        id=id,
        client_order_id=record.orderLinkId or None,
        venue_order_id=record.orderId,
        side=SIDES[record.side],
        quantity=record.qty,
        filled=record.cumExecQty,
        price=record.price,
        status=status,
        reduce_only=record.reduceOnly,
        exchange_at=record.updatedTime,
        ended_because=ENDED_BECAUSE.get(record.rejectReason) if status in _ENDED else None,
    )


def signed(row: PositionRow) -> Decimal:
    """A position's size with its sign; ValueError for a size without a side."""
    if not row.size:
        return ZERO
    if row.side not in SIDES:
        raise ValueError(f"the position in {row.symbol} has no side")
    return row.size * SIDES[row.side].sign


def position_of(row: PositionRow, quantity: Decimal, account: str, listed: Listed, margin_mode: MarginMode) -> Position:
    """One net position of `quantity`. Where the venue tells no leverage it is taken for 1."""
    liquidation = row.liqPrice if quantity else None
    return Position(
        id=InstrumentId(account, listed.symbol),
        underlying=listed.underlying,
        quantity=quantity,
        contract_multiplier=listed.contract_multiplier,
        entry_price=row.avgPrice,
        mark_price=row.markPrice,
        liquidation_price=liquidation if liquidation is not None and liquidation > 0 else None,
        leverage=row.leverage if row.leverage is not None and row.leverage > 0 else ONE,
        margin_mode=margin_mode,
        payoff=listed.payoff,
        expiry_at=listed.expiry_at,
    )


def fill_of(row: Execution, id: InstrumentId, usual_asset: str) -> Fill | None:
    """One execution, None for what is told among them and is none. Of a contract the fee's asset may go unsaid: it is
    then `usual_asset`. ValueError for a kind that nobody knows."""
    if row.execType in NO_FILLS:
        return None
    if row.execType not in CAUSES:
        raise ValueError(f"nobody knows what an execution of the kind {row.execType[:20]} is")
    if row.execFee is None and CAUSES[row.execType] is FillCause.ORDER:
        raise ValueError("a trade has no fee")
    return Fill(
        id=id,
        trade_id=row.execId,
        venue_order_id=row.orderId,
        client_order_id=row.orderLinkId or None,
        side=SIDES[row.side],
        quantity=row.execQty,
        price=row.execPrice,
        fee=row.execFee if row.execFee is not None else ZERO,
        fee_asset=row.feeCurrency or row.feeCoin or usual_asset,
        maker=row.isMaker,
        exchange_at=row.execTime,
        cause=CAUSES[row.execType],
    )


def payment_of(row: Ledger, id: InstrumentId) -> FundingPayment | None:
    """One funding payment, None for a settlement without: contracts in USDC also settle their profit. ValueError for
    one that nobody could know again, and for one without an amount in another money."""
    if row.funding is None and row.currency != "USDC":
        raise ValueError("a payment has no amount")
    if not row.funding:
        return None
    if not (row.id or row.tradeId):
        raise ValueError("a payment has no id")
    return FundingPayment(
        id=id,
        payment_id=row.id or row.tradeId,
        amount=row.funding,
        asset=row.currency,
        exchange_at=row.transactionTime,
    )


def quote_of(ticker: Ticker, id: InstrumentId, exchange_at: int) -> Quote:
    """The best prices of a book; ValueError for a crossed one."""
    if ticker.bid1Price >= ticker.ask1Price:
        raise ValueError("the book is crossed")
    return Quote(
        id=id,
        bid=ticker.bid1Price,
        bid_quantity=ticker.bid1Size,
        ask=ticker.ask1Price,
        ask_quantity=ticker.ask1Size,
        exchange_at=exchange_at,
    )


def mark_of(
    prices: ContractPrices, funding: Funding | None, id: InstrumentId, interval_ms: int, exchange_at: int
) -> Mark:
    """Mark, index and funding; without `funding` of a dated contract, which pays none."""
    told = None if funding is None else funding.fundingIntervalHour
    if told is not None and told < 0:
        raise ValueError("funding is paid at no interval")
    return Mark(
        id=id,
        mark_price=prices.markPrice,
        index_price=prices.indexPrice,
        funding_rate=ZERO if funding is None else funding.fundingRate,
        funding_interval_ms=int(told * HOUR_MS) if told else interval_ms,
        next_funding_at=0 if funding is None else funding.nextFundingTime,
        exchange_at=exchange_at,
    )
