"""The endpoints for positions, leverage and position mode, and a position in Bybit's form."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.bybit.desk import Call, Route, Routes
from hedger.sim.dialects.bybit.digits import money, on_grid, plain
from hedger.sim.dialects.bybit.journal import Journal
from hedger.sim.dialects.bybit.names import CATEGORIES, Category, Directory, name_of, option_name_of
from hedger.sim.dialects.bybit.pages import page
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.bybit.rules import LARGEST_TICKS
from hedger.sim.dialects.bybit.unified import MONEY
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.margin import tier_of
from hedger.sim.nouns import Listing, OptionListing, Refusal, Refused, SimPosition
from hedger.sim.options import OptionMark

LAST = 1_000_000  # rows are counted down from here, so that a cursor means the same row later
MODES = {0: False, 3: True}
CENT = Decimal("0.01")


class PositionApi:
    """Positions of an exchange."""

    def __init__(self, exchange: Exchange, directory: Directory, journal: Journal) -> None:
        self._exchange, self._directory, self._journal = exchange, directory, journal

    def routes(self) -> Routes:
        """(method, path) → route."""
        return {
            ("GET", "/v5/position/list"): Route(handler=self._list, per_second=50),
            ("POST", "/v5/position/set-leverage"): Route(handler=self._set_leverage, per_second=10),
            ("POST", "/v5/position/switch-mode"): Route(handler=self._switch_mode, per_second=10),
            ("POST", "/v5/position/switch-isolated"): Route(handler=self._switch_isolated, per_second=10),
        }

    # --- reads ----------------------------------------------------------------------------------------------

    def row(self, user: str, listing: Listing) -> Body:
        """A user's position in a contract, a flat one included."""
        floor, account = self._exchange.floor, self._exchange.floor.account(user)
        index = floor.tracker(listing.symbol).index_price
        position = floor.board.position(account, listing.symbol, index)
        realised = self._journal.realised_by(user, listing.symbol)
        return position_row(position, listing, realised)

    def _list(self, call: Call) -> Mapping[str, object]:
        """The named position whatever it is, or all that are open."""
        category, params = call.params.category(), call.params
        if category is Category.SPOT:
            raise ApiError(10001, "params error: category invalid")
        if category is Category.OPTION:
            numbered = self._options(call.user, params)
        else:
            numbered = self._contracts(call.user, category, params)
        found, cursor = page(numbered, lambda x: x[0], params.limit(20, 200), params.optional("cursor"))
        return {"nextPageCursor": cursor, "category": category.value, "list": [row for _, row in found]}

    def _contracts(self, user: str, category: Category, params: Params) -> list[tuple[int, Body]]:
        name = params.optional("symbol")
        if name is not None:
            return [(LAST, self.row(user, self._directory.find(category, name)))]
        settle, coin = params.optional("settleCoin"), params.optional("baseCoin")
        if category is Category.LINEAR and settle is None and coin is None:
            text = "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin"
            raise ApiError(10001, text)
        account = self._exchange.floor.account(user)
        return [
            (LAST - place, self.row(user, listing))
            for place, listing in enumerate(self._directory.listings(category))
            if account.holding(listing.symbol).quantity
            and settle in (None, listing.settle)
            and coin in (None, listing.base)
        ]

    def _options(self, user: str, params: Params) -> list[tuple[int, Body]]:
        name, coin, settle = params.optional("symbol"), params.optional("baseCoin"), params.optional("settleCoin")
        held = [(o, q, m) for o, q, m in self._exchange.options(user) if o.settle in MONEY]
        rows = [
            (LAST - place, option_row(option, quantity, mark))
            for place, (option, quantity, mark) in enumerate(held)
            if name in (None, option_name_of(option))
            and coin in (None, option.base)
            and settle in (None, option.settle)
        ]
        if name is not None and not rows:
            option = self._directory.find_option(name)
            return [(LAST, option_row(option, ZERO, self._exchange.floor.options.mark(option)))]
        return rows

    # --- writes ---------------------------------------------------------------------------------------------

    def _set_leverage(self, call: Call) -> Mapping[str, object]:
        category, params = call.params.category(), call.params
        listing = self._directory.find(category, params.text("symbol"))
        buy, sell = params.decimal("buyLeverage"), params.decimal("sellLeverage")
        if buy is None or sell is None or buy != sell or buy != int(buy):
            raise ApiError(10001, "params error: buyLeverage and sellLeverage must be equal and whole")
        if self._exchange.floor.account(call.user).leverage_of(listing.symbol) == buy:
            raise ApiError(110043, "leverage not modified")
        try:
            self._exchange.set_leverage(call.user, listing.symbol, int(buy))
        except Refused as refused:
            most = listing.tiers[0].leverage_cap
            text = f"cannot set leverage [{int(buy) * 100}] gt maxLeverage [{most * 100}] by risk limit"
            raise ApiError(110013, text) from refused
        return {}

    def _switch_mode(self, call: Call) -> Mapping[str, object]:
        """The position mode; here it is one of the account, whatever contract or coin is named."""
        params = call.params
        params.category()
        if not params.optional("symbol") and not params.optional("coin"):
            raise ApiError(10001, "params error: symbol or coin is required")
        mode = params.integer("mode")
        if mode not in MODES:
            raise ApiError(10001, "params error: mode invalid")
        try:
            self._exchange.set_hedge_mode(call.user, MODES[mode])
        except Refused as refused:
            if refused.refusal is Refusal.NO_CHANGE:
                raise ApiError(110025, "Position mode is not modified") from refused
            held = any(p.quantity for p in self._exchange.positions(call.user))
            error = ApiError(110024, "You have an existing position, so position mode cannot be switched")
            without = ApiError(110028, "Open orders exist, so you cannot change position mode")
            raise (error if held else without) from refused
        return {}

    def _switch_isolated(self, _: Call) -> Mapping[str, object]:
        """A unified account has a margin mode, not its contracts."""
        raise ApiError(100028, "The API cannot be accessed by unified account users.")


def position_row(position: SimPosition, listing: Listing, realised: Decimal) -> Body:
    """One contract. A flat position has no side."""
    size, lot, tick = abs(position.quantity), listing.lot_size, listing.tick_size
    fine = min(CENT, tick)
    notional = abs(listing.notional(size, position.mark_price)) if position.mark_price else ZERO
    tier = tier_of(listing.tiers, notional)
    side = "" if not size else "Buy" if position.quantity > 0 else "Sell"
    at = str(position.updated_at) if position.updated_at else "0"
    value = abs(listing.notional(size, position.entry_price)) if size else ZERO
    return {
        "positionIdx": 0,
        "riskId": listing.tiers.index(tier) + 1,
        "riskLimitValue": plain(tier.notional_cap),
        "symbol": name_of(listing),
        "side": side,
        "size": on_grid(size, lot) if size else "0",
        "avgPrice": plain(position.entry_price) if size else "0",
        "positionValue": plain(value) if size else "",
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "adlRankIndicator": position.adl_quantile,
        "leverage": str(position.leverage),
        "positionBalance": plain(position.initial_margin) if size else "0",
        "markPrice": on_grid(position.mark_price, fine),
        "liqPrice": _liquidation(position, listing) if size else "",
        "bustPrice": "",
        "positionMM": plain(position.maintenance_margin) if size else "",
        "positionMMByMp": plain(position.maintenance_margin) if size else "",
        "positionIM": plain(position.initial_margin) if size else "",
        "positionIMByMp": plain(position.initial_margin) if size else "",
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": plain(position.unrealized_pnl) if size else "",
        "curRealisedPnl": plain(realised) if size else "0",
        "cumRealisedPnl": plain(realised),
        "sessionAvgPrice": "",
        "createdTime": at,
        "updatedTime": at,
        "seq": position.updated_at if position.updated_at else -1,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
    }


def _liquidation(position: SimPosition, listing: Listing) -> str:
    """Where it is liquidated, in cross margin an estimate; empty where no price of the contract is that far."""
    price, tick = position.liquidation_price, listing.tick_size
    if price is None or not tick < price < tick * LARGEST_TICKS:
        return ""
    return on_grid(price, min(CENT, tick))


def position_frame(row: Body, listing: Listing) -> Body:
    """The same as the private stream tells it: with its category, and the average price under another name."""
    body = {"category": CATEGORIES[listing.wallet].value, **row}
    body["entryPrice"] = body.pop("avgPrice")
    return body


def option_row(option: OptionListing, quantity: Decimal, mark: OptionMark) -> Body:
    """One option position. Greeks are those of the whole position [V]. The exchange knows no entry prices of options
    and their margin only in sum: both are told as nought."""
    size, total = abs(quantity), quantity * option.contract_multiplier
    side = "" if not size else "Buy" if quantity > 0 else "Sell"

    def greek(each: float | None) -> str:
        return money(Decimal(each) * total) if size and each is not None else ""

    return {
        "positionIdx": 0,
        "riskId": 0,
        "riskLimitValue": "",
        "symbol": option_name_of(option),
        "side": side,
        "size": plain(size),
        "avgPrice": "0",
        "positionValue": plain(total * mark.price),
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "adlRankIndicator": 0,
        "leverage": "",
        "positionBalance": "",
        "markPrice": money(mark.price),
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": "0",
        "positionMMByMp": "0",
        "positionIM": "0",
        "positionIMByMp": "0",
        "tpslMode": "",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "",
        "unrealisedPnl": "0",
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "sessionAvgPrice": "",
        "delta": greek(mark.greeks.delta),
        "gamma": greek(mark.greeks.gamma),
        "vega": greek(mark.greeks.vega),
        "theta": greek(mark.greeks.theta),
        "createdTime": "0",
        "updatedTime": "0",
        "seq": -1,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
    }
