"""One WebSocket: calls in frames, subscriptions, heartbeats, and what is left when it is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

from hedger.sim.dialects.deribit.channels import Channel, read_channel
from hedger.sim.dialects.deribit.connection import Connection
from hedger.sim.dialects.deribit.market_stream import MarketStreams
from hedger.sim.dialects.deribit.naming import Catalogue
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.protection import Protection
from hedger.sim.dialects.deribit.refusals import RpcError, Trouble, invalid
from hedger.sim.dialects.deribit.rpc import Call, Desk, Method, Methods, answered, refused_as
from hedger.sim.dialects.deribit.sign_in import SignIn
from hedger.sim.dialects.deribit.user_stream import UserStreams
from hedger.sim.dialects.mishaps import NEVER_SEEN, Mishap, Mishaps
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange

LEAST_HEARTBEAT_S = 10
WEBSOCKET = "WS"  # the "method" under which fates of calls over a WebSocket are planned
WORDED = {Mishap.OVERLOADED: Trouble.QUEUE_FULL, Mishap.UNKNOWN_STATUS: Trouble.UNAVAILABLE}
VERSION = "1.2.26"


class Session:
    """What stands behind one WebSocket."""

    def __init__(
        self,
        connection: Connection,
        desk: Desk,
        sign_in: SignIn,
        protection: Protection,
        channels: ChannelsApi,
        fates: Mishaps,
    ) -> None:
        self._connection, self._desk, self._sign_in = connection, desk, sign_in
        self._protection, self._channels, self._fates = protection, channels, fates

    def answer(self, text: str) -> Body | None:
        """The reply to a frame. Who is out of credits is cut off after it."""
        now = self._desk.now()
        try:
            frame = json.loads(text, parse_float=Decimal)
        except json.JSONDecodeError:
            return refused_as(None, RpcError(-32700, "Parse error"), now)
        if not isinstance(frame, dict) or not isinstance(frame.get("method"), str):
            return refused_as(None, RpcError(-32600, "Invalid Request"), now)
        name = frame["method"].strip("/")
        fate = self._fates.take(WEBSOCKET, name)
        if fate in NEVER_SEEN:
            return self._suffered(frame.get("id"), fate)
        reply = self._replied(frame.get("id"), name, frame.get("params") or {})
        return reply if fate is None else self._suffered(frame.get("id"), fate)

    def _replied(self, request_id: object, name: str, params: object) -> Body | None:
        now = self._desk.now()
        try:
            result = self._serve(name, params)
        except RpcError as error:
            if error.code == 10028:
                self._connection.hang_up()
            return refused_as(request_id, error, now)
        return answered(request_id, result, now) if self._connection.open else None

    def _suffered(self, request_id: object, fate: Mishap | None) -> Body | None:
        """What a call is told that suffers a fate: words, silence, or the end of the connection."""
        if fate in WORDED:
            return refused_as(request_id, WORDED[fate].error, self._desk.now())
        if fate is not Mishap.HOLD_ANSWER:
            self._connection.hang_up()
        return None

    def close(self) -> None:
        """The client has gone; whoever has not logged out may lose their orders."""
        connection = self._connection
        self._channels.leave(connection, tuple(connection.channels))
        was_open, connection.open, connection.heartbeat_ms = connection.open, False, 0
        if was_open:
            self._protection.end(connection)

    def _serve(self, name: str, params: object) -> object:
        if not isinstance(params, dict):
            raise invalid("params", "must be an object")
        self._connection.unanswered = False
        client, token = self._connection.client, params.get("access_token")
        if isinstance(token, str):
            client = self._sign_in.of_token(token)
        address = f"websocket {self._connection.number}"
        return self._desk.serve(name, Params(params), client=client, connection=self._connection, address=address)


class ChannelsApi:
    """The methods that only a connection has: subscriptions, heartbeats and goodbye."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, market: MarketStreams, users: UserStreams) -> None:
        self._exchange, self._catalogue = exchange, catalogue
        self._market, self._users = market, users

    def methods(self) -> Methods:
        """By name."""
        by_name = {
            "public/subscribe": self._subscribe,
            "public/unsubscribe": self._unsubscribe,
            "public/unsubscribe_all": self._unsubscribe_all,
            "private/subscribe": self._subscribe,
            "private/unsubscribe": self._unsubscribe,
            "private/unsubscribe_all": self._unsubscribe_all,
            "public/set_heartbeat": self._set_heartbeat,
            "public/disable_heartbeat": self._disable_heartbeat,
            "private/logout": self._logout,
        }
        free = {
            "public/test": Method(handler=lambda call: {"version": VERSION}),
            "public/hello": Method(handler=lambda call: {"version": VERSION}),
        }
        return {name: Method(handler=handler, websocket=True) for name, handler in by_name.items()} | free

    # --- channels -------------------------------------------------------------------------------------------

    def _subscribe(self, call: Call) -> list[str]:
        """The channels that were joined: those that there are not, and a stranger's own, are left out."""
        connection, names = _connection(call), call.params.names("channels")
        found = [channel for name in names if (channel := read_channel(name, self._catalogue)) is not None]
        if call.client is None and any(channel.raw and not channel.private for channel in found):
            raise RpcError(13778, "raw_subscriptions_not_available_for_unauthorized")
        joined = [channel for channel in found if call.client is not None or not channel.private]
        for channel in joined:
            self._join(call, connection, channel)
        return [channel.name for channel in joined]

    def _join(self, call: Call, connection: Connection, channel: Channel) -> None:
        if channel.name in connection.channels:
            return
        connection.channels.append(channel.name)
        if channel.private:
            self._users.join(channel, connection.reader, call.user)
        else:
            self._market.join(channel, connection.reader)

    def _unsubscribe(self, call: Call) -> list[str]:
        connection = _connection(call)
        return self.leave(connection, call.params.names("channels"))

    def _unsubscribe_all(self, call: Call) -> str:
        connection = _connection(call)
        self.leave(connection, tuple(connection.channels))
        return "ok"

    def leave(self, connection: Connection, names: Iterable[str]) -> list[str]:
        """Leave channels; those that were left."""
        left = [name for name in names if name in connection.channels]
        for name in left:
            connection.channels.remove(name)
            self._market.leave(name, connection.reader)
            self._users.leave(name, connection.reader)
        return left

    # --- heartbeats -----------------------------------------------------------------------------------------

    def _set_heartbeat(self, call: Call) -> str:
        interval = call.params.integer("interval")
        if interval is None or interval < LEAST_HEARTBEAT_S:
            raise invalid("interval", "must be at least 10")
        connection = _connection(call)
        connection.heartbeat_ms = interval * 1_000
        connection.beats += 1
        self._beat_later(connection, connection.beats)
        return "ok"

    def _disable_heartbeat(self, call: Call) -> str:
        _connection(call).heartbeat_ms = 0
        return "ok"

    def _beat_later(self, connection: Connection, beats: int) -> None:
        at = self._exchange.now + connection.heartbeat_ms
        self._exchange.schedule(at, lambda: self._beat(connection, beats))

    def _beat(self, connection: Connection, beats: int) -> None:
        """Ask whether anybody is there; who did not answer the last time is cut off."""
        if not connection.heartbeat_ms or not connection.open or connection.beats != beats:
            return
        if connection.unanswered:
            connection.hang_up()
            return
        connection.unanswered = True
        body: Body = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
        connection.reader.tell("heartbeat", body)
        self._beat_later(connection, beats)

    def _logout(self, call: Call) -> None:
        """Close in good form: orders stay, whatever is switched on. There is no answer."""
        connection = _connection(call)
        connection.open = False
        connection.hang_up()


def _connection(call: Call) -> Connection:
    assert call.connection is not None, "the method is served to connections only"
    return call.connection
