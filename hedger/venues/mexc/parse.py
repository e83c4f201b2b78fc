"""MEXC's payloads as our nouns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from hedger.model.account import FundingPayment, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.mexc.codes import FAULTS, NO_FAULT
from hedger.venues.mexc.listing import Known
from hedger.venues.mexc.payloads import Deal, Funding, FundingRecord, OrderRecord, PositionRow, Ticker
from hedger.venues.mexc.stance import CLOSE_LONG, CLOSE_SHORT, LONG, MARGIN_MODES, OPEN_LONG, POST_ONLY

# How long after it came an order that would have crossed is taken off at the latest [V].
AT_ONCE_MS = 1_000
_CLOSING = (CLOSE_SHORT, CLOSE_LONG)
_BUYING = (OPEN_LONG, CLOSE_SHORT)
_STATES: Mapping[int, ReportStatus] = MappingProxyType(
    {
        1: ReportStatus.WORKING,
        2: ReportStatus.WORKING,
        3: ReportStatus.FILLED,
        4: ReportStatus.CANCELED,
        5: ReportStatus.REJECTED,
    }
)
_ORDERED = 1
# 2: the system takes a position over, 3: it closes it, 4: auto-deleveraging, 5: delivery, 6: a hedge of a liquidation.
_CAUSES: Mapping[int, FillCause] = MappingProxyType(
    {
        2: FillCause.LIQUIDATION,
        3: FillCause.LIQUIDATION,
        4: FillCause.DELEVERAGING,
        5: FillCause.SETTLEMENT,
        6: FillCause.LIQUIDATION,
    }
)


def side_of(side: int) -> Side:
    """1 and 2 buy, 3 and 4 sell."""
    return Side.BUY if side in _BUYING else Side.SELL


def status_of(state: int, dealt: Decimal) -> ReportStatus:
    """What a state means; one that we do not know is never final. What is invalid and yet traded ended later."""
    status = _STATES.get(state, ReportStatus.UNRECOGNISED)
    return ReportStatus.CANCELED if status is ReportStatus.REJECTED and dealt else status


def cause_of(category: int) -> FillCause:
    """Why an order trades: by somebody's wish, or by the venue's own hand."""
    return _CAUSES.get(category, FillCause.ORDER)


def report_of(record: OrderRecord, id: InstrumentId, known: Known, *, unasked: bool) -> OrderReport:
    """An order's record; ValueError where more is filled than was ordered.

    `unasked`: nobody here asked for its cancel.
    """
    if record.dealVol > record.vol:
        raise ValueError("an order is filled beyond its quantity")
    status = status_of(record.state, record.dealVol)
    if status is ReportStatus.FILLED and record.dealVol != record.vol:
        raise ValueError("an order is filled, and not wholly")
    return OrderReport(
        id=id,
        client_order_id=record.externalOid or None,
        venue_order_id=record.orderId,
        side=side_of(record.side),
        quantity=known.units(record.vol),
        filled=known.units(record.dealVol),
        price=record.price,
        status=status,
        reduce_only=bool(record.reduceOnly) or record.side in _CLOSING,
        exchange_at=record.updateTime,
        ended_because=_ended_because(record, status) if unasked else None,
    )


def _ended_because(record: OrderRecord, status: ReportStatus) -> RejectReason | None:
    """Why the venue took off an order of which nothing was filled: the fault that its record names. A post-only order
    that ended in the moment in which it came, and of which none is named, would have crossed [V]."""
    if status not in (ReportStatus.CANCELED, ReportStatus.REJECTED) or record.dealVol:
        return None
    at_once = record.updateTime - record.createTime <= AT_ONCE_MS
    silent = record.errorCode in NO_FAULT and record.orderType == POST_ONLY and record.category == _ORDERED
    return RejectReason.POST_ONLY_WOULD_CROSS if silent and at_once else FAULTS.get(record.errorCode)


def signed(row: PositionRow) -> Decimal:
    """A position's contracts with its sign."""
    return row.holdVol if row.positionType == LONG else -row.holdVol


def position_of(row: PositionRow, net: Decimal, account: str, known: Known, ticker: Ticker) -> Position:
    """One net position of `net` contracts, described by its largest row; the mark and the index are the ticker's."""
    liquidation = row.liquidatePrice
    return Position(
        id=InstrumentId(account, known.symbol),
        underlying=known.underlying,
        quantity=known.units(net),
        contract_multiplier=known.multiplier,
        entry_price=row.holdAvgPrice,
        mark_price=ticker.fairPrice,
        liquidation_price=liquidation if liquidation is not None and liquidation > 0 else None,
        leverage=row.leverage,
        margin_mode=MARGIN_MODES[row.openType],
        payoff=known.payoff,
        index_price=ticker.indexPrice,
    )


def margin_in_use(row: PositionRow, known: Known, mark: Decimal) -> Decimal:
    """What a position may use of its wallet's margin at most: at its entry or at the mark, whichever is more."""
    units = known.units(row.holdVol)
    value = units * mark if known.payoff is Payoff.LINEAR else units * known.multiplier / mark
    return max(row.im, row.oim, value / row.leverage)


def fill_of(row: Deal, id: InstrumentId, known: Known) -> Fill:
    """One execution; ValueError where it is not told who made it: a taker's halts, so it is not guessed."""
    taker = row.isTaker if row.taker is None else row.taker
    if taker is None or (row.isTaker is not None and row.isTaker is not taker):
        raise ValueError("a fill is neither a maker's nor a taker's")
    return Fill(
        id=id,
        trade_id=row.id,
        venue_order_id=row.orderId,
        client_order_id=row.externalOid or None,
        side=side_of(row.side),
        quantity=known.units(row.vol),
        price=row.price,
        fee=row.fee,
        fee_asset=row.feeCurrency,
        maker=not taker,
        exchange_at=row.timestamp,
        cause=cause_of(row.category),
    )


def payment_of(row: FundingRecord, id: InstrumentId, asset: str) -> FundingPayment:
    """One funding payment: a long position at a negative rate received a positive one."""
    return FundingPayment(id=id, payment_id=row.id, amount=row.funding, asset=asset, exchange_at=row.settleTime)


def mark_of(ticker: Ticker, funding: Funding, id: InstrumentId) -> Mark:
    """Mark, index and funding of a contract."""
    return Mark(
        id=id,
        mark_price=ticker.fairPrice,
        index_price=ticker.indexPrice,
        funding_rate=funding.fundingRate,
        funding_interval_ms=funding.collectCycle * HOUR_MS,
        next_funding_at=funding.nextSettleTime,
        exchange_at=ticker.timestamp,
    )


def quote_of(
    bids: Sequence[Sequence[Decimal]],
    asks: Sequence[Sequence[Decimal]],
    id: InstrumentId,
    exchange_at: int,
    scale: Decimal = ONE,
) -> Quote:
    """The best prices of a book whose levels are `scale` units each; ValueError for one that is empty or crossed."""
    sides = [[(level[0], level[1]) for level in levels if level[1] > ZERO] for levels in (bids, asks)]
    (bid, bid_vol), (ask, ask_vol) = max(sides[0]), min(sides[1])
    if not ZERO < bid < ask:
        raise ValueError("the book is crossed")
    return Quote(
        id=id,
        bid=bid,
        bid_quantity=bid_vol * scale,
        ask=ask,
        ask_quantity=ask_vol * scale,
        exchange_at=exchange_at,
    )
