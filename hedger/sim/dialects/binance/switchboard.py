"""Both of Binance's APIs in front of one exchange, without a network: hosts and addresses to who answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from urllib.parse import parse_qs

from hedger.sim.dialects.binance.changes import LastChanges
from hedger.sim.dialects.binance.depth import DepthFeed
from hedger.sim.dialects.binance.desk import Desk
from hedger.sim.dialects.binance.frames import bare, combined, numbered
from hedger.sim.dialects.binance.hosts import HOSTS, LINEAR_REST, LINEAR_STREAM, SPOT_REST, SPOT_STREAM, SPOT_WS_API
from hedger.sim.dialects.binance.linear import LinearApi, linear_meter
from hedger.sim.dialects.binance.linear_margin import MarginApi
from hedger.sim.dialects.binance.listen_keys import ListenKeys
from hedger.sim.dialects.binance.market_stream import MarketStreams
from hedger.sim.dialects.binance.notices import Notices
from hedger.sim.dialects.binance.past import PastApi
from hedger.sim.dialects.binance.refusals import LINEAR, SPOT, ApiError
from hedger.sim.dialects.binance.signing import Keyring
from hedger.sim.dialects.binance.spot import SpotApi, spot_meter
from hedger.sim.dialects.binance.subscriptions import Category, Subscriptions
from hedger.sim.dialects.binance.user_stream import UserStreams
from hedger.sim.dialects.binance.ws_api import WsApiSession
from hedger.sim.dialects.board import Reader, Session
from hedger.sim.dialects.line import Wrap
from hedger.sim.dialects.mishaps import Mishap
from hedger.sim.dialects.requests import Answer, Request, encode
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Wallet

_UNKNOWN_STATUS = ApiError(
    -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)
_OVERLOADED = ApiError(-1008, "Server is currently overloaded with other requests. Please try again in a few minutes.")


class Switchboard:
    """Binance, sans I/O."""

    hosts: Sequence[str] = HOSTS

    def __init__(self, exchange: Exchange, *, keys: Keyring, seed: int = 0) -> None:
        self.exchange = exchange
        self.wake: Callable[[], None] = lambda: None
        self._keys = keys
        self._spot_meter = spot_meter()
        self.listen_keys = ListenKeys(exchange, Random(seed))
        self.dead_man = exchange.dead_man
        self.notices = Notices()
        self._users = UserStreams(exchange, self.listen_keys)
        spot_depth, linear_depth = DepthFeed(exchange, Wallet.SPOT), DepthFeed(exchange, Wallet.LINEAR)
        self._spot_streams = MarketStreams(exchange, Wallet.SPOT, spot_depth, self._wake)
        self._linear_streams = MarketStreams(exchange, Wallet.LINEAR, linear_depth, self._wake)
        changes = LastChanges(exchange)
        self._desks = {
            SPOT_REST: self._spot_desk(changes, spot_depth),
            LINEAR_REST: self._linear_desk(changes, linear_depth),
        }

    def _spot_desk(self, changes: LastChanges, depth: DepthFeed) -> Desk:
        return Desk(
            routes={
                **SpotApi(self.exchange, self._spot_meter, changes, depth).routes(),
                **PastApi(self.exchange).spot_routes(),
            },
            meter=self._spot_meter,
            keys=self._keys,
            words=SPOT,
            now=self._now,
            absent=_not_found,
        )

    def _linear_desk(self, changes: LastChanges, depth: DepthFeed) -> Desk:
        meter = linear_meter()
        margin = MarginApi(self.exchange, changes, self.listen_keys, self._users.on_leverage)
        return Desk(
            routes={
                **LinearApi(self.exchange, meter, depth, self.notices).routes(),
                **margin.routes(),
                **PastApi(self.exchange).linear_routes(),
            },
            meter=meter,
            keys=self._keys,
            words=LINEAR,
            now=self._now,
            absent=_invalid_path,
        )

    def answer(self, host: str, request: Request) -> Answer:
        """Answer a REST request to a host."""
        desk = self._desks.get(host)
        return _not_found(request) if desk is None else desk.answer(request)

    def flush(self) -> None:
        """Tell stream readers what has happened."""
        self._spot_streams.flush()
        self._linear_streams.flush()

    def wrap(self, host: str, path: str) -> Wrap | None:
        """The form of the frames at a WebSocket address; None if there is no such address."""
        parts = path.strip("/").split("/")
        if host == SPOT_WS_API:
            return numbered if parts[0] == "ws-api" else None
        if host == LINEAR_STREAM and parts[0] in ("public", "market", "private"):
            parts = parts[1:]
        if host not in (SPOT_STREAM, LINEAR_STREAM) or not parts:
            return None
        return {"ws": bare, "stream": combined}.get(parts[0])

    def connect(self, host: str, path: str, query: str, reader: Reader) -> Session:
        """The session behind a WebSocket address that `wrap` knows."""
        if host == SPOT_WS_API:
            return WsApiSession(
                users=self._users, reader=reader, keys=self._keys, meter=self._spot_meter, now=self._now
            )
        category, names = _address(path, query)
        if host == SPOT_STREAM:
            session = Subscriptions(self._spot_streams, reader, category=Category.ANY)
        else:
            session = Subscriptions(self._linear_streams, reader, users=self._users, category=category)
        session.join(names)
        return session

    def worded(self, mishap: Mishap) -> Answer:
        """Binance's words for a fate of a request."""
        error = _OVERLOADED if mishap is Mishap.OVERLOADED else _UNKNOWN_STATUS
        return Answer(status=503, body=encode(error.body))

    def _wake(self) -> None:
        self.wake()

    def _now(self) -> int:
        return self.exchange.now


def _address(path: str, query: str) -> tuple[Category, list[str]]:
    """The category of a stream address and the streams that it names. A bare number names nothing."""
    parts = path.strip("/").split("/")
    category = Category.ANY
    if parts[0] in ("public", "market", "private"):
        category = Category(parts.pop(0))
    fields = parse_qs(query)
    names = parts[1:] + "/".join(fields.get("streams", [])).split("/") + fields.get("listenKey", [])
    return category, [name for name in names if name and not name.isdigit()]


def _not_found(request: Request) -> Answer:
    page = "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"
    return Answer(status=404, body=page, content_type="text/html")


def _invalid_path(request: Request) -> Answer:
    text = f"Path {request.path}, Method {request.method} is invalid"
    return Answer(status=404, body=encode({"code": -5000, "msg": text}))
