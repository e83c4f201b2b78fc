"""The exchange's words in the hedger's: symbols, orders, trades, positions, prices and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from hedger.errors import GiveUp
from hedger.model.account import FundingPayment, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ONE
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE
from hedger.sim.nouns import (
    BestPrices,
    FundingRecord,
    Listing,
    OrderState,
    Premium,
    Refusal,
    SimOrder,
    SimPosition,
    UserTrade,
    Wallet,
)

STATUS: Mapping[OrderState, ReportStatus] = MappingProxyType(
    {
        OrderState.NEW: ReportStatus.WORKING,
        OrderState.PARTIALLY_FILLED: ReportStatus.WORKING,
        OrderState.FILLED: ReportStatus.FILLED,
        OrderState.CANCELED: ReportStatus.CANCELED,
        OrderState.EXPIRED: ReportStatus.EXPIRED,
    }
)
REJECT_REASON: Mapping[Refusal, RejectReason] = MappingProxyType(
    {
        Refusal.WOULD_CROSS: RejectReason.POST_ONLY_WOULD_CROSS,
        Refusal.INSUFFICIENT_BALANCE: RejectReason.INSUFFICIENT_MARGIN,
        Refusal.INSUFFICIENT_MARGIN: RejectReason.INSUFFICIENT_MARGIN,
        Refusal.LEVERAGE: RejectReason.INSUFFICIENT_MARGIN,
        Refusal.REDUCE_ONLY: RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE,
    }
)


def parse_symbol(symbol: str) -> tuple[Wallet, str]:
    """`BTC/USDT:USDT` is the perpetual BTCUSDT, `BTC/USDT` the spot pair; raises GiveUp for another form."""
    pair, colon, settle = symbol.partition(":")
    base, slash, quote = pair.partition("/")
    if not (base and slash and quote) or (colon and settle != quote):
        raise GiveUp(f"The paper exchange does not trade {symbol!r}.")
    return (Wallet.LINEAR if colon else Wallet.SPOT), f"{base}{quote}"


def unified_symbol(listing: Listing) -> str:
    """The other way round."""
    pair = f"{listing.base}/{listing.quote}"
    return pair if listing.wallet is Wallet.SPOT else f"{pair}:{listing.quote}"


def reject_reason(refusal: Refusal) -> RejectReason:
    """Why, in the hedger's closed list; a broken rule of form is an invalid order."""
    return REJECT_REASON.get(refusal, RejectReason.INVALID_ORDER)


def instrument(id: InstrumentId, listing: Listing, fees: tuple[Decimal, Decimal]) -> Instrument:
    """The rules of a listing, with our (maker, taker) fees."""
    return Instrument(
        id=id,
        kind=Kind.SPOT if listing.wallet is Wallet.SPOT else Kind.PERPETUAL,
        underlying=listing.base,
        quote=listing.quote,
        settle=listing.quote,
        contract_multiplier=ONE,
        tick_size=listing.tick_size,
        lot_size=listing.lot_size,
        min_quantity=listing.min_quantity,
        max_quantity=listing.max_quantity,
        min_notional=listing.min_notional,
        maker_fee=fees[0],
        taker_fee=fees[1],
        post_only=True,
    )


def report(id: InstrumentId, order: SimOrder) -> OrderReport:
    """The exchange's record of an order."""
    return OrderReport(
        id=id,
        client_order_id=order.client_order_id,
        venue_order_id=str(order.order_id),
        side=order.side,
        quantity=order.quantity,
        filled=order.filled,
        price=order.price,
        status=STATUS[order.state],
        reduce_only=order.reduce_only,
        exchange_at=order.updated_at,
    )


def fill(id: InstrumentId, trade: UserTrade) -> Fill:
    """One execution."""
    return Fill(
        id=id,
        trade_id=str(trade.trade_id),
        venue_order_id=str(trade.order_id),
        client_order_id=trade.client_order_id,
        side=trade.side,
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        maker=trade.maker,
        exchange_at=trade.at,
        cause=_cause(trade.client_order_id),
    )


def _cause(client_order_id: str) -> FillCause:
    """The exchange's own hand signs with names of its own."""
    if client_order_id.startswith(AUTOCLOSE):
        return FillCause.LIQUIDATION
    return FillCause.DELEVERAGING if client_order_id == ADL_AUTOCLOSE else FillCause.ORDER


def payment(id: InstrumentId, record: FundingRecord) -> FundingPayment:
    """One funding payment."""
    return FundingPayment(
        id=id,
        payment_id=str(record.payment_id),
        amount=record.amount,
        asset=record.asset,
        exchange_at=record.at,
    )


def position(id: InstrumentId, underlying: str, row: SimPosition) -> Position:
    """One position, a flat one included."""
    return Position(
        id=id,
        underlying=underlying,
        quantity=row.quantity,
        contract_multiplier=ONE,
        entry_price=row.entry_price,
        mark_price=row.mark_price,
        liquidation_price=row.liquidation_price,
        leverage=Decimal(row.leverage),
        margin_mode=MarginMode.ISOLATED if row.isolated else MarginMode.CROSS,
    )


def quote(id: InstrumentId, best: BestPrices, at: int) -> Quote | None:
    """The best prices as of `at` (ms); None while a side is empty."""
    if best.bid is None or best.ask is None:
        return None
    return Quote(
        id=id,
        bid=best.bid,
        bid_quantity=best.bid_quantity,
        ask=best.ask,
        ask_quantity=best.ask_quantity,
        exchange_at=at,
    )


def mark(id: InstrumentId, premium: Premium, interval_ms: int) -> Mark:
    """Mark, index and funding of a perpetual whose funding interval is `interval_ms`."""
    return Mark(
        id=id,
        mark_price=premium.mark_price,
        index_price=premium.index_price,
        funding_rate=premium.funding_rate,
        funding_interval_ms=interval_ms,
        next_funding_at=premium.next_funding_at,
        exchange_at=premium.at,
    )
