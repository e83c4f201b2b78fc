"""The public endpoints for rules and prices; `past` has those for bars and settled funding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import unquote

from hedger.sim.dialects.bybit.desk import Call, Routes, public
from hedger.sim.dialects.bybit.names import Category, Directory, day_name, name_of, option_name_of
from hedger.sim.dialects.bybit.notices import TRADING, Notices
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.quotes import Quotes
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.bybit.rules import contract_rules, option_rules, risk_limits, spot_rules
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, OptionListing

T = TypeVar("T")
RISK_PAGE = 15  # contracts
USUAL_LEVELS = {Category.SPOT: 1, Category.LINEAR: 25, Category.INVERSE: 25, Category.OPTION: 1}
MOST_LEVELS = {Category.SPOT: 200, Category.LINEAR: 500, Category.INVERSE: 500, Category.OPTION: 25}


class MarketApi:
    """What anybody may know of an exchange."""

    def __init__(self, exchange: Exchange, directory: Directory, quotes: Quotes, notices: Notices) -> None:
        self._exchange, self._directory, self._quotes, self._notices = exchange, directory, quotes, notices

    def routes(self) -> Routes:
        """(method, path) → route."""
        return {
            ("GET", "/v5/market/time"): public(self._time),
            ("GET", "/v5/system/status"): public(lambda _: {"list": []}),
            ("GET", "/v5/market/instruments-info"): public(self._instruments),
            ("GET", "/v5/market/tickers"): public(self._tickers),
            ("GET", "/v5/market/orderbook"): public(self._book),
            ("GET", "/v5/market/risk-limit"): public(self._risk_limits),
        }

    def _time(self, _: Call) -> Mapping[str, object]:
        now = self._exchange.now
        return {"timeSecond": str(now // 1_000), "timeNano": str(now * 1_000_000)}

    # --- rules ----------------------------------------------------------------------------------------------

    def _instruments(self, call: Call) -> Mapping[str, object]:
        category, params = call.params.category(), call.params
        rows = self._rules(category, params)
        if category is Category.SPOT:
            return {"category": category.value, "list": rows}
        rows, cursor = _page(rows, params.limit(500, 1_000), params.optional("cursor"))
        return {"category": category.value, "list": rows, "nextPageCursor": cursor}

    def _rules(self, category: Category, params: Params) -> list[Body]:
        if category is Category.SPOT:
            return [spot_rules(x) for x in self._listings(category, params)]
        if category is Category.OPTION:
            return [option_rules(x) for x in self._options(params)]
        return self._contracts(category, params)

    def _contracts(self, category: Category, params: Params) -> list[Body]:
        """Without a status or a name, what has ended or is not listed yet is left out."""
        wanted, name, coin = (params.optional(x) for x in ("status", "symbol", "baseCoin"))
        listed = [(x, self._notices.status(name_of(x))) for x in self._directory.listings(category)]
        ended = [(x, "Closed") for x in self._directory.ended(category)]
        known = [(x, status) for x, status in (*listed, *ended) if status]
        found = [
            contract_rules(x, status)
            for x, status in known
            if name in (None, name_of(x))
            and coin in (None, x.base)
            and (status == wanted if wanted is not None else name is not None or status in (TRADING, "Delivering"))
        ]
        if name is not None and not found and wanted is None:
            raise ApiError(10001, "params error: symbol invalid")
        return found

    def _risk_limits(self, call: Call) -> Mapping[str, object]:
        category, params = call.params.category(), call.params
        contracts, cursor = _page(self._listings(category, params), RISK_PAGE, params.optional("cursor"))
        rows = [row for listing in contracts for row in risk_limits(listing)]
        return {"category": category.value, "list": rows, "nextPageCursor": cursor}

    # --- prices ---------------------------------------------------------------------------------------------

    def _tickers(self, call: Call) -> Mapping[str, object]:
        category, params = call.params.category(), call.params
        rows: list[Body]
        if category is Category.OPTION:
            if not params.optional("baseCoin") and not params.optional("symbol"):
                raise ApiError(10001, "params error: baseCoin is required")
            rows = [self._quotes.option(option) for option in self._options(params)]
        else:
            ticker: Callable[[Listing], Body]
            ticker = self._quotes.spot if category is Category.SPOT else self._quotes.contract
            rows = [ticker(listing) for listing in self._listings(category, params)]
        return {"category": category.value, "list": rows}

    def _book(self, call: Call) -> Mapping[str, object]:
        category, params = call.params.category(), call.params
        now, name = self._exchange.now, params.text("symbol")
        depth = params.limit(USUAL_LEVELS[category], MOST_LEVELS[category])
        bids: list[list[str]] = []
        asks: list[list[str]] = []
        update_id = 1
        if category is Category.OPTION:
            self._directory.find_option(name)
        else:
            listing = self._directory.find(category, name)
            bids, asks = self._quotes.book(listing, depth)
            update_id = self._exchange.best(listing.wallet, listing.symbol).update_id
        return {"s": name, "b": bids, "a": asks, "ts": now, "u": update_id, "seq": update_id, "cts": now}

    # --- what is meant --------------------------------------------------------------------------------------

    def _listings(self, category: Category, params: Params) -> list[Listing]:
        """All of a category that trade or are being delivered, or the one that is named."""
        if category is Category.OPTION:
            return []
        name, coin = params.optional("symbol"), params.optional("baseCoin")
        listings = [x for x in self._directory.listings(category) if self._notices.status(name_of(x))]
        found = [x for x in listings if name in (None, name_of(x)) and coin in (None, x.base)]
        if name is not None and not found:
            raise ApiError(10001, "Not supported symbols")
        return found

    def _options(self, params: Params) -> list[OptionListing]:
        """Options by name, coin or day (`26JUN26`); of BTC where neither name nor coin is given."""
        name, coin, day = params.optional("symbol"), params.optional("baseCoin"), params.optional("expDate")
        if name is not None:
            return [self._directory.find_option(name)]
        known = [x for x in self._directory.options() if x.base == (coin or "BTC")]
        return sorted((x for x in known if day in (None, day_name(x.expiry_at))), key=option_name_of)


def _page(rows: Sequence[T], limit: int, cursor: str | None) -> tuple[list[T], str]:
    """One page of a public list, which is complete: the cursor after the last page is empty."""
    word, _, place = unquote(cursor or "first=0").partition("=")
    if word != "first" or not place.isdigit():
        raise ApiError(10001, "params error: cursor invalid")
    start = int(place)
    end = start + limit
    return list(rows[start:end]), f"first%3D{end}" if end < len(rows) else ""
