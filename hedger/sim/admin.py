"""The exchange's back door, on a socket in its own directory: truth for summaries and tests, and a hand on the world.

`POST /scenario` takes {"action": …} with the arguments of the action of that name below; numbers as strings. Of
several exchanges that of `user` is meant, else that of `venue`, else the first; and of its users the first, if none is
named. An index is set on all exchanges, if no venue is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Protocol, runtime_checkable

from aiohttp import web

from hedger.model.order import Side
from hedger.sim.dialects.binance.switchboard import Switchboard
from hedger.sim.dialects.board import Board
from hedger.sim.dialects.mishaps import Mishap, Outage
from hedger.sim.dialects.server import DialectServer
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import OrderKind, Refused, Wallet
from hedger.sim.testimony import truth_to_json

Arguments = Mapping[str, Any]
RULES = ("tick_size", "lot_size", "min_quantity", "min_notional")


class Notices(Protocol):
    """What a venue says of its contracts."""

    def announce(self, symbol: str, status: str) -> None:
        """From now on a contract has this status, in the venue's words."""


@runtime_checkable
class Announcing(Protocol):
    """A board that can tell that a contract has closed."""

    notices: Notices


class Counter(NamedTuple):
    """One venue, and the board in front of its exchange."""

    venue: str
    board: Board


class Admin:
    """Answers `GET /truth`, `GET /status`, `POST /scenario` and `POST /stop`."""

    def __init__(
        self,
        counters: Sequence[Counter],
        server: DialectServer,
        *,
        clock: Callable[[], int],
        stop: Callable[[], None],
        quiet: Callable[[], None],
    ) -> None:
        self._counters = tuple(counters)
        self._server = server
        self._clock = clock
        self._stop = stop
        self._actions: Mapping[str, Callable[[Arguments], object]] = {
            "announce": self._announce,
            "cancel_all": self._cancel_all,
            "crowd_takes": self._crowd_takes,
            "deleverage": self._deleverage,
            "deposit": self._deposit,
            "drop_streams": lambda _: server.drop_streams(),
            "expire_listen_key": lambda a: self._binance(a).listen_keys.expire(self._user(a)),
            "hedge_mode": lambda a: self._of(a).set_hedge_mode(self._user(a), bool(a["on"])),
            "isolated": lambda a: self._of(a).set_isolated(self._user(a), a["symbol"], bool(a["on"])),
            "mishap": self._mishap,
            "place": self._place,
            "quiet": lambda _: quiet(),
            "relist": self._relist,
            "set_funding_rate": lambda a: self._of(a).set_funding_rate(a["symbol"], _decimal(a.get("rate"))),
            "set_index": self._set_index,
            "set_leverage": lambda a: self._of(a).set_leverage(self._user(a), a["symbol"], int(a["leverage"])),
            "transfer": self._transfer,
            "trouble": self._trouble,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        lag_ms = self._clock() - min(exchange.now for exchange in self._exchanges)
        self._server.catch_up()
        match request.method, request.path:
            case "GET", "/truth":
                return self._truth(request.query.get("user") or self._user({}))
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
            truth = self._exchange_of(user).truth(user)
        except KeyError:
            return web.json_response({"error": f"there is no user {user}"}, status=404)
        return web.Response(text=truth_to_json(truth), content_type="application/json")

    def _status(self, lag_ms: int) -> dict[str, object]:
        """`lag_ms`: how far the exchange was behind the clock; `busy_s`: real time spent on its world."""
        return {
            "now": min(exchange.now for exchange in self._exchanges),
            "lag_ms": lag_ms,
            "requests": self._server.requests,
            "busy_s": round(self._server.busy_s, 3),
            "connections": self._server.connections,
            "dead_man_fired": sum(exchange.dead_man.fired for exchange in self._exchanges),
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

    # --- whose exchange --------------------------------------------------------------------------------------

    @property
    def _exchanges(self) -> list[Exchange]:
        return [counter.board.exchange for counter in self._counters]

    def _exchange_of(self, user: str) -> Exchange:
        """The exchange on which somebody has an account; raises KeyError."""
        for exchange in self._exchanges:
            if user in exchange.floor.ledger.accounts:
                return exchange
        raise KeyError(user)

    def _counter(self, a: Arguments) -> Counter:
        """The venue that an action means; raises KeyError for one that is not here."""
        if "user" in a:
            exchange = self._exchange_of(a["user"])
            return next(counter for counter in self._counters if counter.board.exchange is exchange)
        named = {counter.venue: counter for counter in self._counters}
        return named[a["venue"]] if "venue" in a else self._counters[0]

    def _of(self, a: Arguments) -> Exchange:
        return self._counter(a).board.exchange

    def _user(self, a: Arguments) -> str:
        """Who is meant: `user`, or who has the first account of the exchange that is meant."""
        return str(a["user"]) if "user" in a else next(iter(self._of(a).floor.ledger.accounts))

    def _binance(self, a: Arguments) -> Switchboard:
        """What only Binance's board can do; raises ValueError for another venue."""
        counter = self._counter(a)
        if not isinstance(counter.board, Switchboard):
            raise ValueError(f"{counter.venue} has no such thing")
        return counter.board

    # --- actions -----------------------------------------------------------------------------------------------

    def _deposit(self, a: Arguments) -> None:
        """user, wallet, asset, quantity (negative: a withdrawal)."""
        quantity = Decimal(a["quantity"])
        self._of(a).deposit(self._user(a), Wallet(a.get("wallet", "spot")), a["asset"], quantity)

    def _transfer(self, a: Arguments) -> None:
        """user, quantity, to (the wallet): USDT."""
        self._of(a).transfer(self._user(a), "USDT", Decimal(a["quantity"]), to=Wallet(a["to"]))

    def _deleverage(self, a: Arguments) -> str:
        """user, symbol, quantity, price (or the mark)."""
        user, price = self._user(a), _decimal(a.get("price"))
        return str(self._of(a).deleverage(user, a["symbol"], Decimal(a["quantity"]), price))

    def _crowd_takes(self, a: Arguments) -> None:
        """wallet, symbol, side, quantity, limit: an anonymous order takes."""
        wallet, quantity = Wallet(a["wallet"]), Decimal(a["quantity"])
        self._of(a).crowd_takes(wallet, a["symbol"], Side(a["side"]), quantity, _decimal(a.get("limit")))
        self._of(a).publish(wallet, a["symbol"])

    def _place(self, a: Arguments) -> int:
        """user, wallet, symbol, side, quantity, price (without: at market), client_order_id: a person's order."""
        price = _decimal(a.get("price"))
        order = self._of(a).place(
            self._user(a),
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
        user, wallet = self._user(a), Wallet(a["wallet"])
        orders = self._of(a).open_orders(user, wallet)
        for order in orders:
            self._of(a).cancel(user, wallet, order.symbol, order_id=order.order_id)
        return len(orders)

    def _relist(self, a: Arguments) -> None:
        """wallet, symbol, and those of RULES that change."""
        listing = self._of(a).listings[Wallet(a["wallet"]), a["symbol"]]
        rules: dict[str, Any] = {name: Decimal(a[name]) for name in RULES if name in a}
        self._of(a).relist(replace(listing, **rules))

    def _set_index(self, a: Arguments) -> None:
        """base, price (none: that of the spot book again), venue (none: on every venue)."""
        for exchange in [self._of(a)] if "venue" in a else self._exchanges:
            exchange.set_index(a["base"], _decimal(a.get("price")))

    def _announce(self, a: Arguments) -> None:
        """symbol, status: what the venue says of a contract from now on, in its own words."""
        counter = self._counter(a)
        if not isinstance(counter.board, Announcing):
            raise ValueError(f"{counter.venue} has no such thing")
        counter.board.notices.announce(a["symbol"], a.get("status", ""))

    def _mishap(self, a: Arguments) -> None:
        """method, path, kind (see `Mishap`), times."""
        self._server.mishaps.plan(a["method"], a["path"], Mishap(a["kind"]), times=int(a.get("times", 1)))

    def _trouble(self, a: Arguments) -> None:
        """venue, kind (see `Outage`; without: it is over): from now on the whole venue is out of reach."""
        self._server.trouble(self._counter(a).board, Outage(a["kind"]) if "kind" in a else None)


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
