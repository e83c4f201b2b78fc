"""One client's market subscriptions: SUBSCRIBE frames, stream names in the address, and their answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum

from hedger.sim.dialects.binance.market_stream import PUBLIC, MarketStreams
from hedger.sim.dialects.binance.user_stream import UserStreams
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.requests import Body

MOST_STREAMS = 1_024


class Category(Enum):
    """USDⓈ-M serves its streams at /public, /market and /private; without one, all are served."""

    ANY = "any"
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


class Subscriptions:
    """What one client hears. Names that are not of its category are accepted and stay silent."""

    def __init__(
        self, streams: MarketStreams, reader: Reader, *, users: UserStreams | None = None, category: Category
    ) -> None:
        self._streams = streams
        self._reader = reader
        self._users = users
        self._category = category
        self._names: list[str] = []

    def join(self, names: Iterable[str]) -> None:
        """Subscribe to streams and, on USDⓈ-M, to listen keys."""
        for name in names:
            if name in self._names or len(self._names) >= MOST_STREAMS:
                continue
            self._names.append(name)
            if "@" not in name and self._users is not None and self._category in (Category.ANY, Category.PRIVATE):
                self._users.join_linear(name, self._reader)
            elif self._serves(name) and self._streams.knows(name):
                self._streams.join(name, self._reader)

    def answer(self, text: str) -> Body:
        """The reply to a control frame."""
        try:
            frame = json.loads(text)
        except json.JSONDecodeError as error:
            return {"error": {"code": 3, "msg": f"Invalid JSON: {error.msg}"}}
        if not isinstance(frame, dict) or not isinstance(frame.get("params", []), list):
            return {"error": {"code": 2, "msg": "Invalid request: an object with a list of params is expected"}}
        names = [str(name) for name in frame.get("params", [])]
        match frame.get("method"):
            case "SUBSCRIBE":
                self.join(names)
                return {"result": None, "id": frame.get("id")}
            case "UNSUBSCRIBE":
                self._leave(names)
                return {"result": None, "id": frame.get("id")}
            case "LIST_SUBSCRIPTIONS":
                return {"result": list(self._names), "id": frame.get("id")}
            case method:
                text = f"Invalid request: unknown variant `{method}`"
                return {"error": {"code": 2, "msg": text}, "id": frame.get("id")}

    def close(self) -> None:
        """The client has gone."""
        self._leave(tuple(self._names))
        if self._users is not None:
            self._users.leave(self._reader)

    def _leave(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._names:
                self._names.remove(name)
                self._streams.leave(name, self._reader)

    def _serves(self, name: str) -> bool:
        kind = name.partition("@")[2]
        match self._category:
            case Category.ANY:
                return True
            case Category.PUBLIC:
                return kind in PUBLIC
            case Category.MARKET:
                return kind not in PUBLIC
            case Category.PRIVATE:
                return False
