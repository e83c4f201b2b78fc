"""The exchange's words in the hedger's: symbols, orders, trades, positions, prices and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from hedger.model.account import FundingPayment, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.option import OptionPosition
from hedger.model.order import Fill, FillCause, OrderReport, RejectReason, ReportStatus
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE, SETTLEMENT
from hedger.sim.naming import contract_name, option_name, terms_of, unified_contract
from hedger.sim.nouns import (
    BestPrices,
    FundingRecord,
    LinearAccount,
    Listing,
    OptionListing,
    OrderState,
    Premium,
    Refusal,
    SimOrder,
    SimPosition,
    UserTrade,
    Wallet,
)
from hedger.sim.options import OptionMark

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
    """The exchange's wallet and name: `BTC/USDT:USDT` is the perpetual BTCUSDT, `BTC/USDT` the spot pair,
    `BTC/USD:BTC-261225` the dated contract BTCUSD_261225; raises GiveUp for another form."""
    terms = terms_of(symbol)
    if terms.settle is None:
        return Wallet.SPOT, f"{terms.base}{terms.quote}"
    wallet = Wallet.INVERSE if terms.payoff is Payoff.INVERSE else Wallet.LINEAR
    if terms.strike is not None and terms.option_type is not None and terms.expiry_at is not None:
        return wallet, option_name(terms.base, terms.quote, terms.expiry_at, terms.strike, terms.option_type)
    return wallet, contract_name(terms.base, terms.quote, terms.payoff, terms.expiry_at)


def unified_symbol(listing: Listing) -> str:
    """The other way round."""
    if listing.wallet is Wallet.SPOT:
        return f"{listing.base}/{listing.quote}"
    return unified_contract(listing.base, listing.quote, listing.settle, listing.expiry_at)


def unified_option(listing: OptionListing) -> str:
    """`BTC/USD:BTC-261225-80000-C`."""
    contract = unified_contract(listing.base, listing.quote, listing.settle, listing.expiry_at)
    return f"{contract}-{listing.strike:f}-{listing.option_type.value[0].upper()}"


def reject_reason(refusal: Refusal) -> RejectReason:
    """Why, in the hedger's closed list; a broken rule of form is an invalid order."""
    return REJECT_REASON.get(refusal, RejectReason.INVALID_ORDER)


def instrument(id: InstrumentId, listing: Listing, fees: tuple[Decimal, Decimal]) -> Instrument:
    """The rules of a listing, with our (maker, taker) fees."""
    return Instrument(
        id=id,
        kind=_kind(listing),
        underlying=listing.base,
        quote=listing.quote,
        settle=listing.settle,
        contract_multiplier=listing.contract_multiplier,
        tick_size=listing.tick_size,
        lot_size=listing.lot_size,
        min_quantity=listing.min_quantity,
        max_quantity=listing.max_quantity,
        min_notional=listing.min_notional,
        maker_fee=fees[0],
        taker_fee=fees[1],
        post_only=True,
        payoff=listing.payoff,
        expiry_at=listing.expiry_at,
        settlement_ms=listing.settlement_ms,
    )


def _kind(listing: Listing) -> Kind:
    if listing.wallet is Wallet.SPOT:
        return Kind.SPOT
    return Kind.PERPETUAL if listing.expiry_at is None else Kind.FUTURE


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
    if client_order_id.startswith(SETTLEMENT):
        return FillCause.SETTLEMENT
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


def position(id: InstrumentId, listing: Listing, row: SimPosition) -> Position:
    """One position, a flat one included."""
    return Position(
        id=id,
        underlying=listing.base,
        quantity=row.quantity,
        contract_multiplier=listing.contract_multiplier,
        entry_price=row.entry_price,
        mark_price=row.mark_price,
        liquidation_price=row.liquidation_price,
        leverage=Decimal(row.leverage),
        margin_mode=MarginMode.ISOLATED if row.isolated else MarginMode.CROSS,
        payoff=listing.payoff,
        expiry_at=listing.expiry_at,
        index_price=row.index_price,
    )


def margin(wallet: LinearAccount) -> Margin:
    """The margin of one derivatives wallet, in its own asset."""
    return Margin(
        equity=wallet.equity,
        maintenance_margin=wallet.maintenance_margin,
        initial_margin=wallet.initial_margin + wallet.open_order_margin,
        available=wallet.available,
    )


def option(account: str, listing: OptionListing, quantity: Decimal, mark: OptionMark) -> OptionPosition:
    """One option position and what the exchange says of it."""
    return OptionPosition(
        id=InstrumentId(account, unified_option(listing)),
        underlying=listing.base,
        option_type=listing.option_type,
        strike=listing.strike,
        expiry_at=listing.expiry_at,
        settlement_ms=listing.settlement_ms,
        payoff=listing.payoff,
        settle=listing.settle,
        quantity=quantity,
        contract_multiplier=listing.contract_multiplier,
        mark_price=mark.price,
        mark_sigma=mark.sigma,
        forward_price=mark.forward_price,
        index_price=mark.index_price,
        greeks=mark.greeks,
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
    """Mark, index and funding of a contract whose funding interval is `interval_ms`; a dated one waits for its expiry
    and pays nothing."""
    return Mark(
        id=id,
        mark_price=premium.mark_price,
        index_price=premium.index_price,
        funding_rate=premium.funding_rate,
        funding_interval_ms=interval_ms,
        next_funding_at=premium.next_funding_at,
        exchange_at=premium.at,
    )
