"""USDⓈ-M's response bodies for orders, trades, prices and funding."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.rules import price_places
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import (
    BestPrices,
    FundingRecord,
    Listing,
    OrderKind,
    OrderState,
    Premium,
    SimOrder,
    UserTrade,
)

TYPES = {OrderKind.LIMIT: "LIMIT", OrderKind.POST_ONLY: "LIMIT", OrderKind.MARKET: "MARKET"}
TIMES_IN_FORCE = {OrderKind.LIMIT: "GTC", OrderKind.POST_ONLY: "GTX", OrderKind.MARKET: "GTC"}
STATUSES = {state: state.value.upper() for state in OrderState}
SELF_TRADE = "EXPIRE_TAKER"


def average(order: SimOrder) -> Decimal:
    """The average price of an order's executions, 0 without any."""
    return order.quote_filled / order.filled if order.filled else ZERO


def placed(order: SimOrder, listing: Listing) -> Body:
    """POST and DELETE order."""
    lot = places(listing.lot_size)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": STATUSES[order.state],
        "clientOrderId": order.client_order_id,
        "price": fixed(order.price, price_places(listing)),
        "avgPrice": fixed(average(order), 5) if order.filled else "0.00",
        "origQty": fixed(order.quantity, lot),
        "executedQty": fixed(order.filled, lot),
        "cumQty": fixed(order.filled, lot),
        "cumQuote": fixed(order.quote_filled, 5),
        "timeInForce": TIMES_IN_FORCE[order.kind],
        "type": TYPES[order.kind],
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.value.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0.00",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": TYPES[order.kind],
        "priceMatch": "NONE",
        "selfTradePreventionMode": SELF_TRADE,
        "goodTillDate": 0,
        "updateTime": order.updated_at,
    }


def record(order: SimOrder, listing: Listing) -> Body:
    """GET order, openOrders, allOrders."""
    body = placed(order, listing) | {"time": order.created_at}
    del body["cumQty"]
    return body


def acknowledged(order: SimOrder, listing: Listing) -> Body:
    """POST order with newOrderRespType=ACK: accepted, whatever it did next."""
    lot = places(listing.lot_size)
    return placed(order, listing) | {
        "status": "NEW",
        "avgPrice": "0.00",
        "executedQty": fixed(ZERO, lot),
        "cumQty": fixed(ZERO, lot),
        "cumQuote": fixed(ZERO, 5),
        "updateTime": order.created_at,
    }


def trade(row: UserTrade, listing: Listing) -> Body:
    """GET userTrades."""
    return {
        "symbol": row.symbol,
        "id": row.trade_id,
        "orderId": row.order_id,
        "side": row.side.value.upper(),
        "price": fixed(row.price, price_places(listing)),
        "qty": fixed(row.quantity, places(listing.lot_size)),
        "realizedPnl": fixed(row.realized_pnl),
        "marginAsset": listing.quote,
        "quoteQty": fixed(row.price * row.quantity),
        "commission": fixed(row.fee),
        "commissionAsset": row.fee_asset,
        "time": row.at,
        "positionSide": "BOTH",
        "buyer": row.side is Side.BUY,
        "maker": row.maker,
    }


def funding_income(row: FundingRecord) -> Body:
    """GET income, a funding payment."""
    return {
        "symbol": row.symbol,
        "incomeType": "FUNDING_FEE",
        "income": fixed(row.amount),
        "asset": row.asset,
        "time": row.at,
        "info": "FUNDING_FEE",
        "tranId": row.payment_id,
        "tradeId": "",
    }


def trade_income(row: UserTrade, kind: str, amount: Decimal) -> Body:
    """GET income, a fee or the profit of a trade."""
    return {
        "symbol": row.symbol,
        "incomeType": kind,
        "income": fixed(amount),
        "asset": row.fee_asset if kind == "COMMISSION" else "USDT",
        "time": row.at,
        "info": str(row.trade_id),
        "tranId": row.trade_id,
        "tradeId": str(row.trade_id),
    }


def book_ticker(listing: Listing, best: BestPrices) -> Body:
    """GET ticker/bookTicker."""
    price, lot = price_places(listing), places(listing.lot_size)
    return {
        "symbol": listing.symbol,
        "bidPrice": fixed(best.bid or ZERO, price),
        "bidQty": fixed(best.bid_quantity, lot),
        "askPrice": fixed(best.ask or ZERO, price),
        "askQty": fixed(best.ask_quantity, lot),
        "time": best.at,
        "lastUpdateId": best.update_id,
    }


def premium_index(symbol: str, premium: Premium) -> Body:
    """GET premiumIndex."""
    return {
        "symbol": symbol,
        "markPrice": fixed(premium.mark_price),
        "indexPrice": fixed(premium.index_price),
        "estimatedSettlePrice": fixed(premium.index_price),
        "lastFundingRate": fixed(premium.funding_rate),
        "interestRate": "0.00010000",
        "nextFundingTime": premium.next_funding_at,
        "time": premium.at,
    }
