"""The endpoints of fapi.binance.com for the account: balances, positions, leverage, modes and listen keys."""

from __future__ import annotations

from collections.abc import Callable

from hedger.sim.admission import check_lower_leverage
from hedger.sim.dialects.binance import linear_account as bodies
from hedger.sim.dialects.binance.changes import LastChanges
from hedger.sim.dialects.binance.desk import Access, Call, Route, Routes
from hedger.sim.dialects.binance.linear import named
from hedger.sim.dialects.binance.listen_keys import ListenKeys
from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import (
    LINEAR,
    SET_LEVERAGE,
    SET_MARGIN_TYPE,
    SET_POSITION_MODE,
    ApiError,
    missing,
    translate,
)
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, Refusal, Refused, SimPosition, Wallet

MARGIN_TYPES = {"CROSSED": False, "ISOLATED": True}


class MarginApi:
    """A USDⓈ-M account in front of an exchange. `on_leverage` is told (user, symbol, leverage) of changes."""

    def __init__(
        self,
        exchange: Exchange,
        changes: LastChanges,
        listen_keys: ListenKeys,
        on_leverage: Callable[[str, str, int], None],
    ) -> None:
        self._exchange = exchange
        self._changes = changes
        self._listen_keys = listen_keys
        self._on_leverage = on_leverage

    def routes(self) -> Routes:
        """(method, path) → route."""
        reads = {
            ("GET", "/fapi/v3/account"): Route(handler=self._account, weight=5),
            ("GET", "/fapi/v2/balance"): Route(handler=self._balance, weight=5),
            ("GET", "/fapi/v3/balance"): Route(handler=self._balance, weight=5),
            ("GET", "/fapi/v2/positionRisk"): Route(handler=self._positions_v2, weight=5),
            ("GET", "/fapi/v3/positionRisk"): Route(handler=self._positions_v3, weight=5),
            ("GET", "/fapi/v1/leverageBracket"): Route(handler=self._brackets),
            ("GET", "/fapi/v1/commissionRate"): Route(handler=self._commission, weight=20),
            ("GET", "/fapi/v1/symbolConfig"): Route(handler=self._symbol_config, weight=5),
            ("GET", "/fapi/v1/accountConfig"): Route(handler=self._account_config, weight=5),
            ("GET", "/fapi/v1/positionSide/dual"): Route(handler=self._position_mode, weight=30),
            ("GET", "/fapi/v1/multiAssetsMargin"): Route(handler=lambda _: {"multiAssetsMargin": False}, weight=30),
            ("GET", "/fapi/v1/adlQuantile"): Route(handler=self._adl, weight=5),
        }
        writes = {
            ("POST", "/fapi/v1/leverage"): Route(handler=self._set_leverage),
            ("POST", "/fapi/v1/marginType"): Route(handler=self._set_margin_type),
            ("POST", "/fapi/v1/positionSide/dual"): Route(handler=self._set_position_mode),
        }
        return {**reads, **writes, **self._listen_key_routes()}

    def _listen_key_routes(self) -> Routes:
        path, keys = "/fapi/v1/listenKey", self._listen_keys

        def close(call: Call) -> object:
            keys.close(call.user)
            return {}

        return {
            ("POST", path): Route(handler=lambda c: {"listenKey": keys.issue(c.user)}, access=Access.KEY),
            ("PUT", path): Route(handler=lambda c: {"listenKey": keys.extend(c.user)}, access=Access.KEY),
            ("DELETE", path): Route(handler=close, access=Access.KEY),
        }

    # --- reads -------------------------------------------------------------------------------------------------

    def _account(self, call: Call) -> object:
        total = self._exchange.linear_account(call.user)
        held = [p for p in self._exchange.positions(call.user) if p.quantity]
        return bodies.account(total, held, self._changes.at(call.user, Wallet.LINEAR))

    def _balance(self, call: Call) -> object:
        return bodies.balance(self._exchange.linear_account(call.user), self._changes.at(call.user, Wallet.LINEAR))

    def _positions_v2(self, call: Call) -> object:
        return [bodies.position_v2(p, listing) for p, listing in self._rows(call)]

    def _positions_v3(self, call: Call) -> object:
        """Only symbols with a position or an order have a row."""
        working = {o.symbol for o in self._exchange.open_orders(call.user, Wallet.LINEAR)}
        rows = [(p, x) for p, x in self._rows(call) if p.quantity or p.symbol in working]
        return [bodies.position_v3(p, listing) for p, listing in rows]

    def _brackets(self, call: Call) -> object:
        return [bodies.brackets(listing) for listing in named(self._exchange, call.params)]

    def _commission(self, call: Call) -> object:
        (listing,) = named(self._exchange, _with_symbol(call.params))
        maker, taker = self._exchange.fees(call.user, Wallet.LINEAR)
        return {
            "symbol": listing.symbol,
            "makerCommissionRate": format(maker.normalize(), "f"),
            "takerCommissionRate": format(taker.normalize(), "f"),
            "rpiCommissionRate": format(maker.normalize(), "f"),
        }

    def _symbol_config(self, call: Call) -> object:
        return [bodies.symbol_config(p, listing) for p, listing in self._rows(call)]

    def _account_config(self, call: Call) -> object:
        hedge_mode = self._exchange.hedge_mode(call.user)
        return bodies.account_config(hedge_mode=hedge_mode, withdrawals=call.credential.withdrawals)

    def _position_mode(self, call: Call) -> object:
        return {"dualSidePosition": self._exchange.hedge_mode(call.user)}

    def _adl(self, call: Call) -> object:
        held = [p for p, _ in self._rows(call) if p.quantity]
        return [{"symbol": p.symbol, "adlQuantile": {"BOTH": p.adl_quantile}} for p in held]

    def _rows(self, call: Call) -> list[tuple[SimPosition, Listing]]:
        listings = {x.symbol: x for x in named(self._exchange, call.params)}
        positions = self._exchange.positions(call.user)
        return [(p, listings[p.symbol]) for p in positions if p.symbol in listings]

    # --- writes ------------------------------------------------------------------------------------------------

    def _set_leverage(self, call: Call) -> object:
        (listing,) = named(self._exchange, _with_symbol(call.params))
        leverage = call.params.integer("leverage")
        if leverage is None:
            raise missing("leverage")
        floor = self._exchange.floor
        try:
            check_lower_leverage(floor.account(call.user), listing, leverage, floor.board)
            self._exchange.set_leverage(call.user, listing.symbol, leverage)
        except Refused as refused:
            raise translate(refused, SET_LEVERAGE, LINEAR, detail=leverage) from refused
        self._on_leverage(call.user, listing.symbol, leverage)
        most = bodies.most_notional(listing, leverage)
        return {"symbol": listing.symbol, "leverage": leverage, "maxNotionalValue": most}

    def _set_margin_type(self, call: Call) -> object:
        (listing,) = named(self._exchange, _with_symbol(call.params))
        name = call.params.choice("marginType", MARGIN_TYPES, code=-4049, what="marginType")
        try:
            self._exchange.set_isolated(call.user, listing.symbol, MARGIN_TYPES[name])
        except Refused as refused:
            if refused.refusal is Refusal.POSITION_OPEN and self._has_orders(call, listing.symbol):
                raise ApiError(-4047, "Margin type cannot be changed if there exists open orders.") from refused
            raise translate(refused, SET_MARGIN_TYPE, LINEAR) from refused
        return {"code": 200, "msg": "success"}

    def _set_position_mode(self, call: Call) -> object:
        hedge_mode = call.params.boolean("dualSidePosition")
        try:
            self._exchange.set_hedge_mode(call.user, hedge_mode)
        except Refused as refused:
            if refused.refusal is Refusal.POSITION_OPEN and self._has_orders(call, None):
                raise ApiError(-4067, "Position side cannot be changed if there exists open orders.") from refused
            raise translate(refused, SET_POSITION_MODE, LINEAR) from refused
        return {"code": 200, "msg": "success"}

    def _has_orders(self, call: Call, symbol: str | None) -> bool:
        return bool(self._exchange.open_orders(call.user, Wallet.LINEAR, symbol))


def _with_symbol(params: Params) -> Params:
    """The same parameters, `symbol` being mandatory (-1102)."""
    params.text("symbol")
    return params
