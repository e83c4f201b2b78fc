"""Market streams: who listens to which, and the frames that the exchange's news become.

News only marks what is to be told; `flush` tells it. Between two flushes prices are conflated to the latest,
so that a fast simulated clock does not drown a reader; trades and book differences are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from hedger.model.order import Side
from hedger.sim.dialects.binance.depth import DepthFeed, Difference, Row
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.rules import price_places
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BestPrices, BookNews, Listing, News, OrderNews, PremiumNews, UserTrade, Wallet

DEPTH_MS = 100
PUBLIC = frozenset({"bookTicker", "depth@100ms", "depth@500ms", "depth", "trade"})
SPOT_STREAMS = frozenset({"bookTicker", "depth@100ms", "depth", "trade"})
LINEAR_STREAMS = PUBLIC | {"markPrice", "markPrice@1s"}


class MarketStreams:
    """One API's market streams, `btcusdt@bookTicker` and the like. `wake` is called when there is news to flush."""

    def __init__(self, exchange: Exchange, wallet: Wallet, depth: DepthFeed, wake: Callable[[], None]) -> None:
        self._exchange = exchange
        self._wallet = wallet
        self._depth = depth
        self._wake = wake
        self._listings: Mapping[str, Listing] = {
            symbol.lower(): x for (place, symbol), x in exchange.listings.items() if place is wallet
        }
        self._readers: dict[str, list[Reader]] = {}
        self._books: set[str] = set()
        self._premiums: set[str] = set()
        self._trades: list[UserTrade] = []
        self._last_trade_id = 0
        self._depth_at: dict[str, int] = {}
        self._slow_mark_at: dict[str, int] = {}
        depth.on_difference = self._tell_difference
        exchange.subscribe(self._hear)

    # --- readers -----------------------------------------------------------------------------------------------

    def knows(self, stream: str) -> bool:
        """Whether there is such a stream."""
        symbol, _, name = stream.partition("@")
        known = SPOT_STREAMS if self._wallet is Wallet.SPOT else LINEAR_STREAMS
        return symbol in self._listings and name in known

    def join(self, stream: str, reader: Reader) -> None:
        """Let a reader listen; it is told the present state at the next flush."""
        readers = self._readers.setdefault(stream, [])
        if reader not in readers:
            readers.append(reader)
        symbol, _, name = stream.partition("@")
        if symbol not in self._listings:
            return
        if name.startswith("markPrice"):
            self._premiums.add(symbol)
        elif name.startswith("depth"):
            self._depth.sync(self._listings[symbol].symbol)
        self._books.add(symbol)
        self._wake()

    def leave(self, stream: str, reader: Reader) -> None:
        """Let a reader go."""
        readers = self._readers.get(stream, [])
        if reader in readers:
            readers.remove(reader)
        if not readers:
            self._readers.pop(stream, None)

    # --- news --------------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if not self._readers:
            return
        match news:
            case BookNews() if news.wallet is self._wallet:
                self._books.add(news.symbol.lower())
            case PremiumNews() if news.wallet is self._wallet:
                self._premiums.add(news.symbol.lower())
            case OrderNews(trade=UserTrade() as trade) if trade.wallet is self._wallet:
                self._hear_trade(trade)
            case _:
                return
        self._wake()

    def _hear_trade(self, trade: UserTrade) -> None:
        """Both sides of a trade between users are news; it is told once."""
        if trade.trade_id > self._last_trade_id:
            self._last_trade_id = trade.trade_id
            self._trades.append(trade)

    def flush(self) -> None:
        """Tell the readers what has happened since the last time."""
        books, self._books = self._books, set()
        premiums, self._premiums = self._premiums, set()
        trades, self._trades = self._trades, []
        for trade in trades:
            self._tell(f"{trade.symbol.lower()}@trade", partial(self._trade, trade))
        for symbol in sorted(books):
            self._flush_book(symbol)
        for symbol in sorted(premiums):
            self._flush_premium(symbol)

    def _flush_book(self, symbol: str) -> None:
        listing = self._listings[symbol]
        self._tell(f"{symbol}@bookTicker", lambda: self._ticker(listing))
        if not self._readers.keys() & {f"{symbol}@depth", f"{symbol}@depth@100ms", f"{symbol}@depth@500ms"}:
            return
        if self._exchange.now - self._depth_at.get(symbol, 0) >= DEPTH_MS:
            self._depth_at[symbol] = self._exchange.now
            self._depth.sync(listing.symbol)
        else:
            self._books.add(symbol)
            self._wake()

    def _flush_premium(self, symbol: str) -> None:
        self._tell(f"{symbol}@markPrice@1s", lambda: self._mark(symbol))
        if self._exchange.now - self._slow_mark_at.get(symbol, 0) >= 3_000:
            self._slow_mark_at[symbol] = self._exchange.now
            self._tell(f"{symbol}@markPrice", lambda: self._mark(symbol))

    def _tell_difference(self, symbol: str, difference: Difference) -> None:
        for name in ("depth", "depth@100ms", "depth@500ms"):
            self._tell(f"{symbol.lower()}@{name}", lambda: self._difference(symbol, difference))

    def _tell(self, stream: str, make: Callable[[], Body]) -> None:
        readers = self._readers.get(stream)
        if readers:
            body = make()
            for reader in tuple(readers):
                reader.tell(stream, body)

    # --- frames ------------------------------------------------------------------------------------------------

    def _ticker(self, listing: Listing) -> Body:
        best = self._exchange.best(self._wallet, listing.symbol)
        body = {"u": best.update_id, "s": listing.symbol} | self._best(best, listing)
        if self._wallet is Wallet.SPOT:
            return body
        return {"e": "bookTicker", **body, "T": best.at, "E": self._exchange.now}

    def _best(self, best: BestPrices, listing: Listing) -> Body:
        price, lot = self._digits(listing)
        return {
            "b": fixed(best.bid or Decimal(0), price),
            "B": fixed(best.bid_quantity, lot),
            "a": fixed(best.ask or Decimal(0), price),
            "A": fixed(best.ask_quantity, lot),
        }

    def _mark(self, symbol: str) -> Body:
        name = self._listings[symbol].symbol
        premium = self._exchange.premium(name)
        return {
            "e": "markPriceUpdate",
            "E": premium.at,
            "s": name,
            "p": fixed(premium.mark_price),
            "ap": fixed(premium.mark_price),
            "P": fixed(premium.index_price),
            "i": fixed(premium.index_price),
            "r": fixed(premium.funding_rate),
            "T": premium.next_funding_at,
        }

    def _trade(self, trade: UserTrade) -> Body:
        price, lot = self._digits(self._listings[trade.symbol.lower()])
        body: Body = {
            "e": "trade",
            "E": trade.at,
            "T": trade.at,
            "s": trade.symbol,
            "t": trade.trade_id,
            "p": fixed(trade.price, price),
            "q": fixed(trade.quantity, lot),
            "m": trade.maker is (trade.side is Side.BUY),
        }
        return body | ({"M": True} if self._wallet is Wallet.SPOT else {"X": "MARKET"})

    def _difference(self, symbol: str, difference: Difference) -> Body:
        first, last, bids, asks = difference
        digits = self._digits(self._listings[symbol.lower()])
        now = self._exchange.now
        body: Body = {"e": "depthUpdate", "E": now, "s": symbol, "U": first, "u": last}
        if self._wallet is Wallet.LINEAR:
            body |= {"T": now, "pu": first - 1}
        return body | {"b": _rows(bids, digits), "a": _rows(asks, digits)}

    def _digits(self, listing: Listing) -> tuple[int, int]:
        if self._wallet is Wallet.SPOT:
            return 8, 8
        return price_places(listing), places(listing.lot_size)


def _rows(rows: list[Row], digits: tuple[int, int]) -> list[list[str]]:
    return [[fixed(price, digits[0]), fixed(quantity, digits[1])] for price, quantity in rows]
