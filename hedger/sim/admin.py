"""The exchange's back door, on a socket in its own directory: truth for summaries and tests, and a hand on the world.

`POST /scenario` takes {"action": …} with the arguments of the action of that name below; numbers as strings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from hedger.model.order import Side
from hedger.sim.dialects.binance.switchboard import Switchboard
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import OrderKind, Refused, Wallet
from hedger.sim.testimony import truth_to_json

Arguments = Mapping[str, Any]
RULES = ("tick_size", "lot_size", "min_quantity", "min_notional")


class Admin:
    """Answers `GET /truth`, `GET /status`, `POST /scenario` and `POST /stop`."""

    def __init__(
        self,
        exchange: Exchange,
        server: DialectServer,
        board: Switchboard,
        *,
        clock: Callable[[], int],
        stop: Callable[[], None],
        quiet: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._server = server
        self._board = board
        self._clock = clock
        self._stop = stop
        self._actions: Mapping[str, Callable[[Arguments], object]] = {
            "announce": lambda a: board.notices.announce(a["symbol"], a.get("status", "")),
            "cancel_all": self._cancel_all,
            "crowd_takes": self._crowd_takes,
            "deleverage": self._deleverage,
            "deposit": self._deposit,
            "drop_streams": lambda _: server.drop_streams(),
            "expire_listen_key": lambda a: board.listen_keys.expire(a.get("user", "main")),
            "hedge_mode": lambda a: exchange.set_hedge_mode(a.get("user", "main"), bool(a["on"])),
            "isolated": lambda a: exchange.set_isolated(a.get("user", "main"), a["symbol"], bool(a["on"])),
            "mishap": self._mishap,
            "place": self._place,
            "quiet": lambda _: quiet(),
            "relist": self._relist,
            "set_funding_rate": lambda a: exchange.set_funding_rate(a["symbol"], _decimal(a.get("rate"))),
            "set_index": lambda a: exchange.set_index(a["base"], _decimal(a.get("price"))),
            "set_leverage": lambda a: exchange.set_leverage(a.get("user", "main"), a["symbol"], int(a["leverage"])),
            "transfer": self._transfer,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        lag_ms = self._clock() - self._exchange.now
        self._server.catch_up()
        match request.method, request.path:
            case "GET", "/truth":
                return self._truth(request.query.get("user", "main"))
            case "GET", "/status":
                return web.json_response(self._status(lag_ms))
            case "POST", "/scenario":
                return self._scenario(await request.json())
            case "POST", "/stop":
                self._stop()
                return web.json_response({})
            case _:
                return web.json_response({"error": "there is no such thing here"}, status=404)

    def _truth(self, user: str) -> web.StreamResponse:
        try:
            truth = self._exchange.truth(user)
        except KeyError:
            return web.json_response({"error": f"there is no user {user}"}, status=404)
        return web.Response(text=truth_to_json(truth), content_type="application/json")

    def _status(self, lag_ms: int) -> dict[str, object]:
        """`lag_ms`: how far the exchange was behind the clock; `busy_s`: real time spent on its world."""
        return {
            "now": self._exchange.now,
            "lag_ms": lag_ms,
            "requests": self._server.requests,
            "busy_s": round(self._server.busy_s, 3),
            "connections": self._server.connections,
            "dead_man_fired": self._board.dead_man.fired,
        }

    def _scenario(self, arguments: dict[str, Any]) -> web.StreamResponse:
        action = self._actions.get(str(arguments.get("action")))
        if action is None:
            known = ", ".join(sorted(self._actions))
            return web.json_response({"error": f"the action is one of {known}"}, status=400)
        try:
            result = action(arguments)
        except Refused as refused:
            return web.json_response({"error": refused.refusal.value, "text": str(refused)}, status=409)
        except (KeyError, ValueError, InvalidOperation) as error:
            return web.json_response({"error": f"missing or unusable: {error}"}, status=400)
        return web.Response(text=json.dumps({"result": result}, default=str), content_type="application/json")

    # --- actions -----------------------------------------------------------------------------------------------

    def _deposit(self, a: Arguments) -> None:
        """user, wallet, asset, quantity (negative: a withdrawal)."""
        quantity = Decimal(a["quantity"])
        self._exchange.deposit(a.get("user", "main"), Wallet(a.get("wallet", "spot")), a["asset"], quantity)

    def _transfer(self, a: Arguments) -> None:
        """user, quantity, to (the wallet): USDT."""
        self._exchange.transfer(a.get("user", "main"), "USDT", Decimal(a["quantity"]), to=Wallet(a["to"]))

    def _deleverage(self, a: Arguments) -> str:
        """user, symbol, quantity, price (or the mark)."""
        user, price = a.get("user", "main"), _decimal(a.get("price"))
        return str(self._exchange.deleverage(user, a["symbol"], Decimal(a["quantity"]), price))

    def _crowd_takes(self, a: Arguments) -> None:
        """wallet, symbol, side, quantity, limit: an anonymous order takes."""
        wallet, quantity = Wallet(a["wallet"]), Decimal(a["quantity"])
        self._exchange.crowd_takes(wallet, a["symbol"], Side(a["side"]), quantity, _decimal(a.get("limit")))
        self._exchange.publish(wallet, a["symbol"])

    def _place(self, a: Arguments) -> int:
        """user, wallet, symbol, side, quantity, price (without: at market), client_order_id: a person's order."""
        price = _decimal(a.get("price"))
        order = self._exchange.place(
            a.get("user", "main"),
            Wallet(a["wallet"]),
            a["symbol"],
            side=Side(a["side"]),
            kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
            quantity=Decimal(a["quantity"]),
            price=price,
            reduce_only=bool(a.get("reduce_only", False)),
            client_order_id=str(a.get("client_order_id", "")),
        )
        return order.order_id

    def _cancel_all(self, a: Arguments) -> int:
        """user, wallet: a person cancels everything."""
        user, wallet = a.get("user", "main"), Wallet(a["wallet"])
        orders = self._exchange.open_orders(user, wallet)
        for order in orders:
            self._exchange.cancel(user, wallet, order.symbol, order_id=order.order_id)
        return len(orders)

    def _relist(self, a: Arguments) -> None:
        """wallet, symbol, and those of RULES that change."""
        listing = self._exchange.listings[Wallet(a["wallet"]), a["symbol"]]
        rules: dict[str, Any] = {name: Decimal(a[name]) for name in RULES if name in a}
        self._exchange.relist(replace(listing, **rules))

    def _mishap(self, a: Arguments) -> None:
        """method, path, kind (see `Mishap`), times."""
        self._server.mishaps.plan(a["method"], a["path"], Mishap(a["kind"]), times=int(a.get("times", 1)))


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
