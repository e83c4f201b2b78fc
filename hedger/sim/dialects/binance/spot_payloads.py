"""Spot's response bodies and user-data events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.dialects.binance.digits import fixed
from hedger.sim.nouns import BestPrices, OrderKind, OrderNews, OrderState, SimOrder, UserTrade

Body = dict[str, object]
TYPES = {OrderKind.LIMIT: "LIMIT", OrderKind.POST_ONLY: "LIMIT_MAKER", OrderKind.MARKET: "MARKET"}
STATUSES = {state: state.value.upper() for state in OrderState}
SELF_TRADE = "EXPIRE_TAKER"


def _shared(order: SimOrder) -> Body:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": fixed(order.price),
        "origQty": fixed(order.quantity),
        "executedQty": fixed(order.filled),
        "origQuoteOrderQty": fixed(ZERO),
        "cummulativeQuoteQty": fixed(order.quote_filled),
        "status": STATUSES[order.state],
        "timeInForce": "GTC",
        "type": TYPES[order.kind],
        "side": order.side.value.upper(),
    }


def record(order: SimOrder) -> Body:
    """GET order, openOrders, allOrders."""
    return _shared(order) | {
        "stopPrice": fixed(ZERO),
        "icebergQty": fixed(ZERO),
        "time": order.created_at,
        "updateTime": order.updated_at,
        "isWorking": True,
        "workingTime": order.created_at,
        "selfTradePreventionMode": SELF_TRADE,
    }


def acknowledged(order: SimOrder) -> Body:
    """POST order with newOrderRespType=ACK."""
    keys = ("symbol", "orderId", "orderListId", "clientOrderId")
    shared = _shared(order)
    return {key: shared[key] for key in keys} | {"transactTime": order.created_at}


def result(order: SimOrder) -> Body:
    """POST order with newOrderRespType=RESULT."""
    return _shared(order) | {
        "transactTime": order.updated_at,
        "workingTime": order.created_at,
        "selfTradePreventionMode": SELF_TRADE,
    }


def full(order: SimOrder, trades: Iterable[UserTrade]) -> Body:
    """POST order with newOrderRespType=FULL."""
    fills = [
        {
            "price": fixed(t.price),
            "qty": fixed(t.quantity),
            "commission": fixed(t.fee),
            "commissionAsset": t.fee_asset,
            "tradeId": t.trade_id,
        }
        for t in trades
    ]
    return result(order) | {"fills": fills}


def canceled(order: SimOrder) -> Body:
    """DELETE order: Binance gives the cancel an id of its own."""
    return _shared(order) | {
        "origClientOrderId": order.client_order_id,
        "clientOrderId": f"cancel{order.order_id}",
        "transactTime": order.updated_at,
        "selfTradePreventionMode": SELF_TRADE,
    }


def trade(row: UserTrade) -> Body:
    """GET myTrades."""
    return {
        "symbol": row.symbol,
        "id": row.trade_id,
        "orderId": row.order_id,
        "orderListId": -1,
        "price": fixed(row.price),
        "qty": fixed(row.quantity),
        "quoteQty": fixed(row.price * row.quantity),
        "commission": fixed(row.fee),
        "commissionAsset": row.fee_asset,
        "time": row.at,
        "isBuyer": row.side is Side.BUY,
        "isMaker": row.maker,
        "isBestMatch": True,
    }


def account(
    balances: Mapping[str, tuple[Decimal, Decimal]],
    rates: tuple[Decimal, Decimal],
    *,
    now: int,
    omit_zeros: bool,
    withdrawals: bool,
) -> Body:
    """GET account."""
    maker, taker = rates
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": fixed(maker),
            "taker": fixed(taker),
            "buyer": fixed(ZERO),
            "seller": fixed(ZERO),
        },
        "canTrade": True,
        "canWithdraw": withdrawals,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": fixed(free), "locked": fixed(locked)}
            for asset, (free, locked) in sorted(balances.items())
            if free or locked or not omit_zeros
        ],
        "permissions": ["SPOT"],
        "uid": 354_937_868,
    }


def book_ticker(symbol: str, best: BestPrices) -> Body:
    """GET ticker/bookTicker."""
    return {
        "symbol": symbol,
        "bidPrice": fixed(best.bid or ZERO),
        "bidQty": fixed(best.bid_quantity),
        "askPrice": fixed(best.ask or ZERO),
        "askQty": fixed(best.ask_quantity),
    }


def execution_report(news: OrderNews, change: str) -> Body:
    """The user-data event of an order; `change` is Binance's execution type."""
    order, done = news.order, news.trade
    last_price, last_quantity = (done.price, done.quantity) if done else (ZERO, ZERO)
    cancel = change == "CANCELED"
    return {
        "e": "executionReport",
        "E": news.at,
        "s": order.symbol,
        "c": f"cancel{order.order_id}" if cancel else order.client_order_id,
        "S": order.side.value.upper(),
        "o": TYPES[order.kind],
        "f": "GTC",
        "q": fixed(order.quantity),
        "p": fixed(order.price),
        "P": fixed(ZERO),
        "F": fixed(ZERO),
        "g": -1,
        "C": order.client_order_id if cancel else "",
        "x": change,
        "X": STATUSES[order.state],
        "r": "NONE",
        "i": order.order_id,
        "l": fixed(last_quantity),
        "z": fixed(order.filled),
        "L": fixed(last_price),
        "n": fixed(done.fee) if done else "0",
        "N": done.fee_asset if done else None,
        "T": news.at,
        "t": done.trade_id if done else -1,
        "I": order.order_id * 2 + (1 if done else 0),
        "w": order.state in (OrderState.NEW, OrderState.PARTIALLY_FILLED),
        "m": done.maker if done else False,
        "M": done is not None,
        "O": order.created_at,
        "Z": fixed(order.quote_filled),
        "Y": fixed(last_price * last_quantity),
        "Q": fixed(ZERO),
        "W": order.created_at,
        "V": SELF_TRADE,
    }


def account_position(balances: Mapping[str, tuple[Decimal, Decimal]], assets: Iterable[str], now: int) -> Body:
    """The user-data event of balances that may have changed."""
    rows = [
        {"a": asset, "f": fixed(balances[asset][0]), "l": fixed(balances[asset][1])}
        for asset in assets
        if asset in balances
    ]
    return {"e": "outboundAccountPosition", "E": now, "u": now, "B": rows}
