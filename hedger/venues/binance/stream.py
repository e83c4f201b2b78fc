"""Binance's streams: which there are, and what their frames say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from hedger.model.order import OrderReport
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import FAPI
from hedger.venues.binance.doors import in_portfolio_margin
from hedger.venues.binance.history import USUAL_INTERVAL_MS, HistoryReader
from hedger.venues.binance.names import api_of, settles_in_coin
from hedger.venues.binance.parse import (
    cause_of,
    dated_mark_of_frame,
    mark_of_frame,
    news_of_frame,
    quote_of_frame,
)
from hedger.venues.binance.payloads import BookFrame, DatedMarkFrame, MarkFrame, OrderFrame
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.outcome import attempt
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

# The venue ends a listen key an hour after it was last renewed; ccxt 4.5.90 does not renew it.
RENEW_S = 20 * 60.0
# Marks come every second; a quiet book may rightly say nothing for a while.
MARK_SILENCE_S = 10.0
BOOK_SILENCE_S = 60.0
# The end of the address of COIN-M's market data; that of its stream of orders ends in the listen key.
_COIN = "/0"
_OF_ORDERS = ("orders", "coin orders")
# What the stream of USDⓈ-M's orders is to tell stands in its address. Without it, others found in May 2026, it is
# connected and says nothing; the client names none.
EVENTS = "ORDER_TRADE_UPDATE/listenKeyExpired"

_read_book: Understand[BookFrame] = reader(BookFrame)
_read_mark: Understand[MarkFrame] = reader(MarkFrame)
_read_dated_mark: Understand[DatedMarkFrame] = reader(DatedMarkFrame)
_read_order: Understand[OrderFrame] = reader(OrderFrame)


def name_events(client: Any) -> None:
    """Have a client name what the stream of our orders is to tell, where its address has room for it."""
    address = client.get_private_ws_url

    def named(type: str, listen_key: str) -> str:
        found = str(address(type, listen_key))
        return f"{found}&events={EVENTS}" if "?listenKey=" in found else found

    client.get_private_ws_url = named


class BinanceFrames:
    """Books, marks and our own orders of each kind of contract, and spot books, where configured."""

    def __init__(self, link: Link, listing: Listing, history: HistoryReader) -> None:
        self._link = link
        self._listing = listing
        self._history = history

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by connection."""
        futures = [id.symbol for id in self._listing.contracts if api_of(id.symbol) == FAPI]
        spots = [id.symbol for id in self._listing.spots]
        found = {}
        if futures:
            found["books"] = Watch(begin=self._asked("watch_bids_asks", futures), silence_s=BOOK_SILENCE_S)
            found["marks"] = Watch(begin=self._asked("watch_mark_prices", futures), silence_s=MARK_SILENCE_S)
            found["orders"] = Watch(begin=self._watch_orders, silence_s=None, private=True)
        if any(settles_in_coin(id.symbol) for id in self._listing.contracts):
            found["coin"] = Watch(begin=self._watch_coin, silence_s=MARK_SILENCE_S)
            found["coin orders"] = Watch(begin=self._watch_coin_orders, silence_s=None, private=True)
        if spots:
            found["spot"] = Watch(begin=self._asked("watch_bids_asks", spots), silence_s=BOOK_SILENCE_S)
        return found

    def _asked(self, method: str, symbols: list[str]) -> Callable[[], Awaitable[object]]:
        return lambda: getattr(self._link.client, method)(symbols)

    async def _watch_orders(self) -> None:
        # Without a remembered key ccxt asks for one; the venue answers with the same key, renewed, while it lives.
        self._link.client.options["linear"] = {}
        await self._link.client.watch_orders(None, None, None, {"type": "swap"})

    async def _watch_coin(self) -> None:
        """COIN-M's books and marks over one connection: ccxt's would not be told apart by their addresses."""
        client, raws = (
            self._link.client,
            [self._listing.raw[id].lower() for id in self._listing.contracts if settles_in_coin(id.symbol)],
        )
        names = [f"{raw}@{kind}" for raw in raws for kind in ("bookTicker", "markPrice@1s")]
        request = {"method": "SUBSCRIBE", "params": names, "id": 1}
        await client.watch(client.get_ws_url("inverse", "public") + _COIN, "coin", request, "coin", {"id": 1})

    async def _watch_coin_orders(self) -> None:
        self._link.client.options["inverse"] = {}
        await self._link.client.watch_orders(None, None, None, {"type": "swap", "subType": "inverse"})

    def name_of(self, url: str) -> str:
        """The watch that a connection serves, by its address."""
        if "//dstream." in url:
            return "coin" if url.endswith(_COIN) else "coin orders"
        if "listenKey=" in url or "/pm/ws/" in url:
            return "orders"
        if "/market/ws" in url:
            return "marks"
        return "books" if "/public/ws" in url else "spot"

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame carries an event, or is a book, which has none."""
        if not isinstance(message, dict) or "error" in message:
            return False
        news = _news_of(message)
        return news.get("e") is not None or ("b" in news and "a" in news)

    def is_clients(self, message: Any) -> bool:
        """Answers are objects."""
        return isinstance(message, dict)

    def is_up(self, name: str, message: Any) -> bool:
        """The stream of orders is up once it is connected: its key is in its address. Others when they answer."""
        if message is None:
            return name in _OF_ORDERS
        return isinstance(message, dict) and "error" not in message

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame into hints; what it says if the stream is over."""
        news = _news_of(message)
        event = str(news.get("e") or "bookTicker")
        match event:
            case "bookTicker":
                self._use_book(news, queue, spot=name == "spot")
            case "markPriceUpdate":
                self._use_mark(news, queue)
            case "ORDER_TRADE_UPDATE":
                self._use_order(news, queue)
            case "listenKeyExpired" | "eventStreamTerminated":
                return f"the venue ended it ({event})"
            case _:
                pass
        return None

    def _use_book(self, news: dict[str, Any], queue: HintQueue, *, spot: bool) -> None:
        frame = _read_book(news)
        id = self._listing.pair(frame.s) if spot else self._listing.contract(frame.s)
        if id is not None:
            queue.put(quote_of_frame(frame, id, self._link.venue_now()))

    def _use_mark(self, news: dict[str, Any], queue: HintQueue) -> None:
        id = self._listing.contract(str(news.get("s")))
        if id is not None and self._listing.is_dated(id):
            queue.put(dated_mark_of_frame(_read_dated_mark(news), id))
            return
        frame = _read_mark(news)
        if id is not None:
            queue.put(mark_of_frame(frame, id, self._history.intervals.get(id, USUAL_INTERVAL_MS)))

    def _use_order(self, news: dict[str, Any], queue: HintQueue) -> None:
        frame = _read_order(news)
        id = self._listing.contract(frame.o.s)
        if id is not None:
            for hint in news_of_frame(frame, id):
                if isinstance(hint, OrderReport):
                    self._link.seen.note(hint, cause_of(hint.client_order_id))
                queue.put(hint)

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Renew the listen keys."""
        return self._renew(broken) if self._listing.contracts else None

    async def _renew(self, broken: Callable[[str, str], None]) -> None:
        """Renew the listen keys on our clock; where that fails, begin the stream again with a new one."""
        link, watched = self._link, self.watches()
        while True:
            await link.clock.sleep(RENEW_S)
            await link.lanes.quiet.over()
            for name, renew in self._renewals().items():
                if name in watched and (await attempt(renew, link.answer_s + 1, link.hear)).refused:
                    broken(name, "its listen key could not be renewed")

    def _renewals(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        client = self._link.client
        linear = client.papi_put_listenkey if in_portfolio_margin(self._link) else client.fapiprivate_put_listenkey
        return {"orders": linear, "coin orders": client.dapiprivate_put_listenkey}


def _news_of(message: dict[str, Any]) -> dict[str, Any]:
    return message["data"] if isinstance(message.get("data"), dict) else message
