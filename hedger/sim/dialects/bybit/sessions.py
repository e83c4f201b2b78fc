"""What stands behind one WebSocket: its requests, its subscriptions, and on the private one who has signed in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.bybit.dcp import TOPICS as PROTECTED
from hedger.sim.dialects.bybit.dcp import DisconnectProtection
from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.private_stream import TOPICS, PrivateStreams
from hedger.sim.dialects.bybit.public_stream import PublicStreams
from hedger.sim.dialects.bybit.signing import Keyring, is_signed
from hedger.sim.dialects.requests import Body

MOST_SPOT_TOPICS = 10  # in one request


@dataclass(slots=True, kw_only=True, eq=False)
class PublicSession:
    """A reader of one category's streams. `now` gives the exchange's time, ms."""

    streams: PublicStreams
    category: Category
    reader: Reader
    connection: str
    now: Callable[[], int]
    topics: list[str] = field(default_factory=list)

    def answer(self, text: str) -> Body | None:
        """The reply to a request."""
        frame = _read(text)
        op, topics = frame.get("op"), _topics(frame)
        if op == "ping":
            return self._pong(frame)
        if op not in ("subscribe", "unsubscribe"):
            return _refused(frame, "error:invalid op", self.connection)
        unknown = [topic for topic in topics if not self.streams.knows(topic)]
        if self.category is Category.SPOT and len(topics) > MOST_SPOT_TOPICS:
            return _refused(frame, "args size >10", self.connection)
        if unknown and op == "subscribe":
            return _refused(frame, f"error:handler not found,topic:{unknown[0]}", self.connection)
        for topic in topics:
            self._change(topic, joins=op == "subscribe")
        if self.category is Category.OPTION:
            data = {"failTopics": [], "successTopics": topics}
            return {"success": True, "conn_id": self.connection, "data": data, "type": "COMMAND_RESP"}
        return _done(frame, str(op), self.connection)

    def close(self) -> None:
        """The client has gone."""
        for topic in tuple(self.topics):
            self._change(topic, joins=False)

    def _change(self, topic: str, *, joins: bool) -> None:
        if joins and topic not in self.topics:
            self.topics.append(topic)
            self.streams.join(topic, self.reader)
        elif not joins and topic in self.topics:
            self.topics.remove(topic)
            self.streams.leave(topic, self.reader)

    def _pong(self, frame: Mapping[str, object]) -> Body:
        if self.category is Category.OPTION:
            return {"args": [str(self.now())], "op": "pong"}
        return {
            "success": True,
            "ret_msg": "pong",
            "conn_id": self.connection,
            "req_id": _id_of(frame),
            "op": "ping",
        }


@dataclass(slots=True, kw_only=True, eq=False)
class PrivateSession:
    """A reader of a user's streams, once the user has signed in. `now` gives the exchange's time, ms."""

    streams: PrivateStreams
    protection: DisconnectProtection
    keys: Keyring
    reader: Reader
    connection: str
    now: Callable[[], int]
    user: str | None = None
    topics: list[str] = field(default_factory=list)

    def answer(self, text: str) -> Body | None:
        """The reply to a request."""
        frame = _read(text)
        match frame.get("op"):
            case "ping":
                return {
                    "req_id": _id_of(frame),
                    "op": "pong",
                    "args": [str(self.now())],
                    "conn_id": self.connection,
                }
            case "auth":
                return self._sign_in(frame)
            case "subscribe" | "unsubscribe" as op:
                return self._change_all(frame, op)
            case _:
                return _refused(frame, "error:invalid op", self.connection)

    def close(self) -> None:
        """The client has gone: from now on its disconnect protection counts."""
        for topic in tuple(self.topics):
            self._change(topic, joins=False)

    def _sign_in(self, frame: Mapping[str, object]) -> Body:
        args = frame.get("args")
        words = [str(arg) for arg in args] if isinstance(args, list) else []
        if len(words) != 3 or not words[1].isdigit() or int(words[1]) <= self.now():
            return _refused(frame, "Params Error", self.connection)
        key, expires, signature = words
        credential = self.keys.get(key)
        if credential is None or not is_signed(credential, f"GET/realtime{expires}", signature):
            return _refused(frame, "error:USVC1111", self.connection)
        self.user = credential.user
        return {"success": True, "ret_msg": "", "op": "auth", "conn_id": self.connection}

    def _change_all(self, frame: Mapping[str, object], op: str) -> Body:
        if self.user is None:
            return _refused(frame, "Request not authorized", self.connection)
        topics = _topics(frame)
        unknown = [topic for topic in topics if topic not in TOPICS and topic not in PROTECTED]
        if unknown and op == "subscribe":
            return _refused(frame, f"error:handler not found,topic:{unknown[0]}", self.connection)
        for topic in topics:
            self._change(topic, joins=op == "subscribe")
        return _done(frame, op, self.connection)

    def _change(self, topic: str, *, joins: bool) -> None:
        assert self.user is not None, "topics belong to who has signed in"
        if joins is (topic in self.topics):
            return
        (self.topics.append if joins else self.topics.remove)(topic)
        if topic in PROTECTED:
            watch = self.protection.join if joins else self.protection.leave
            watch(self.user, PROTECTED[topic], self)
        else:
            listen = self.streams.join if joins else self.streams.leave
            listen(self.user, topic, self.reader)


def _read(text: str) -> Mapping[str, object]:
    try:
        frame = json.loads(text)
    except ValueError:
        return {}
    return frame if isinstance(frame, dict) else {}


def _topics(frame: Mapping[str, object]) -> Sequence[str]:
    args = frame.get("args")
    return [str(arg) for arg in args] if isinstance(args, list) else []


def _id_of(frame: Mapping[str, object]) -> str:
    return str(frame.get("req_id", ""))


def _done(frame: Mapping[str, object], op: str, connection: str) -> Body:
    return {"success": True, "ret_msg": "", "conn_id": connection, "req_id": _id_of(frame), "op": op}


def _refused(frame: Mapping[str, object], text: str, connection: str) -> Body:
    request = {"op": frame.get("op", ""), "args": frame.get("args")}
    return {
        "success": False,
        "ret_msg": text,
        "conn_id": connection,
        "req_id": _id_of(frame),
        "op": frame.get("op", ""),
        "request": request,
    }
