"""The endpoints of fapi.binance.com for prices, orders and trades; `linear_margin` has those of the account."""

from __future__ import annotations

from collections.abc import Callable

from hedger.sim.dialects.binance import linear_payloads as bodies
from hedger.sim.dialects.binance.depth import DepthFeed
from hedger.sim.dialects.binance.desk import Access, Call, Handler, Route, Routes, Weight
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.notices import TRADING, Notices
from hedger.sim.dialects.binance.order_entry import read_linear, read_lookup
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import CANCEL, LINEAR, ApiError, missing, translate
from hedger.sim.dialects.binance.rules import MOST_OPEN_ORDERS, linear_rules, price_places
from hedger.sim.dialects.binance.spot import ALL, select_trades
from hedger.sim.dialects.binance.weights import Meter, OrderLimit
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE
from hedger.sim.nouns import Listing, Refused, UserTrade, Wallet

WEEK_MS = 7 * 86_400_000
DEPTH_LIMITS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}
EIGHT_HOURS_MS = 8 * 3_600_000
FORCED = {"LIQUIDATION": AUTOCLOSE, "ADL": ADL_AUTOCLOSE}


def linear_meter() -> Meter:
    """The limits of /fapi."""
    limits = (
        OrderLimit(label="10S", interval="TEN_SECONDS", window_ms=10_000, limit=300),
        OrderLimit(label="1M", interval="MINUTE", window_ms=60_000, limit=1_200),
    )
    return Meter(name="linear", per_minute=2_400, order_limits=limits)


class LinearApi:
    """USDⓈ-M in front of an exchange."""

    def __init__(self, exchange: Exchange, meter: Meter, depth: DepthFeed, notices: Notices) -> None:
        self._exchange = exchange
        self._meter = meter
        self._depth = depth
        self._notices = notices

    def routes(self) -> Routes:
        """(method, path) → route."""
        private = {
            ("POST", "/fapi/v1/order"): Route(handler=self._place, weight=0, creates=True),
            ("GET", "/fapi/v1/order"): Route(handler=self._find),
            ("DELETE", "/fapi/v1/order"): Route(handler=self._cancel),
            ("GET", "/fapi/v1/openOrder"): Route(handler=self._find_open),
            ("GET", "/fapi/v1/openOrders"): Route(handler=self._open_orders, weight=lone(1, 40)),
            ("DELETE", "/fapi/v1/allOpenOrders"): Route(handler=self._cancel_all),
            ("POST", "/fapi/v1/countdownCancelAll"): Route(handler=self._countdown, weight=10),
            ("GET", "/fapi/v1/userTrades"): Route(handler=self._trades, weight=5),
            ("GET", "/fapi/v1/forceOrders"): Route(handler=self._forced, weight=lone(20, 50)),
            ("GET", "/fapi/v1/income"): Route(handler=self._income, weight=30),
        }
        return {**self._public_routes(), **private}

    def _public_routes(self) -> Routes:
        def public(handler: Handler, weight: Weight = 1) -> Route:
            return Route(handler=handler, weight=weight, access=Access.PUBLIC)

        return {
            ("GET", "/fapi/v1/ping"): public(lambda _: {}),
            ("GET", "/fapi/v1/time"): public(lambda _: {"serverTime": self._exchange.now}),
            ("GET", "/fapi/v1/exchangeInfo"): public(self._rules),
            ("GET", "/fapi/v1/premiumIndex"): public(self._premium, lone(1, 10)),
            ("GET", "/fapi/v1/fundingInfo"): public(self._funding_info, 0),
            ("GET", "/fapi/v1/ticker/bookTicker"): public(self._book_ticker, lone(2, 5)),
            ("GET", "/fapi/v1/depth"): public(self._levels, _depth_weight),
        }

    # --- market data -------------------------------------------------------------------------------------------

    def _rules(self, _: Call) -> object:
        return linear_rules(self._named(Params({})), self._meter, self._exchange.now, self._notices)

    def _premium(self, call: Call) -> object:
        listings = self._named(call.params)
        rows = [bodies.premium_index(x.symbol, self._exchange.premium(x.symbol)) for x in listings]
        return rows[0] if "symbol" in call.params else rows

    def _funding_info(self, call: Call) -> object:
        """Only symbols whose terms are not the default ones are listed."""
        return [
            {
                "symbol": x.symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": x.funding_interval_ms // 3_600_000,
                "disclaimer": False,
            }
            for x in self._named(call.params)
            if x.funding_interval_ms != EIGHT_HOURS_MS
        ]

    def _book_ticker(self, call: Call) -> object:
        listings = self._named(call.params)
        rows = [bodies.book_ticker(x, self._exchange.best(Wallet.LINEAR, x.symbol)) for x in listings]
        return rows[0] if "symbol" in call.params else rows

    def _levels(self, call: Call) -> object:
        listing = self._listing(call.params)
        update_id = self._depth.sync(listing.symbol)
        sides = self._exchange.depth(Wallet.LINEAR, listing.symbol, _depth_limit(call.params))
        price, lot = price_places(listing), places(listing.lot_size)
        bids, asks = ([[fixed(p, price), fixed(q, lot)] for p, q in side] for side in sides)
        now = self._exchange.now
        return {"lastUpdateId": update_id, "E": now, "T": now, "bids": bids, "asks": asks}

    # --- orders ------------------------------------------------------------------------------------------------

    def _place(self, call: Call) -> object:
        listing = self._listing(call.params)
        self._check_open(listing)
        entry = read_linear(call.params, listing, self._exchange.premium(listing.symbol).mark_price)
        if len(self._exchange.open_orders(call.user, Wallet.LINEAR, listing.symbol)) >= MOST_OPEN_ORDERS:
            raise ApiError(-2025, "Reach max open order limit.")
        answer_type = call.params.optional("newOrderRespType") or "ACK"
        if answer_type not in ("ACK", "RESULT"):
            raise ApiError(-1136, "Invalid newOrderRespType.")
        try:
            order = self._exchange.place(
                call.user,
                Wallet.LINEAR,
                listing.symbol,
                side=entry.side,
                kind=entry.kind,
                quantity=entry.quantity,
                price=entry.price,
                reduce_only=entry.reduce_only,
                client_order_id=entry.client_order_id,
            )
        except Refused as refused:
            raise translate(refused, LINEAR, detail=listing.min_notional) from refused
        shape = bodies.acknowledged if answer_type == "ACK" else bodies.placed
        return shape(order, listing)

    def _check_open(self, listing: Listing) -> None:
        status = self._notices.status(listing.symbol)
        if not status:
            raise ApiError(-1121, "Invalid symbol.")
        if status != TRADING:
            raise ApiError(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")

    def _find(self, call: Call) -> object:
        listing, wanted = self._listing(call.params), read_lookup(call.params)
        order = self._exchange.find_order(
            call.user,
            Wallet.LINEAR,
            listing.symbol,
            order_id=wanted.order_id,
            client_order_id=wanted.client_order_id,
        )
        return bodies.record(order, listing)

    def _find_open(self, call: Call) -> object:
        listing, wanted = self._listing(call.params), read_lookup(call.params)
        for order in self._exchange.open_orders(call.user, Wallet.LINEAR, listing.symbol):
            if wanted.order_id == order.order_id or wanted.client_order_id == order.client_order_id:
                return bodies.record(order, listing)
        raise ApiError(-2013, "Order does not exist.")

    def _cancel(self, call: Call) -> object:
        listing, wanted = self._listing(call.params), read_lookup(call.params)
        try:
            order = self._exchange.cancel(
                call.user,
                Wallet.LINEAR,
                listing.symbol,
                order_id=wanted.order_id,
                client_order_id=wanted.client_order_id,
            )
        except Refused as refused:
            raise translate(refused, CANCEL, LINEAR) from refused
        return bodies.placed(order, listing)

    def _open_orders(self, call: Call) -> object:
        symbol = self._listing(call.params).symbol if "symbol" in call.params else None
        orders = self._exchange.open_orders(call.user, Wallet.LINEAR, symbol)
        return [bodies.record(o, self._exchange.listings[Wallet.LINEAR, o.symbol]) for o in orders]

    def _cancel_all(self, call: Call) -> object:
        symbol = self._listing(call.params).symbol
        for order in self._exchange.open_orders(call.user, Wallet.LINEAR, symbol):
            self._exchange.cancel(call.user, Wallet.LINEAR, symbol, order_id=order.order_id)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _countdown(self, call: Call) -> object:
        symbol, countdown = self._listing(call.params).symbol, call.params.integer("countdownTime")
        if countdown is None:
            raise missing("countdownTime")
        if countdown < 0:
            raise ApiError(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        self._exchange.dead_man.set(call.user, symbol, countdown)
        return {"symbol": symbol, "countdownTime": str(countdown)}

    # --- history -----------------------------------------------------------------------------------------------

    def _trades(self, call: Call) -> object:
        listing = self._listing(call.params)
        order_id, from_id = call.params.integer("orderId"), call.params.integer("fromId")
        if from_id is not None and ("startTime" in call.params or "endTime" in call.params):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        start, end = self._period(call.params)
        trades = self._exchange.trades(call.user, Wallet.LINEAR, listing.symbol, limit=ALL)
        if from_id is None:
            trades = [t for t in trades if start <= t.at <= end]
        chosen = [t for t in trades if order_id in (None, t.order_id)]
        return [bodies.trade(t, listing) for t in select_trades(call.params, chosen)]

    def _forced(self, call: Call) -> object:
        """The orders of the exchange's own hand, oldest first."""
        kind = call.params.optional("autoCloseType")
        if kind not in (None, *FORCED):
            raise ApiError(-1130, "Data sent for parameter 'autoCloseType' is not valid.")
        names = tuple(FORCED.values()) if kind is None else (FORCED[kind],)
        start, end = self._period(call.params)
        rows = []
        for listing in self._named(call.params):
            trades = self._exchange.trades(call.user, Wallet.LINEAR, listing.symbol, limit=ALL)
            ids = dict.fromkeys(t.order_id for t in trades if t.client_order_id.startswith(names))
            found = (self._exchange.find_order(call.user, Wallet.LINEAR, listing.symbol, order_id=id) for id in ids)
            rows += [bodies.record(order, listing) for order in found if start <= order.created_at <= end]
        return rows[: call.params.limit(50, 100)]

    def _period(self, params: Params) -> tuple[int, int]:
        """At most seven days: from `startTime` on, up to `endTime`, or the last ones."""
        start, end = params.integer("startTime"), params.integer("endTime")
        if start is not None and end is not None and end - start > WEEK_MS:
            raise ApiError(-1127, "More than 168 hours between startTime and endTime.")
        if start is not None:
            return start, start + WEEK_MS if end is None else end
        end = self._exchange.now if end is None else end
        return end - WEEK_MS, end

    def _income(self, call: Call) -> object:
        """Ascending; without `startTime` the latest of seven days. Transfers are not in it."""
        params = call.params
        start, end, limit = params.integer("startTime"), params.integer("endTime"), params.limit(100, 1_000)
        low = start if start is not None else (end or self._exchange.now) - WEEK_MS
        high = end if end is not None else self._exchange.now
        page = max(1, params.integer("page") or 1)
        rows = [row for row in self._incomes(call, low) if row[0] <= high]
        first = (page - 1) * limit if start is not None else max(0, len(rows) - page * limit)
        return [body for _, body in rows[first : first + limit]]

    def _incomes(self, call: Call, since_at: int) -> list[tuple[int, Body]]:
        kind = call.params.optional("incomeType")
        listings = self._named(call.params)
        rows: list[tuple[int, Body]] = []
        if kind in (None, "FUNDING_FEE"):
            symbol = call.params.optional("symbol")
            records = self._exchange.funding(call.user, symbol=symbol, since_at=since_at, limit=ALL)
            rows += [(r.at, bodies.funding_income(r)) for r in records]
        for listing in listings if kind in (None, "COMMISSION", "REALIZED_PNL") else ():
            trades = self._exchange.trades(call.user, Wallet.LINEAR, listing.symbol, since_at=since_at, limit=ALL)
            rows += [(t.at, body) for t in trades for body in _trade_incomes(t, kind)]
        return sorted(rows, key=lambda row: row[0])

    # --- lookups -----------------------------------------------------------------------------------------------

    def _listing(self, params: Params) -> Listing:
        return listing_of(self._exchange, params.text("symbol"))

    def _named(self, params: Params) -> list[Listing]:
        return named(self._exchange, params)


def listing_of(exchange: Exchange, symbol: str) -> Listing:
    """The perpetual of that name; raises -1121. Contracts that expire are not spoken of here."""
    listing = exchange.listings.get((Wallet.LINEAR, symbol))
    if listing is None or listing.expiry_at is not None:
        raise ApiError(-1121, "Invalid symbol.")
    return listing


def named(exchange: Exchange, params: Params) -> list[Listing]:
    """The perpetual that `symbol` names, or all."""
    if "symbol" in params:
        return [listing_of(exchange, params.text("symbol"))]
    return [x for x in exchange.listings.values() if x.wallet is Wallet.LINEAR and x.expiry_at is None]


def lone(one: int, many: int) -> Callable[[Params], int]:
    """A weight that depends on whether one symbol is named."""
    return lambda params: one if "symbol" in params else many


def _trade_incomes(trade: UserTrade, kind: str | None) -> list[Body]:
    amounts = {"COMMISSION": -trade.fee, "REALIZED_PNL": trade.realized_pnl}
    wanted = [name for name, amount in amounts.items() if amount and kind in (None, name)]
    return [bodies.trade_income(trade, name, amounts[name]) for name in wanted]


def _depth_limit(params: Params) -> int:
    limit = params.integer("limit")
    if limit is not None and limit not in DEPTH_LIMITS:
        raise ApiError(-4021, f"{limit} is not valid depth limit.")
    return 500 if limit is None else limit


def _depth_weight(params: Params) -> int:
    return DEPTH_LIMITS[_depth_limit(params)]
