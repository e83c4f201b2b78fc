"""Binance's streams: ccxt connects and subscribes, and we read the frames ourselves."""

from __future__ import annotations

import asyncio
from typing import Any

from hedger.model.order import OrderReport
from hedger.venues.asking import Understand
from hedger.venues.binance_history import USUAL_INTERVAL_MS, HistoryReader
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import Listing
from hedger.venues.binance_parse import dated_mark_of_frame, mark_of_frame, news_of_frame, quote_of_frame
from hedger.venues.binance_wire import BookFrame, DatedMarkFrame, MarkFrame, OrderFrame, reader
from hedger.venues.channels import Channel, ChannelKeeper
from hedger.venues.hints import HintQueue
from hedger.venues.outcome import attempt

# The venue ends a listen key an hour after it was last renewed; ccxt 4.5.90 does not renew it.
RENEW_S = 20 * 60.0
# Marks come every second; a quiet book may rightly say nothing for a while.
MARK_SILENCE_S = 10.0
BOOK_SILENCE_S = 60.0

_read_book: Understand[BookFrame] = reader(BookFrame)
_read_mark: Understand[MarkFrame] = reader(MarkFrame)
_read_dated_mark: Understand[DatedMarkFrame] = reader(DatedMarkFrame)
_read_order: Understand[OrderFrame] = reader(OrderFrame)


class Streams:
    """The streams of one account: futures books, marks, our own orders, and spot books where configured."""

    def __init__(self, link: Link, listing: Listing, history: HistoryReader, queue: HintQueue) -> None:
        self._link = link
        self._listing = listing
        self._history = history
        self.queue = queue
        self._channels = self._plan()
        self._keeper = ChannelKeeper(link.account, link.clock, self.queue, list(self._channels.values()))
        self._renewal: asyncio.Task[None] | None = None
        self._listen()

    def start(self) -> None:
        """Connect; at once if it was done before."""
        self._keeper.start()
        if self._renewal is None and "orders" in self._channels:
            self._renewal = asyncio.create_task(self._renew())

    async def stop(self) -> None:
        """Disconnect."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
            self._renewal = None
        await self._keeper.stop()

    def _plan(self) -> dict[str, Channel]:
        client = self._link.client
        futures = [id.symbol for id in self._listing.contracts]
        spots = [id.symbol for id in self._listing.spots]
        channels = {}
        if futures:
            channels["books"] = self._channel("books", lambda: client.watch_bids_asks(futures), BOOK_SILENCE_S)
            channels["marks"] = self._channel("marks", lambda: client.watch_mark_prices(futures), MARK_SILENCE_S)
            channels["orders"] = self._channel("orders", self._watch_orders, None)
        if spots:
            channels["spot"] = self._channel("spot", lambda: client.watch_bids_asks(spots), BOOK_SILENCE_S)
        return channels

    def _channel(self, name: str, watch: Any, silence_s: float | None) -> Channel:
        async def begin() -> None:
            # ccxt's own pause between dials sleeps real seconds reckoned on our clock; the keeper pauses instead.
            self._link.client.ws_dial_backoff = {}
            await self._link.lanes.quiet.over()
            await watch()

        private = name == "orders"
        return Channel(name=name, begin=begin, cut=lambda: self._cut(name), silence_s=silence_s, private=private)

    async def _watch_orders(self) -> None:
        # Without a remembered key ccxt asks for one; the venue answers with the same key, renewed, while it lives.
        self._link.client.options["linear"] = {}
        await self._link.client.watch_orders(None, None, None, {"type": "swap"})

    async def _cut(self, name: str) -> None:
        """Close the connections of a channel. Those that wait on them are ours and already canceled."""
        clients = self._link.client.clients
        for url in [url for url in clients if self._name_of(url) == name]:
            connection = clients.pop(url, None)
            if connection is not None:
                await connection.close()

    # --- frames -------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear every frame and connection before ccxt: what carries news is ours, the rest (acks, errors) is its."""
        client = self._link.client
        handle, connected = client.handle_message, client.on_connected

        def on_frame(connection: Any, message: Any) -> None:
            if not self._take(connection.url, message) and isinstance(message, dict):
                handle(connection, message)

        def on_connected(connection: Any, message: Any = None) -> None:
            connected(connection, message)
            if self._name_of(connection.url) == "orders":
                self._keeper.heard(self._channels["orders"])

        client.handle_message, client.on_connected = on_frame, on_connected

    def _take(self, url: str, message: Any) -> bool:
        """Whether a frame was ours to use."""
        name = self._name_of(url)
        channel = self._channels.get(name)
        if channel is None or not isinstance(message, dict):
            return False
        news = message["data"] if isinstance(message.get("data"), dict) else message
        event = news.get("e")
        if "error" in message:
            return False
        self._keeper.heard(channel)
        if event is None and not ("b" in news and "a" in news):
            return False
        try:
            self._use(str(event or "bookTicker"), name, news, channel)
        except ValueError:
            self._link.observer.frame_ignored(self._link.account, f"{name}: a {event} frame is not understood")
            if name == "orders":
                channel.broken = "an order update is not understood"
        return True

    def _use(self, event: str, name: str, news: dict[str, Any], channel: Channel) -> None:
        match event:
            case "bookTicker":
                self._use_book(news, spot=name == "spot")
            case "markPriceUpdate":
                self._use_mark(news)
            case "ORDER_TRADE_UPDATE":
                self._use_order(news)
            case "listenKeyExpired" | "eventStreamTerminated":
                channel.broken = f"the venue ended it ({event})"
            case _:
                pass

    def _use_book(self, news: dict[str, Any], *, spot: bool) -> None:
        frame = _read_book(news)
        id = self._listing.pair(frame.s) if spot else self._listing.contract(frame.s)
        if id is not None:
            self.queue.put(quote_of_frame(frame, id, self._link.venue_now()))

    def _use_mark(self, news: dict[str, Any]) -> None:
        id = self._listing.contract(str(news.get("s")))
        if id is not None and self._listing.is_dated(id):
            self.queue.put(dated_mark_of_frame(_read_dated_mark(news), id))
            return
        frame = _read_mark(news)
        if id is not None:
            self.queue.put(mark_of_frame(frame, id, self._history.intervals.get(id, USUAL_INTERVAL_MS)))

    def _use_order(self, news: dict[str, Any]) -> None:
        frame = _read_order(news)
        id = self._listing.contract(frame.o.s)
        if id is not None:
            for hint in news_of_frame(frame, id):
                if isinstance(hint, OrderReport):
                    self._link.seen.note(hint)
                self.queue.put(hint)

    @staticmethod
    def _name_of(url: str) -> str:
        """The channel that a connection serves, by its address."""
        if "listenKey=" in url:
            return "orders"
        if "/market/ws" in url:
            return "marks"
        return "books" if "/public/ws" in url else "spot"

    # --- the listen key -----------------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """Renew the listen key on our clock; where that fails, begin the channel again with a new one."""
        link, channel = self._link, self._channels["orders"]
        while True:
            await link.clock.sleep(RENEW_S)
            await link.lanes.quiet.over()
            result = await attempt(link.client.fapiprivate_put_listenkey, link.answer_s + 1)
            if result.failure is not None or result.evidence.status != 200:
                channel.broken = "its listen key could not be renewed"
