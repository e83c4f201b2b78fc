"""BingX's streams: which there are, and what their frames say.

Its frames of mark prices tell neither index nor funding, so marks are asked for instead. The orders of COIN-M are asked
for as well: ccxt does not watch them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand
from hedger.venues.bingx.codes import COIN_STREAM, SPOT_STREAM
from hedger.venues.bingx.parse import cause_of_frame, news_of_frame, quote_of_coin_frame, quote_of_frame
from hedger.venues.bingx.payloads import BookFrame, CoinFrame, OrderFrame
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.outcome import attempt
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

# The venue ends a listen key an hour after it was last renewed; ccxt would renew it a minute before.
RENEW_S = 20 * 60.0
BOOK_SILENCE_S = 60.0
_KEPT = "listenKey"
_NAMES = {COIN_STREAM: "coin books", SPOT_STREAM: "spot"}

_read_book: Understand[BookFrame] = reader(BookFrame)
_read_coin_book: Understand[CoinFrame] = reader(CoinFrame)
_read_order: Understand[OrderFrame] = reader(OrderFrame)


class BingxFrames:
    """Books of USDT-M, of COIN-M and of spot pairs, and our own orders on USDT-M: a connection each."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by connection."""
        rules = self._listing.instruments
        linear = [id for id in self._listing.contracts if rules[id].payoff is Payoff.LINEAR]
        inverse = [id for id in self._listing.contracts if rules[id].payoff is Payoff.INVERSE]
        spots = self._listing.spots
        found = {}
        if linear:
            found["books"] = self._books("linear", linear, "bookTicker")
            found["orders"] = Watch(begin=self._watch_orders, silence_s=None, private=True)
        if inverse:
            found["coin books"] = self._books("inverse", inverse, "depth5")
        if spots:
            found["spot"] = self._books("spot", spots, "bookTicker")
        return found

    def _books(self, place: str, ids: Sequence[InstrumentId], kind: str) -> Watch:
        topics = [f"{self._listing.raw[id]}@{kind}" for id in ids]
        return Watch(begin=partial(self._watch, place, topics), silence_s=BOOK_SILENCE_S)

    def _watch(self, place: str, topics: Sequence[str]) -> Awaitable[Any]:
        """Subscribe over one connection of the client's; what it would make of the frames is not needed."""
        client = self._link.client
        url = client.urls["api"]["ws"][place]
        asked = [{"id": client.uuid(), "reqType": "sub", "dataType": topic} for topic in topics]
        return asyncio.gather(*(client.watch(url, ask["dataType"], ask, ask["dataType"], ask) for ask in asked))

    async def _watch_orders(self) -> None:
        client = self._link.client
        # Without a remembered key ccxt asks for one.
        client.options |= {_KEPT: None, "lastAuthenticatedTime": 0}
        await client.watch_orders(None, None, None, {"type": "swap", "subType": "linear"})

    def name_of(self, url: str) -> str | None:
        """The watch that a connection serves, by its address."""
        place = urlsplit(url)
        if place.scheme != "wss":
            return None
        if "listenKey=" in place.query:
            return "orders"
        # The whole name: that of simulated trading ends like that of the spot pairs.
        return _NAMES.get(place.hostname or "", "books")

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame carries a book, an event of the account, or a refusal."""
        if not isinstance(message, dict) or "ping" in message:
            return False
        refused = message.get("code") not in (None, 0, "0")
        return refused or isinstance(message.get("data"), dict) or message.get("e") is not None

    def is_clients(self, message: Any) -> bool:
        """Pings, as text or as objects, and answers to subscriptions."""
        return isinstance(message, dict) or message == "Ping"

    def is_up(self, name: str, message: Any) -> bool:
        """The stream of orders is up once it is connected: its key is in its address. Others when they answer."""
        return name == "orders" or (isinstance(message, dict) and message.get("code") in (0, "0"))

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame into hints; what it says if the stream is over."""
        if message.get("code") not in (None, 0, "0"):
            return f"the venue refused it ({message['code']})"
        match name, str(message.get("e") or ""):
            case "orders", "ORDER_TRADE_UPDATE":
                self._use_order(message, queue)
            case "orders", "listenKeyExpired":
                return "the venue ended it (listenKeyExpired)"
            case "orders", _:
                pass
            case "coin books", _:
                self._use_coin_book(message.get("data"), queue)
            case _:
                self._use_book(name, message.get("data"), queue)
        return None

    def _use_book(self, name: str, data: Any, queue: HintQueue) -> None:
        frame = _read_book(data)
        id = self._listing.pair(frame.s) if name == "spot" else self._listing.contract(frame.s)
        if id is not None:
            queue.put(quote_of_frame(frame, id, self._link.venue_now()))

    def _use_coin_book(self, data: Any, queue: HintQueue) -> None:
        frame = _read_coin_book(data)
        id = self._listing.contract(frame.symbol)
        if id is not None:
            queue.put(quote_of_coin_frame(frame, id))

    def _use_order(self, message: Any, queue: HintQueue) -> None:
        frame = _read_order(message)
        id = self._listing.contract(frame.o.s)
        if id is not None:
            for hint in news_of_frame(frame, id):
                if isinstance(hint, OrderReport):
                    self._link.seen.note(hint, cause_of_frame(frame))
                queue.put(hint)

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Renew the listen key."""
        return self._renew(broken) if "orders" in self.watches() else None

    async def _renew(self, broken: Callable[[str, str], None]) -> None:
        """Renew the listen key on our clock; where that fails, begin the stream again with a new one."""
        link = self._link
        while True:
            await link.clock.sleep(RENEW_S)
            await link.lanes.quiet.over()
            key = link.client.options.get(_KEPT)
            if key is None:
                continue
            call = partial(link.client.user_auth_private_put_userdatastream, {"listenKey": key})
            result = await attempt(call, link.answer_s + 1, link.hear)
            # A renewal is answered by an empty body, which the client takes for no answer.
            status, said = result.evidence.status, result.code
            if status not in (200, 204) or said is not None:
                broken("orders", "its listen key could not be renewed")
