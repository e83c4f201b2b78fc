"""The endpoints of api.binance.com: spot's market data, account and orders, and what /sapi is needed for."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.spans import DAY_MS
from hedger.sim.dialects.binance import spot_payloads as bodies
from hedger.sim.dialects.binance.changes import LastChanges
from hedger.sim.dialects.binance.depth import DepthFeed
from hedger.sim.dialects.binance.desk import Access, Call, Handler, Route, Routes, Weight
from hedger.sim.dialects.binance.digits import fixed
from hedger.sim.dialects.binance.order_entry import read_lookup, read_spot
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import CANCEL, SPOT, ApiError, translate
from hedger.sim.dialects.binance.rules import MOST_OPEN_ORDERS, spot_rules
from hedger.sim.dialects.binance.weights import Meter, OrderLimit
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OrderKind, Refused, SimOrder, UserTrade, Wallet

ALL = 1_000_000


def spot_meter() -> Meter:
    """The limits of /api."""
    limits = (
        OrderLimit(label="10S", interval="10 SECOND", window_ms=10_000, limit=100),
        OrderLimit(label="1D", interval="1 DAY", window_ms=DAY_MS, limit=200_000),
    )
    return Meter(name="spot", per_minute=6_000, order_limits=limits)


class SpotApi:
    """Spot in front of an exchange."""

    def __init__(self, exchange: Exchange, meter: Meter, changes: LastChanges, depth: DepthFeed) -> None:
        self._exchange = exchange
        self._meter = meter
        self._changes = changes
        self._depth = depth

    def routes(self) -> Routes:
        """Every endpoint: (method, path) → route."""
        private = {
            ("GET", "/api/v3/account"): Route(handler=self._account, weight=20),
            ("GET", "/api/v3/openOrders"): Route(handler=self._open_orders, weight=_lone(6, 80)),
            ("DELETE", "/api/v3/openOrders"): Route(handler=self._cancel_all),
            ("POST", "/api/v3/order"): Route(handler=self._place, creates=True),
            ("GET", "/api/v3/order"): Route(handler=self._find, weight=4),
            ("DELETE", "/api/v3/order"): Route(handler=self._cancel),
            ("GET", "/api/v3/myTrades"): Route(handler=self._trades, weight=_trades_weight),
            ("GET", "/api/v3/account/commission"): Route(handler=self._commission, weight=20),
        }
        return {**self._public_routes(), **private, **self._sapi_routes()}

    def _public_routes(self) -> Routes:
        def public(handler: Handler, weight: Weight = 1) -> Route:
            return Route(handler=handler, weight=weight, access=Access.PUBLIC)

        return {
            ("GET", "/api/v3/ping"): public(lambda _: {}),
            ("GET", "/api/v3/time"): public(lambda _: {"serverTime": self._exchange.now}),
            ("GET", "/api/v3/exchangeInfo"): public(self._rules, 20),
            ("GET", "/api/v3/ticker/bookTicker"): public(self._book_ticker, _lone(2, 4)),
            ("GET", "/api/v3/depth"): public(self._levels, _depth_weight),
        }

    def _sapi_routes(self) -> Routes:
        meter = Meter(name="sapi", per_minute=12_000)

        def sapi(handler: Handler) -> Route:
            return Route(handler=handler, meter=meter, weight_header="X-SAPI-USED-IP-WEIGHT-1M")

        return {
            ("GET", "/sapi/v1/asset/tradeFee"): sapi(self._trade_fees),
            ("GET", "/sapi/v1/account/apiRestrictions"): sapi(self._restrictions),
        }

    # --- market data -------------------------------------------------------------------------------------------

    def _rules(self, call: Call) -> object:
        return spot_rules(self._named(call.params), self._meter, self._exchange.now)

    def _book_ticker(self, call: Call) -> object:
        rows = [
            bodies.book_ticker(x.symbol, self._exchange.best(Wallet.SPOT, x.symbol)) for x in self._named(call.params)
        ]
        return rows[0] if "symbol" in call.params else rows

    def _levels(self, call: Call) -> object:
        symbol = self._listing(call.params.text("symbol")).symbol
        update_id = self._depth.sync(symbol)
        sides = self._exchange.depth(Wallet.SPOT, symbol, call.params.limit(100, 5_000))
        bids, asks = ([[fixed(price), fixed(quantity)] for price, quantity in side] for side in sides)
        return {"lastUpdateId": update_id, "bids": bids, "asks": asks}

    # --- account -----------------------------------------------------------------------------------------------

    def _account(self, call: Call) -> object:
        return bodies.account(
            self._exchange.spot_balances(call.user),
            self._exchange.fees(call.user, Wallet.SPOT),
            now=self._changes.at(call.user, Wallet.SPOT),
            omit_zeros=call.params.boolean("omitZeroBalances", False),
            withdrawals=call.credential.withdrawals,
        )

    def _commission(self, call: Call) -> object:
        symbol = self._listing(call.params.text("symbol")).symbol
        maker, taker = self._exchange.fees(call.user, Wallet.SPOT)
        nothing = {"maker": fixed(ZERO), "taker": fixed(ZERO), "buyer": fixed(ZERO), "seller": fixed(ZERO)}
        return {
            "symbol": symbol,
            "standardCommission": nothing | {"maker": fixed(maker), "taker": fixed(taker)},
            "specialCommission": nothing,
            "taxCommission": nothing,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": fixed(ZERO),
            },
        }

    def _trade_fees(self, call: Call) -> object:
        maker, taker = (format(rate.normalize(), "f") for rate in self._exchange.fees(call.user, Wallet.SPOT))
        return [
            {"symbol": x.symbol, "makerCommission": maker, "takerCommission": taker} for x in self._named(call.params)
        ]

    def _restrictions(self, call: Call) -> object:
        return {
            "ipRestrict": False,
            "createTime": self._changes.at("", Wallet.SPOT),
            "enableReading": True,
            "enableWithdrawals": call.credential.withdrawals,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": True,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": True,
            "enableSpotAndMarginTrading": True,
            "enablePortfolioMarginTrading": False,
        }

    # --- orders ------------------------------------------------------------------------------------------------

    def _place(self, call: Call) -> object:
        listing = self._listing(call.params.text("symbol"))
        entry = read_spot(call.params, self._reference(listing.symbol))
        if len(self._exchange.open_orders(call.user, Wallet.SPOT, listing.symbol)) >= MOST_OPEN_ORDERS:
            raise ApiError(-1013, "Filter failure: MAX_NUM_ORDERS")
        order = self._exchange.place(
            call.user,
            Wallet.SPOT,
            listing.symbol,
            side=entry.side,
            kind=entry.kind,
            quantity=entry.quantity,
            price=entry.price,
            reduce_only=False,
            client_order_id=entry.client_order_id,
        )
        return self._placed(call, order)

    def _placed(self, call: Call, order: SimOrder) -> object:
        default = "ACK" if order.kind is OrderKind.POST_ONLY else "FULL"
        match call.params.optional("newOrderRespType") or default:
            case "ACK":
                return bodies.acknowledged(order)
            case "RESULT":
                return bodies.result(order)
            case "FULL":
                trades = self._user_trades(call.user, order.symbol)
                return bodies.full(order, [t for t in trades if t.order_id == order.order_id])
            case _:
                raise ApiError(-1136, "Invalid newOrderRespType.")

    def _find(self, call: Call) -> object:
        symbol, wanted = self._listing(call.params.text("symbol")).symbol, read_lookup(call.params)
        order = self._exchange.find_order(
            call.user,
            Wallet.SPOT,
            symbol,
            order_id=wanted.order_id,
            client_order_id=wanted.client_order_id,
        )
        return bodies.record(order)

    def _cancel(self, call: Call) -> object:
        symbol, wanted = self._listing(call.params.text("symbol")).symbol, read_lookup(call.params)
        try:
            order = self._exchange.cancel(
                call.user,
                Wallet.SPOT,
                symbol,
                order_id=wanted.order_id,
                client_order_id=wanted.client_order_id,
            )
        except Refused as refused:
            raise translate(refused, CANCEL, SPOT) from refused
        return bodies.canceled(order)

    def _open_orders(self, call: Call) -> object:
        symbol = call.params.optional("symbol")
        symbol = None if symbol is None else self._listing(symbol).symbol
        return [bodies.record(o) for o in self._exchange.open_orders(call.user, Wallet.SPOT, symbol)]

    def _cancel_all(self, call: Call) -> object:
        symbol = self._listing(call.params.text("symbol")).symbol
        orders = self._exchange.open_orders(call.user, Wallet.SPOT, symbol)
        if not orders:
            raise ApiError(-2011, "Unknown order sent.")
        for order in orders:
            self._exchange.cancel(call.user, Wallet.SPOT, symbol, order_id=order.order_id)
        return [bodies.canceled(order) for order in orders]

    def _trades(self, call: Call) -> object:
        symbol = self._listing(call.params.text("symbol")).symbol
        return [bodies.trade(t) for t in select_trades(call.params, self._chosen_trades(call, symbol))]

    def _chosen_trades(self, call: Call, symbol: str) -> list[UserTrade]:
        order_id, start = call.params.integer("orderId"), call.params.integer("startTime")
        end, from_id = call.params.integer("endTime"), call.params.integer("fromId")
        if from_id is not None and (start is not None or end is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if start is not None and end is not None and end - start > DAY_MS:
            raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
        trades = self._user_trades(call.user, symbol)
        return [t for t in trades if order_id in (None, t.order_id) and (end is None or t.at <= end)]

    # --- lookups -----------------------------------------------------------------------------------------------

    def _user_trades(self, user: str, symbol: str) -> list[UserTrade]:
        return self._exchange.trades(user, Wallet.SPOT, symbol, limit=ALL)

    def _reference(self, symbol: str) -> Decimal:
        best = self._exchange.best(Wallet.SPOT, symbol)
        return (best.bid + best.ask) / 2 if best.bid and best.ask else ZERO

    def _listing(self, symbol: str) -> Listing:
        listing = self._exchange.listings.get((Wallet.SPOT, symbol))
        if listing is None:
            raise ApiError(-1121, "Invalid symbol.")
        return listing

    def _named(self, params: Params) -> list[Listing]:
        """The listings that `symbol` or `symbols` (a JSON list) names, or all."""
        if "symbol" in params:
            return [self._listing(params.text("symbol"))]
        if "symbols" in params:
            return [self._listing(symbol) for symbol in _symbol_list(params.text("symbols"))]
        return [x for (wallet, _), x in self._exchange.listings.items() if wallet is Wallet.SPOT]


def select_trades(params: Params, trades: list[UserTrade]) -> list[UserTrade]:
    """`limit` of trades in order: the first from `startTime` or `fromId` on, else the latest."""
    start, from_id, limit = params.integer("startTime"), params.integer("fromId"), params.limit(500, 1_000)
    if from_id is not None:
        return [t for t in trades if t.trade_id >= from_id][:limit]
    if start is not None:
        return [t for t in trades if t.at >= start][:limit]
    return trades[-limit:]


def _symbol_list(text: str) -> list[str]:
    try:
        symbols = json.loads(text)
    except json.JSONDecodeError as error:
        raise ApiError(-1100, "Illegal characters found in parameter 'symbols'.") from error
    return [str(symbol) for symbol in symbols]


def _lone(one: int, many: int) -> Callable[[Params], int]:
    """A weight that depends on whether one symbol is named."""
    return lambda params: one if "symbol" in params else many


def _trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _depth_weight(params: Params) -> int:
    limit = params.limit(100, 5_000)
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250
