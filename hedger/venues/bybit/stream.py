"""Bybit's streams: which there are, and what their frames say.

The client's own `watch_topics` and `authenticate` are used: they need no listing of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.model.market import Quote
from hedger.venues.asking import Understand
from hedger.venues.bybit.history import HistoryReader
from hedger.venues.bybit.names import Category, category_of
from hedger.venues.bybit.parse import fill_of, report_of
from hedger.venues.bybit.payloads import BookFrame, Execution, Frame, News, OrderRecord
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

# The venue takes no more topics of pairs in one request.
_MOST_TOPICS = 10
# Marks come several times a second; the best prices of a book come again after three seconds without a change.
CONTRACT_SILENCE_S = 10.0
PAIR_SILENCE_S = 60.0
# A mark that did not change is told again after this long: that it did not change is news.
REPEAT_MS = 1_000
_MARK = frozenset({"markPrice", "indexPrice", "fundingRate", "nextFundingTime"})
_ORDERS = "orders"
_CONTRACTS = frozenset({Category.LINEAR.value, Category.INVERSE.value})

_read_frame: Understand[Frame] = reader(Frame)
_read_news: Understand[News] = reader(News)
_read_book: Understand[BookFrame] = reader(BookFrame)
_read_order: Understand[OrderRecord] = reader(OrderRecord)
_read_execution: Understand[Execution] = reader(Execution)
Side = dict[Decimal, Decimal]


class BybitFrames:
    """Best prices and marks of each category, and our own orders and executions: a connection each."""

    def __init__(self, link: Link, listing: Listing, history: HistoryReader) -> None:
        self._link = link
        self._listing = listing
        self._history = history
        self._books: dict[InstrumentId, tuple[Side, Side]] = {}
        self._tickers: dict[InstrumentId, dict[str, Any]] = {}
        self._told_at: dict[InstrumentId, int] = {}

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by connection."""
        found = {}
        for category in (Category.LINEAR, Category.INVERSE):
            raws = [self._listing.raw[id] for id in self._listing.contracts if category_of(id.symbol) is category]
            topics = [f"{kind}.{raw}" for raw in raws for kind in ("orderbook.1", "tickers")]
            if topics:
                found[category.value] = Watch(begin=self._asked(category, topics), silence_s=CONTRACT_SILENCE_S)
        pairs = [f"orderbook.1.{self._listing.raw[id]}" for id in self._listing.spots]
        if pairs:
            found[Category.SPOT.value] = Watch(begin=self._asked(Category.SPOT, pairs), silence_s=PAIR_SILENCE_S)
        if self._listing.contracts:
            found[_ORDERS] = Watch(begin=self._watch_orders, silence_s=None, private=True)
        return found

    def _asked(self, category: Category, topics: Sequence[str]) -> Callable[[], Awaitable[object]]:
        client = self._link.client
        parts = [list(topics[start : start + _MOST_TOPICS]) for start in range(0, len(topics), _MOST_TOPICS)]

        async def begin() -> object:
            url = client.implode_hostname(client.urls["api"]["ws"]["public"][category.value])
            return await asyncio.gather(*(client.watch_topics(url, part, part) for part in parts))

        return begin

    async def _watch_orders(self) -> None:
        client = self._link.client
        url = client.implode_hostname(client.urls["api"]["ws"]["private"]["contract"])
        await client.authenticate(url)
        topics = ["order", "execution"]
        await client.watch_topics(url, topics, topics)

    def name_of(self, url: str) -> str | None:
        """The watch that a connection serves, by its address."""
        path = url.partition("?")[0].rpartition("/")[2]
        if path == "private":
            return _ORDERS
        return path if path in (Category.LINEAR, Category.INVERSE, Category.SPOT) else None

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame carries a topic; answers carry none."""
        return isinstance(message, dict) and message.get("topic") is not None and "op" not in message

    def is_clients(self, message: Any) -> bool:
        """Answers are objects."""
        return isinstance(message, dict)

    def is_up(self, name: str, message: Any) -> bool:
        """A stream stands when the venue has granted a subscription; that of orders can only be granted to who is
        signed in."""
        return isinstance(message, dict) and message.get("op") == "subscribe" and message.get("success") is True

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame into hints; no frame says that the stream is over."""
        if name == _ORDERS:
            self._use_news(_read_news(message), queue)
            return None
        frame = _read_frame(message)
        id = self._id_of(name, frame.topic.rpartition(".")[2])
        if id is None:
            return None
        if frame.topic.startswith("orderbook."):
            self._use_book(id, frame, queue)
        elif frame.topic.startswith("tickers."):
            self._use_ticker(id, frame, queue)
        return None

    def _id_of(self, name: str, raw: str) -> InstrumentId | None:
        return self._listing.pair(raw) if name == Category.SPOT else self._listing.contract(raw)

    def _use_book(self, id: InstrumentId, frame: Frame, queue: HintQueue) -> None:
        """The best prices; a book that lacks a side has none."""
        told = _read_book(frame.data)
        if told.s != self._listing.raw[id]:
            raise ValueError("a book of another instrument")
        before = self._books.get(id)
        if frame.type == "snapshot":
            before = ({}, {})
        elif before is None:
            return
        bids, asks = _changed(before[0], told.b), _changed(before[1], told.a)
        self._books[id] = (bids, asks)
        if not bids or not asks:
            return
        bid, ask = max(bids), min(asks)
        if bid >= ask:
            raise ValueError("the book is crossed")
        queue.put(
            Quote(
                id=id,
                bid=bid,
                bid_quantity=bids[bid],
                ask=ask,
                ask_quantity=asks[ask],
                exchange_at=frame.ts,
            )
        )

    def _use_ticker(self, id: InstrumentId, frame: Frame, queue: HintQueue) -> None:
        """A ticker is told whole once, and then by what has changed."""
        if frame.data.get("symbol") != self._listing.raw[id]:
            raise ValueError("a ticker of another instrument")
        before = self._tickers.get(id)
        if frame.type == "snapshot":
            # What was told before is over, whether this is understood or not: an old price must not seem new.
            self._tickers.pop(id, None)
            before = {}
        if before is None:
            return
        # What is not understood is not kept: later frames are told on top of it.
        ticker = before | frame.data
        mark = self._history.mark_of(ticker, id, frame.ts)
        self._tickers[id] = ticker
        changed = frame.type == "snapshot" or bool(_MARK & frame.data.keys())
        if changed or frame.ts - self._told_at.get(id, 0) >= REPEAT_MS:
            queue.put(mark)
            self._told_at[id] = frame.ts

    def _use_news(self, news: News, queue: HintQueue) -> None:
        """Orders and executions of our contracts; what is about others is passed over unread. A pair has the name of a
        contract, so the category is read first."""
        for row in news.data:
            id = self._listing.contract(str(row.get("symbol"))) if str(row.get("category")) in _CONTRACTS else None
            if id is None:
                continue
            if news.topic == "order":
                report = report_of(_read_order(row), id)
                self._link.seen.note(report)
                queue.put(report)
            elif news.topic == "execution":
                fill = fill_of(_read_execution(row), id, self._listing.instruments[id].settle)
                if fill is not None:
                    queue.put(fill)

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Nothing must be renewed: the client sends the pings."""
        return None


def _changed(side: Side, levels: Sequence[tuple[Decimal, Decimal]]) -> Side:
    """A side of the book with the levels that were told; a size of nothing takes a price off."""
    return {price: size for price, size in {**side, **dict(levels)}.items() if size}
