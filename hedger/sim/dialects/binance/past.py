"""The endpoints for the past: bars of the index on USDⓈ-M and of pairs on spot, and settled funding rates."""

from __future__ import annotations

from hedger.sim.dialects.binance.desk import Access, Call, Route, Routes
from hedger.sim.dialects.binance.digits import fixed
from hedger.sim.dialects.binance.linear import named
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Wallet
from hedger.sim.past import MOST_BARS, MOST_SETTLEMENTS, Bar, Settlement

INTERVALS_MS = {"5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
ELSEWHERE = frozenset({"1m", "3m", "30m", "2h", "6h", "8h", "12h", "3d", "1w", "1M"})
LONGEST_PAGE = 1_000
WEIGHTS = ((100, 1), (500, 2), (1_001, 5))


class PastApi:
    """What an exchange remembers, as both of Binance's APIs tell it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def linear_routes(self) -> Routes:
        """(method, path) → route, on fapi."""
        return {
            ("GET", "/fapi/v1/indexPriceKlines"): Route(handler=self._index, weight=_weight, access=Access.PUBLIC),
            # It does not count: it shares a limit of its own with fundingInfo, 500 in five minutes.
            ("GET", "/fapi/v1/fundingRate"): Route(handler=self._rates, weight=0, access=Access.PUBLIC),
        }

    def spot_routes(self) -> Routes:
        """(method, path) → route, on the spot API."""
        return {("GET", "/api/v3/klines"): Route(handler=self._pairs, weight=2, access=Access.PUBLIC)}

    def _index(self, call: Call) -> object:
        """Bars of the index of a pair, which is what its contracts are called without their expiry."""
        pair = call.params.text("pair")
        coins = {x.base for x in self._exchange.listings.values() if f"{x.base}{x.quote}" == pair}
        return self._bars(coins, call.params, 1_500)

    def _pairs(self, call: Call) -> object:
        listing = self._exchange.listings.get((Wallet.SPOT, call.params.text("symbol")))
        return self._bars({listing.base} if listing is not None else set(), call.params, LONGEST_PAGE)

    def _bars(self, coins: set[str], params: Params, most: int) -> list[list[object]]:
        if not coins:
            raise ApiError(-1121, "Invalid symbol.")
        interval = params.text("interval")
        if interval not in INTERVALS_MS and interval not in ELSEWHERE:
            raise ApiError(-1120, "Invalid interval.")
        if interval not in INTERVALS_MS:
            return []
        length, limit = INTERVALS_MS[interval], params.limit(500, most)
        start, end = params.integer("startTime"), params.integer("endTime")
        rows = self._exchange.past.bars(coins.pop(), length, MOST_BARS if start or end else limit)
        rows = [row for row in rows if (start or 0) <= row.opened_at <= (end or row.opened_at)]
        return [_kline(row, length) for row in (rows[:limit] if start else rows[-limit:])]

    def _rates(self, call: Call) -> object:
        """Ascending; the latest where no time is named."""
        params, now = call.params, self._exchange.now
        limit, start, end = params.limit(100, MOST_SETTLEMENTS), params.integer("startTime"), params.integer("endTime")
        rows: list[tuple[str, Settlement]] = []
        for listing in named(self._exchange, params):
            if listing.expiry_at is None:
                known = self._exchange.past.settlements(listing.symbol, listing.funding_interval_ms, now)
                rows += [(listing.symbol, row) for row in known if (start or 0) <= row.settled_at <= (end or now)]
        rows.sort(key=lambda row: row[1].settled_at)
        return [_rate(symbol, row) for symbol, row in (rows[:limit] if start else rows[-limit:])]


def _kline(bar: Bar, length: int) -> list[object]:
    """As documented: the fields that an index does not have are noughts."""
    prices = [fixed(price) for price in bar[1:]]
    return [bar.opened_at, *prices, "0", bar.opened_at + length - 1, "0", length // 1_000, "0", "0", "0"]


def _rate(symbol: str, row: Settlement) -> dict[str, object]:
    mark = fixed(row.mark_price) if row.mark_price else ""
    return {"symbol": symbol, "fundingTime": row.settled_at, "fundingRate": fixed(row.rate), "markPrice": mark}


def _weight(params: Params) -> int:
    limit = params.limit(500, 1_500)
    return next((weight for below, weight in WEIGHTS if limit < below), 10)
