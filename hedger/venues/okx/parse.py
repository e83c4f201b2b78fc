"""OKX's orders, executions, payments and books as our nouns."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.market import Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus, Side
from hedger.venues.okx.codes import CATEGORIES, STATUSES, SUBTYPES, WOULD_TAKE
from hedger.venues.okx.listing import Contract
from hedger.venues.okx.payloads import BillRow, BookFrame, FillNews, FillRow, OrderRecord, Ticker
from hedger.venues.wire import Positive, TextMoment, reader

# What has a price of its own; the other types take what they find, and tell none.
_PRICED = frozenset({"limit", "post_only", "fok", "ioc", "mmp", "mmp_and_post_only"})
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_read_moment = reader(TextMoment)
_read_level = reader(tuple[Positive, Positive])


def report_of(record: OrderRecord, id: InstrumentId, contract: Contract) -> OrderReport:
    """An order's record. A filled quantity above the order's own is refused, and none of one that is filled: less than
    its own may be right, for the venue cuts reduce-only orders down."""
    filled = record.accFillSz
    status = STATUSES.get(record.state, ReportStatus.UNRECOGNISED)
    if filled > record.sz or (status is ReportStatus.FILLED and not filled):
        raise ValueError("the filled quantity of an order cannot be")
    if record.ordType in _PRICED and cause_of(record) is FillCause.ORDER and (record.px is None or record.px <= 0):
        raise ValueError("a limit order without a price")
    would_take = status is ReportStatus.CANCELED and record.cancelSource == WOULD_TAKE
    return OrderReport(
        id=id,
        client_order_id=record.clOrdId or None,
        venue_order_id=record.ordId,
        side=SIDES[record.side],
        quantity=contract.units(record.sz),
        filled=contract.units(filled),
        price=record.px or ZERO,
        status=status,
        reduce_only=record.reduceOnly,
        exchange_at=record.uTime,
        ended_because=RejectReason.POST_ONLY_WOULD_CROSS if would_take else None,
    )


def cause_of(record: OrderRecord) -> FillCause:
    """Why an order trades: the venue's own hand has categories."""
    return CATEGORIES.get(record.category, FillCause.ORDER)


def fill_of_news(record: OrderRecord, news: FillNews, id: InstrumentId, contract: Contract) -> Fill | None:
    """The execution that an order update tells of; None where it tells of none, or not of its fee: the list of fills
    tells that then."""
    if not news.tradeId or not news.fillSz or news.fillFee is None:
        return None
    if news.fillSz < 0 or news.fillPx is None or news.fillPx <= 0 or (news.fillFee and not news.fillFeeCcy):
        raise ValueError("a trade without a quantity, a price or the currency of its fee")
    return Fill(
        id=id,
        trade_id=news.tradeId,
        venue_order_id=record.ordId,
        client_order_id=record.clOrdId or None,
        side=SIDES[record.side],
        quantity=contract.units(news.fillSz),
        price=news.fillPx,
        fee=-news.fillFee,
        fee_asset=news.fillFeeCcy,
        maker=_made(news.execType, cause_of(record)),
        exchange_at=int(_read_moment(news.fillTime)),
        cause=cause_of(record),
    )


def _made(told: str, cause: FillCause) -> bool:
    """Whether we were the maker. The venue says it of every trade but those that it made itself."""
    if told not in ("M", "T") and cause is FillCause.ORDER:
        raise ValueError("a trade of which it is not told who was the maker")
    return told == "M"


def fill_of(row: FillRow, id: InstrumentId, contract: Contract) -> Fill:
    """One execution of the list; the trade of a liquidation or of deleveraging has a number below zero."""
    cause = SUBTYPES.get(row.subType, FillCause.LIQUIDATION if row.tradeId.startswith("-") else FillCause.ORDER)
    if not row.tradeId and cause is not FillCause.SETTLEMENT:
        # Under another id than the stream's, a trade would count twice. Of a delivery the stream tells no trade [V].
        raise ValueError("a trade without its number")
    return Fill(
        id=id,
        trade_id=row.tradeId or row.billId,
        venue_order_id=row.ordId,
        client_order_id=row.clOrdId or None,
        side=SIDES[row.side],
        quantity=contract.units(row.fillSz),
        price=row.fillPx,
        fee=-row.fee,
        fee_asset=row.feeCcy,
        maker=_made(row.execType, cause),
        exchange_at=row.fillTime,
        cause=cause,
    )


def payment_of(row: BillRow, id: InstrumentId) -> FundingPayment:
    """One funding payment: positive was received. ValueError where its sign is not that of its kind."""
    amount = row.pnl or row.balChg or row.posBalChg or ZERO
    if (row.subType == "173" and amount > 0) or (row.subType == "174" and amount < 0):
        raise ValueError(f"funding of {amount} is told as kind {row.subType}")
    return FundingPayment(id=id, payment_id=row.billId, amount=amount, asset=row.ccy, exchange_at=row.ts)


def quote_of(row: Ticker, id: InstrumentId, contract: Contract | None) -> Quote:
    """The best prices of a book; ValueError for a crossed one. A spot pair has no contract."""
    return _quote(id, contract, (row.bidPx, row.bidSz), (row.askPx, row.askSz), row.ts)


def quote_of_frame(frame: BookFrame, id: InstrumentId, contract: Contract | None) -> Quote | None:
    """The best prices of a book, as streamed; None while a side is empty."""
    if not frame.bids or not frame.asks:
        return None
    bid, ask = (_read_level((level[0], level[1])) for level in (frame.bids[0], frame.asks[0]))
    return _quote(id, contract, bid, ask, frame.ts)


def _quote(
    id: InstrumentId,
    contract: Contract | None,
    bid: tuple[Decimal, Decimal],
    ask: tuple[Decimal, Decimal],
    exchange_at: int,
) -> Quote:
    if bid[0] >= ask[0]:
        raise ValueError("the book is crossed")
    sizes = [contract.units(size) if contract is not None else size for size in (bid[1], ask[1])]
    return Quote(id=id, bid=bid[0], bid_quantity=sizes[0], ask=ask[0], ask_quantity=sizes[1], exchange_at=exchange_at)
