"""WEEX's streams: which there are, and what their frames say.

Contracts have no stream of best prices: they are kept from the first fifteen levels, a snapshot and then changes twice
a second. No stream tells funding, so marks are asked for. Frames of positions name no contract at times and are not
used: positions are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.streams import Watch
from hedger.venues.weex.codes import CONTRACT_STREAM
from hedger.venues.weex.known import Known
from hedger.venues.weex.parse import (
    cause_of,
    fill_of_news,
    quote_of_levels,
    quote_of_pair,
    record_of,
    report_of,
)
from hedger.venues.weex.payloads import DepthFrame, FillNews, News, OrderNews, PairFrame
from hedger.venues.weex.sides import Sides
from hedger.venues.wire import reader

# A book that does not change is silent; the venue pings once a minute all the same.
SILENCE_S = 150.0
LEVELS = 15
_BOOKS = frozenset({"depthSnapshot", "depth", "bookTicker"})
_OURS = frozenset({"orders", "fill"})

_read_depth: Understand[DepthFrame] = reader(DepthFrame)
_read_pair: Understand[PairFrame] = reader(PairFrame)
_read_news: Understand[News] = reader(News)
_read_order: Understand[OrderNews] = reader(OrderNews)
_read_fill: Understand[FillNews] = reader(FillNews)


@dataclass(slots=True, kw_only=True)
class _Book:
    """The levels of a contract as the frames up to update `last` leave them."""

    last: int
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)


class WeexFrames:
    """Books of contracts, best prices of spot pairs, and our own orders and fills: a connection each."""

    def __init__(self, link: Link, listing: Listing, sides: Sides, known: Known) -> None:
        self._link = link
        self._listing = listing
        self._sides = sides
        self._known = known
        self._books: dict[InstrumentId, _Book] = {}

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by connection."""
        raw, found = self._listing.raw, {}
        if self._listing.contracts:
            depths = [f"{raw[id]}@depth{LEVELS}" for id in self._listing.contracts]
            found["books"] = Watch(begin=partial(self._watch, CONTRACT_STREAM, depths), silence_s=SILENCE_S)
            found["orders"] = Watch(begin=self._watch_orders, silence_s=None, private=True)
        if self._listing.spots:
            tickers = [f"{raw[id]}@bookTicker" for id in self._listing.spots]
            found["spot"] = Watch(begin=partial(self._watch, "", tickers), silence_s=SILENCE_S)
        return found

    def _watch(self, stream: str, channels: Sequence[str]) -> Awaitable[Any]:
        """Subscribe over one public connection; what the client would make of the frames is not needed."""
        if stream:
            self._books.clear()
        found: Awaitable[Any] = self._link.client.subscribe_public(list(channels), list(channels), bool(stream))
        return found

    async def _watch_orders(self) -> None:
        """Both channels over the one private connection, which is signed as it is made."""
        client = self._link.client
        await asyncio.gather(*(client.subscribe_private(name, name, name, True) for name in sorted(_OURS)))

    def name_of(self, url: str) -> str | None:
        """The watch that a connection serves, by its address."""
        if not url.startswith("wss://"):
            return None
        if url.endswith("/private"):
            return "orders"
        return "books" if CONTRACT_STREAM in url else "spot"

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame carries a book, or orders or fills of ours."""
        return isinstance(message, dict) and message.get("e") in (_OURS if name == "orders" else _BOOKS)

    def is_clients(self, message: Any) -> bool:
        """Pings and answers to subscriptions; the rest of what the private stream may tell is nobody's."""
        return isinstance(message, dict) and "e" not in message

    def is_up(self, name: str, message: Any) -> bool:
        """A stream stands when the venue has granted a subscription, and while it pings."""
        if not isinstance(message, dict):
            return False
        return message.get("result") is True or "ping" in (message.get("event"), message.get("type"))

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame into hints; what it says if the stream is over."""
        match message["e"]:
            case "bookTicker":
                self._use_pair(message, queue)
            case "orders":
                for row in _read_news(message).d:
                    self._use_order(_read_order(row), queue)
            case "fill":
                for row in _read_news(message).d:
                    self._use_fill(_read_fill(row), queue)
            case _:
                return self._use_depth(message, queue)
        return None

    def _use_pair(self, message: Any, queue: HintQueue) -> None:
        frame = _read_pair(message)
        id = self._listing.pair(frame.s)
        if id is not None:
            queue.put(quote_of_pair(frame, id))

    def _use_depth(self, message: Any, queue: HintQueue) -> str | None:
        """Take a frame into its book. Each begins with the update that the one before it ended with (as captured)."""
        frame = _read_depth(message)
        id = self._listing.contract(frame.s)
        if id is None:
            return None
        if frame.e == "depthSnapshot":
            self._books[id] = _Book(last=frame.u)
        book = self._books.get(id)
        if book is None or (frame.e != "depthSnapshot" and book.last != frame.U):
            self._books.pop(id, None)
            return f"a change of the book of {frame.s} is missing"
        for levels, side in ((frame.b, book.bids), (frame.a, book.asks)):
            for price, quantity in levels:
                if quantity == ZERO:
                    side.pop(price, None)
                else:
                    side[price] = quantity
        # Of what lies beyond the levels that are streamed no change may be told.
        while len(book.bids) > LEVELS:
            del book.bids[min(book.bids)]
        while len(book.asks) > LEVELS:
            del book.asks[max(book.asks)]
        book.last = frame.u
        if book.bids and book.asks:
            queue.put(quote_of_levels(id, book.bids, book.asks, frame.E))
        return None

    def _use_order(self, news: OrderNews, queue: HintQueue) -> None:
        id = self._listing.contract(news.symbol)
        if id is None:
            return
        report = report_of(record_of(news), id, self._known)
        self._link.seen.note(report, cause_of(news.type))
        self._sides.hear(report, self._link.venue_now())
        queue.put(report)

    def _use_fill(self, news: FillNews, queue: HintQueue) -> None:
        id = self._listing.contract(news.symbol)
        if id is None:
            return
        fill = fill_of_news(news, id, None)
        client_order_id, _ = self._link.seen.of(fill) or (None, fill.cause)
        queue.put(fill_of_news(news, id, client_order_id))

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Nothing must be renewed."""
        return None
