"""USDⓈ-M's user-data events: ORDER_TRADE_UPDATE, TRADE_LITE and ACCOUNT_UPDATE."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.linear_payloads import (
    SELF_TRADE,
    STATUSES,
    TIMES_IN_FORCE,
    TYPES,
    average,
)
from hedger.sim.dialects.binance.rules import price_places
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import BalanceNews, Listing, OrderNews, SimPosition

TRADING = frozenset({"trade", "liquidation", "adl"})
_REASONS = {
    "deposit": "DEPOSIT",
    "withdrawal": "WITHDRAW",
    "transfer": "DEPOSIT",
    "funding": "FUNDING_FEE",
    "liquidation": "INSURANCE_CLEAR",
    "adl": "ORDER",
    "trade": "ORDER",
}


def of_order(news: OrderNews, change: str, listing: Listing) -> list[Body]:
    """The frames of a change of an order; an execution is announced by TRADE_LITE first."""
    update: Body = {"e": "ORDER_TRADE_UPDATE", "T": news.at, "E": news.at, "o": _order(news, change, listing)}
    return [update] if news.trade is None else [_trade_lite(news, listing), update]


def _order(news: OrderNews, change: str, listing: Listing) -> Body:
    order, done = news.order, news.trade
    price, lot = price_places(listing), places(listing.lot_size)
    body: Body = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side.value.upper(),
        "o": TYPES[order.kind],
        "f": TIMES_IN_FORCE[order.kind],
        "q": fixed(order.quantity, lot),
        "p": fixed(order.price, price),
        "ap": fixed(average(order), 5) if order.filled else "0",
        "sp": "0",
        "x": change,
        "X": STATUSES[order.state],
        "i": order.order_id,
        "l": fixed(done.quantity if done else ZERO, lot),
        "z": fixed(order.filled, lot),
        "L": fixed(done.price, price) if done else "0",
        "n": fixed(done.fee) if done else "0",
        "N": done.fee_asset if done else listing.quote,
        "T": news.at,
        "t": done.trade_id if done else 0,
        "b": "0",
        "a": "0",
        "m": done.maker if done else False,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": TYPES[order.kind],
        "ps": "BOTH",
        "cp": False,
        "rp": fixed(done.realized_pnl) if done else "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": SELF_TRADE,
        "pm": "NONE",
        "gtd": 0,
        "er": "0",
    }
    if done is None:
        del body["N"], body["n"]
    return body


def _trade_lite(news: OrderNews, listing: Listing) -> Body:
    order, done = news.order, news.trade
    assert done is not None
    price, lot = price_places(listing), places(listing.lot_size)
    return {
        "e": "TRADE_LITE",
        "E": news.at,
        "T": news.at,
        "s": order.symbol,
        "q": fixed(order.quantity, lot),
        "p": fixed(order.price, price),
        "m": done.maker,
        "c": order.client_order_id,
        "S": order.side.value.upper(),
        "L": fixed(done.price, price),
        "l": fixed(done.quantity, lot),
        "t": done.trade_id,
        "i": order.order_id,
    }


def of_account(news: BalanceNews, wallet_balance: Decimal, moved: Decimal, positions: Iterable[SimPosition]) -> Body:
    """ACCOUNT_UPDATE; `moved` is what changed the balance other than profit and fees."""
    balance = {"a": "USDT", "wb": fixed(wallet_balance), "cw": fixed(wallet_balance), "bc": fixed(moved)}
    reason = "withdrawal" if news.reason == "transfer" and moved < 0 else news.reason
    account: Body = {
        "m": _REASONS.get(reason, "ADJUSTMENT"),
        "B": [balance],
        "P": [_position(p) for p in positions],
    }
    return {"e": "ACCOUNT_UPDATE", "T": news.at, "E": news.at, "a": account}


def _position(position: SimPosition) -> Body:
    return {
        "s": position.symbol,
        "pa": fixed(position.quantity, 3) if not position.quantity else format(position.quantity, "f"),
        "ep": fixed(position.entry_price),
        "bep": fixed(position.entry_price),
        "cr": "0",
        "up": fixed(position.unrealized_pnl),
        "mt": "isolated" if position.isolated else "cross",
        "iw": "0",
        "ps": "BOTH",
        "ma": "USDT",
    }
