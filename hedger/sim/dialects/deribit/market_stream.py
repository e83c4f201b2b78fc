"""Market channels: who listens to which, and the frames that the exchange's news become.

News only marks what is to be told; `flush` tells it, each channel no more often than its name says. Between two frames
prices are conflated to the latest; book differences and trades are complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.deribit.channels import Channel
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import amount_of, index_of, name_of
from hedger.sim.dialects.deribit.notes import prefix_of
from hedger.sim.dialects.deribit.quotes import Quotes, best, levels
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BookNews, Listing, News, OptionListing, OrderNews, PremiumNews, UserTrade, Wallet

DEEP = 1_000
Side = dict[Decimal, Decimal]


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One reader of one channel: when it was last told, and what of a book it knows."""

    channel: Channel
    reader: Reader
    told_at: int | None = None
    due: bool = True
    change_id: int = 0
    sides: tuple[Side, Side] | None = None
    trades: list[UserTrade] = field(default_factory=list)


class MarketStreams:
    """`wake` is called when there is something to flush."""

    def __init__(self, exchange: Exchange, quotes: Quotes, wake: Callable[[], None]) -> None:
        self._exchange, self._quotes, self._wake = exchange, quotes, wake
        self._listeners: list[Listener] = []
        self._change_id = exchange.now
        self._last_trade_id = 0
        exchange.subscribe(self._hear)

    def join(self, channel: Channel, reader: Reader) -> None:
        """Let a reader listen; it is told the present state at the next flush."""
        self._listeners.append(Listener(channel=channel, reader=reader, due=channel.topic != "trades"))
        self._wake()

    def leave(self, name: str, reader: Reader) -> None:
        """Let a reader of a channel go."""
        self._listeners = [x for x in self._listeners if not (x.reader is reader and x.channel.name == name)]

    # --- news -----------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if not self._listeners:
            return
        match news:
            case BookNews():
                self._mark(lambda x: _is(x.channel, news.wallet, news.symbol))
            case PremiumNews():
                base = self._exchange.rules_of(news.wallet, news.symbol).base
                self._mark(lambda x: _is(x.channel, news.wallet, news.symbol) or _follows(x.channel, base))
            case OrderNews(trade=UserTrade() as trade) if trade.trade_id > self._last_trade_id:
                self._last_trade_id = trade.trade_id
                for listener in self._listeners:
                    if listener.channel.topic == "trades" and _is(listener.channel, trade.wallet, trade.symbol):
                        listener.trades.append(trade)
                self._mark(lambda x: bool(x.trades))
            case _:
                pass

    def _mark(self, concerned: Callable[[Listener], bool]) -> None:
        found = [listener for listener in self._listeners if concerned(listener)]
        for listener in found:
            listener.due = True
        if found:
            self._wake()

    # --- telling --------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell what has happened since the last time, and come back for what may not be told yet."""
        now = self._exchange.now
        for listener in [x for x in self._listeners if x.due]:
            next_at = listener.told_at + listener.channel.every_ms if listener.told_at is not None else now
            if now < next_at:
                self._exchange.schedule(next_at, self._wake)
                continue
            listener.due = False
            data = self._data(listener)
            if data is not None:
                listener.told_at = now
                listener.reader.tell(listener.channel.name, notification(listener.channel.name, data))

    def _data(self, listener: Listener) -> object:
        """What a channel tells now; None for nothing."""
        instrument = listener.channel.instrument
        assert instrument is not None, "market channels are of an instrument"
        if isinstance(instrument, Listing) and (instrument.wallet, instrument.symbol) not in self._exchange.listings:
            return None
        match listener.channel.topic:
            case "ticker":
                return self._quotes.ticker(instrument)
            case "quote":
                head: Body = {"timestamp": self._exchange.now, "instrument_name": name_of(instrument)}
                return head | best(*self._quotes.depth(instrument, 1))
            case "index":
                price = figure(self._quotes.index(instrument))
                return {"timestamp": self._exchange.now, "price": price, "index_name": index_of(instrument)}
            case "depth":
                return self._depth(listener)
            case "book":
                return self._difference(listener)
            case _:
                return self._trades(listener)

    def _depth(self, listener: Listener) -> Body:
        assert listener.channel.instrument is not None
        bids, asks = self._quotes.depth(listener.channel.instrument, listener.channel.depth)
        self._change_id += 1
        return {
            "timestamp": self._exchange.now,
            "instrument_name": name_of(listener.channel.instrument),
            "change_id": self._change_id,
            "bids": levels(bids),
            "asks": levels(asks),
        }

    def _difference(self, listener: Listener) -> Body | None:
        """A snapshot at first, then what has changed since the last frame."""
        assert listener.channel.instrument is not None
        present = self._quotes.depth(listener.channel.instrument, DEEP)
        known, sides = listener.sides, (dict(present[0]), dict(present[1]))
        listener.sides = sides
        bids, asks = (_changes(known[n] if known is not None else {}, sides[n]) for n in (0, 1))
        if known is not None and not bids and not asks:
            return None
        self._change_id += 1
        body: Body = {
            "type": "snapshot" if known is None else "change",
            "timestamp": self._exchange.now,
            "instrument_name": name_of(listener.channel.instrument),
            "change_id": self._change_id,
            "bids": bids,
            "asks": asks,
        }
        if known is not None:
            body["prev_change_id"] = listener.change_id
        listener.change_id = self._change_id
        return body

    def _trades(self, listener: Listener) -> list[Body] | None:
        trades, listener.trades = listener.trades, []
        return [self._trade(trade) for trade in trades] or None

    def _trade(self, trade: UserTrade) -> Body:
        """Both sides of a trade are one trade: its direction is the taker's."""
        listing = self._exchange.rules_of(trade.wallet, trade.symbol)
        taker = trade.side.value if not trade.maker else ("sell" if trade.side.value == "buy" else "buy")
        return {
            "trade_id": f"{prefix_of(listing)}-{trade.trade_id}",
            "trade_seq": trade.trade_id,
            "timestamp": trade.at,
            "instrument_name": name_of(listing),
            "direction": taker,
            "price": figure(trade.price),
            "amount": figure(amount_of(listing, trade.quantity)),
            "mark_price": figure(self._quotes.mark(listing)),
            "index_price": figure(self._quotes.index(listing)),
            "tick_direction": 0,
        }


def notification(channel: str, data: object) -> Body:
    """A frame of a channel."""
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


def _changes(known: Side, present: Side) -> list[list[object]]:
    """What turns the known levels into the present ones."""
    rows: list[list[object]] = [
        ["change" if price in known else "new", figure(price), figure(amount)]
        for price, amount in present.items()
        if known.get(price) != amount
    ]
    return rows + [["delete", figure(price), figure(ZERO)] for price in known if price not in present]


def _is(channel: Channel, wallet: Wallet, symbol: str) -> bool:
    """Whether a channel is of a listing."""
    instrument = channel.instrument
    return isinstance(instrument, Listing) and (instrument.wallet, instrument.symbol) == (wallet, symbol)


def _follows(channel: Channel, base: str) -> bool:
    """Whether a channel tells the index of a coin or an option on it."""
    instrument = channel.instrument
    assert instrument is not None
    return instrument.base == base and (channel.topic == "index" or isinstance(instrument, OptionListing))
