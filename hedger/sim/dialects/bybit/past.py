"""The endpoints for the past: bars of prices, and settled funding rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE
from hedger.sim.dialects.bybit.desk import Call, Routes, public
from hedger.sim.dialects.bybit.digits import on_grid, plain
from hedger.sim.dialects.bybit.names import Category, Directory, name_of
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing
from hedger.sim.past import MOST_BARS, Bar

INTERVALS_MS = {"5": 300_000, "15": 900_000, "60": 3_600_000, "240": 14_400_000, "D": 86_400_000}
ELSEWHERE = frozenset({"1", "3", "30", "120", "360", "720", "W", "M"})


class PastApi:
    """What an exchange remembers: bars of the index of each coin, which here serve for every price of that coin."""

    def __init__(self, exchange: Exchange, directory: Directory) -> None:
        self._exchange, self._directory = exchange, directory

    def routes(self) -> Routes:
        """(method, path) → route."""
        return {
            ("GET", "/v5/market/kline"): public(self._bars_of(volumes=True)),
            ("GET", "/v5/market/index-price-kline"): public(self._bars_of(volumes=False)),
            ("GET", "/v5/market/mark-price-kline"): public(self._bars_of(volumes=False)),
            ("GET", "/v5/market/funding/history"): public(self._rates),
        }

    def _bars_of(self, *, volumes: bool) -> Callable[[Call], Mapping[str, object]]:
        return lambda call: self._bars(call, volumes)

    def _bars(self, call: Call, volumes: bool) -> Mapping[str, object]:
        """The newest first; traded volumes are not known and told as nought."""
        params = call.params
        category = params.category() if params.optional("category") else Category.LINEAR
        listing, interval = self._directory.find(category, params.text("symbol")), params.text("interval")
        if interval not in INTERVALS_MS and interval not in ELSEWHERE:
            raise ApiError(10001, "params error: interval invalid")
        limit, start, end = params.limit(200, 1_000), params.integer("start"), params.integer("end")
        rows: list[Bar] = []
        if interval in INTERVALS_MS:
            rows = self._exchange.past.bars(listing.base, INTERVALS_MS[interval], MOST_BARS)
        rows = [row for row in rows if (start or 0) <= row.opened_at <= (end or row.opened_at)]
        # The first bars after a start that has no end [V], and else the last ones.
        rows = rows[:limit] if start is not None and end is None else rows[-limit:]
        told = [_kline(row, listing) + (["0", "0"] if volumes else []) for row in reversed(rows)]
        return {"symbol": name_of(listing), "category": category.value, "list": told}

    def _rates(self, call: Call) -> Mapping[str, object]:
        """The newest first. A start alone is refused, as on Bybit."""
        params = call.params
        category, now = params.category(), self._exchange.now
        if category not in (Category.LINEAR, Category.INVERSE):
            raise ApiError(10001, "params error: category invalid")
        listing = self._directory.find(category, params.text("symbol"))
        start, end = params.integer("startTime"), params.integer("endTime")
        if start is not None and end is None:
            raise ApiError(10001, "params error: endTime is required with startTime")
        rows = []
        if listing.expiry_at is None:
            rows = self._exchange.past.settlements(listing.symbol, listing.funding_interval_ms, now)
        rows = [row for row in rows if (start or 0) <= row.settled_at <= (end or now)]
        told = [
            {
                "symbol": name_of(listing),
                "fundingRate": plain(row.rate),
                "fundingRateTimestamp": str(row.settled_at),
            }
            for row in reversed(rows)
        ]
        return {"category": category.value, "list": told[: params.limit(200, 200)]}


def _kline(bar: Bar, listing: Listing) -> list[str]:
    """[opened at, open, high, low, close], in the price of one unit."""
    unit = listing.contract_multiplier if listing.payoff is Payoff.LINEAR else ONE
    return [str(bar.opened_at), *(on_grid(price * unit, listing.tick_size) for price in bar[1:])]
