"""Public streams of one category: who listens to which topic, and the frames that the exchange's news become.

News only marks what is to be told; `flush` tells it. Between two flushes prices are conflated to the latest, so that a
fast simulated clock does not drown a reader; trades are not. An order book is always told as a snapshot, at whatever
depth, whenever its best prices change: Bybit's readers must take a snapshot at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hedger.model.order import Side
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.bybit.digits import on_grid
from hedger.sim.dialects.bybit.ids import Ids
from hedger.sim.dialects.bybit.names import CATEGORIES, Category, Directory, name_of, option_name_of
from hedger.sim.dialects.bybit.quotes import Quotes
from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BookNews, ListingNews, News, OrderNews, PremiumNews, Refused, UserTrade

DEPTHS = {
    Category.SPOT: ("1", "50", "200", "1000"),
    Category.LINEAR: ("1", "50", "200", "1000"),
    Category.INVERSE: ("1", "50", "200", "1000"),
    Category.OPTION: ("25", "100"),
}
SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}
_TOPIC = re.compile(r"(orderbook)\.(\d+)\.([A-Z0-9-]+)|(tickers|publicTrade)\.([A-Z0-9-]+)")


class PublicStreams:
    """The topics `orderbook.1.BTCUSDT`, `tickers.BTCUSDT` and `publicTrade.BTCUSDT` of one category."""

    def __init__(
        self,
        exchange: Exchange,
        category: Category,
        directory: Directory,
        quotes: Quotes,
        ids: Ids,
        wake: Callable[[], None],
    ) -> None:
        self._exchange, self._category, self._directory = exchange, category, directory
        self._quotes, self._ids, self._wake = quotes, ids, wake
        self._readers: dict[str, list[Reader]] = {}
        self._fresh: dict[str, list[Reader]] = {}
        self._told: dict[str, Body] = {}
        self._books: set[str] = set()
        self._tickers: set[str] = set()
        self._trades: list[UserTrade] = []
        self._last_trade_id = 0
        self._updates = 1
        exchange.subscribe(self._hear)

    # --- readers --------------------------------------------------------------------------------------------

    def knows(self, topic: str) -> bool:
        """Whether there is such a topic."""
        match = _TOPIC.fullmatch(topic)
        if match is None:
            return False
        if match[1] is not None and match[2] not in DEPTHS[self._category]:
            return False
        name = match[3] or match[5]
        if self._category is Category.OPTION:
            return match[4] == "publicTrade" or any(option_name_of(x) == name for x in self._directory.options())
        try:
            self._directory.find(self._category, name)
        except ApiError:
            return False
        return True

    def join(self, topic: str, reader: Reader) -> None:
        """Let a reader listen; it is told the present state at the next flush."""
        readers = self._readers.setdefault(topic, [])
        if reader in readers:
            return
        readers.append(reader)
        self._fresh.setdefault(topic, []).append(reader)
        self._mark(topic.rpartition(".")[2])

    def leave(self, topic: str, reader: Reader) -> None:
        """Let a reader go."""
        for readers in (self._readers.get(topic, []), self._fresh.get(topic, [])):
            if reader in readers:
                readers.remove(reader)
        if not self._readers.get(topic):
            self._readers.pop(topic, None)
            self._told.pop(topic, None)

    # --- news -----------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if not self._readers:
            return
        match news:
            case BookNews() | PremiumNews() if CATEGORIES[news.wallet] is self._category:
                self._mark_listing(news)
            case PremiumNews() if self._category is Category.OPTION:
                for option in self._directory.options():
                    self._tickers.add(option_name_of(option))
                self._wake()
            case OrderNews(trade=UserTrade() as trade) if CATEGORIES[trade.wallet] is self._category:
                # Both sides of a trade between users are news; it is told once.
                if trade.trade_id > self._last_trade_id:
                    self._last_trade_id = trade.trade_id
                    self._trades.append(trade)
                    self._wake()
            case BookNews() | PremiumNews() | OrderNews() | ListingNews() | _:
                pass

    def _mark_listing(self, news: BookNews | PremiumNews) -> None:
        name = name_of(self._exchange.rules_of(news.wallet, news.symbol))
        self._tickers.add(name)
        if isinstance(news, BookNews):
            self._books.add(name)
        self._wake()

    def _mark(self, name: str) -> None:
        self._books.add(name)
        self._tickers.add(name)
        self._wake()

    # --- telling --------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell the readers what has happened since the last time."""
        books, self._books = self._books, set()
        tickers, self._tickers = self._tickers, set()
        trades, self._trades = self._trades, []
        for trade in trades:
            self._tell_trade(trade)
        for name in sorted(books):
            self._tell_book(name)
        for name in sorted(tickers):
            self._tell_ticker(name)

    def _tell_trade(self, trade: UserTrade) -> None:
        listing = self._exchange.rules_of(trade.wallet, trade.symbol)
        name, taker = name_of(listing), trade.side if not trade.maker else _other(trade.side)
        row: Body = {
            "T": trade.at,
            "s": name,
            "S": SIDES[taker],
            "v": on_grid(trade.quantity, listing.lot_size),
            "p": on_grid(trade.price, listing.tick_size),
            "L": "ZeroPlusTick",
            "i": self._ids.execution(self._category, trade.trade_id),
            "BT": False,
            "RPI": False,
            "seq": trade.trade_id,
        }
        if self._category is Category.SPOT:
            del row["BT"], row["L"]
        topic = f"publicTrade.{name}"
        self._tell(topic, self._frame(topic, "snapshot", [row]))

    def _tell_book(self, name: str) -> None:
        topics = [f"orderbook.{depth}.{name}" for depth in DEPTHS[self._category]]
        for topic in topics:
            if topic not in self._readers:
                continue
            bids, asks = self._levels(name, int(topic.split(".")[1]))
            self._updates += 1
            data: Body = {"s": name, "b": bids, "a": asks, "u": self._updates, "seq": self._updates}
            frame = self._frame(topic, "snapshot", data) | {"cts": self._exchange.now}
            self._tell(topic, frame)
            self._fresh.pop(topic, None)

    def _levels(self, name: str, depth: int) -> tuple[list[list[str]], list[list[str]]]:
        if self._category is Category.OPTION:
            return [], []
        try:
            return self._quotes.book(self._directory.find(self._category, name), depth)
        except ApiError:
            return [], []

    def _tell_ticker(self, name: str) -> None:
        """The whole to who has just joined, and to the others what has changed; on spot and options always all."""
        topic = f"tickers.{name}"
        if topic not in self._readers:
            return
        try:
            body = self._ticker(name)
        except (ApiError, Refused):
            return  # it has been delisted meanwhile
        before, self._told[topic] = self._told.get(topic, {}), body
        fresh = self._fresh.pop(topic, [])
        whole = self._frame(topic, "snapshot", body)
        if self._category in (Category.SPOT, Category.OPTION):
            self._tell(topic, whole)
            return
        for reader in fresh:
            reader.tell(topic, whole)
        changed = {key: value for key, value in body.items() if before.get(key) != value}
        if changed:
            delta = self._frame(topic, "delta", {"symbol": name, **changed})
            for reader in self._readers[topic]:
                if reader not in fresh:
                    reader.tell(topic, delta)

    def _ticker(self, name: str) -> Body:
        if self._category is Category.OPTION:
            row = self._quotes.option(self._directory.find_option(name))
            renamed = {"bid1": "bid", "ask1": "ask"}
            told = {renamed.get(key[:4], key[:4]) + key[4:]: value for key, value in row.items()}
            told["markPriceIv"] = told.pop("markIv")
            return told
        listing = self._directory.find(self._category, name)
        if self._category is Category.SPOT:
            row = self._quotes.spot(listing)
            return {key: value for key, value in row.items() if not key.startswith(("bid1", "ask1"))}
        return {"tickDirection": "ZeroPlusTick", **self._quotes.contract(listing)}

    def _frame(self, topic: str, kind: str, data: object) -> Body:
        return {"topic": topic, "type": kind, "ts": self._exchange.now, "data": data, "cs": self._updates}

    def _tell(self, topic: str, frame: Body) -> None:
        for reader in tuple(self._readers.get(topic, ())):
            reader.tell(topic, frame)


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
