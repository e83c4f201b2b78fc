"""Deribit's streams: one connection, one subscription, and what its notifications say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Set
from typing import Any

from hedger.model.instrument import InstrumentId, Kind
from hedger.venues.asking import Understand
from hedger.venues.deribit.parse import fill_of, mark_of, quote_of, report_of
from hedger.venues.deribit.payloads import MarkFrame, OrderRecord, QuoteFrame, Trade, as_text
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

# Marks move about once a second; a connection that tells of pairs only may rightly say nothing for a while.
MARK_SILENCE_S = 15.0
BOOK_SILENCE_S = 60.0
PRIVATE = ("user.orders.any.any.raw", "user.trades.any.any.raw")
_ALL = "all"

_read_mark: Understand[MarkFrame] = reader(MarkFrame)
_read_quote: Understand[QuoteFrame] = reader(QuoteFrame)
_read_orders: Understand[list[OrderRecord]] = reader(list[OrderRecord])
_read_trades: Understand[list[Trade]] = reader(list[Trade])


class DeribitFrames:
    """Books, marks, our orders and our trades, which the venue tells over one connection that has signed in."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._broken: Callable[[str, str], None] = lambda name, why: None

    def watches(self) -> Mapping[str, Watch]:
        """What is watched: all of it together."""
        if not self._listing.instruments:
            return {}
        trades = bool(self._listing.contracts)
        silence_s = MARK_SILENCE_S if trades else BOOK_SILENCE_S
        return {_ALL: Watch(begin=self._begin, silence_s=silence_s, private=trades)}

    def _channels(self, without: Set[InstrumentId] = frozenset()) -> list[str]:
        """Everything that is told, but for contracts whose end has come: of those there is no channel any more."""
        listing, now = self._listing, self._link.venue_now()
        ended = {id for id, rules in listing.instruments.items() if rules.expiry_at and rules.expiry_at <= now}
        contracts = [listing.raw[id] for id in listing.contracts if id not in ended | without]
        pairs = [listing.raw[id] for id in listing.spots if id not in without]
        prices = [*(f"quote.{raw}" for raw in (*contracts, *pairs)), *(f"ticker.{raw}.100ms" for raw in contracts)]
        return [*prices, *(PRIVATE if listing.contracts else ())]

    async def _begin(self) -> None:
        """Sign in, then subscribe in one request: the venue answers with the channels that it granted."""
        client = self._link.client
        await client.authenticate({})
        url = client.urls["api"]["ws"]
        request = {
            "jsonrpc": "2.0",
            "id": client.request_id(),
            "method": "private/subscribe",
            "params": {"channels": self._channels()},
        }
        await client.watch(url, "hedger", request, "hedger")

    def name_of(self, url: str) -> str | None:
        """There is one connection."""
        return _ALL if "/ws/api/v2" in url else None

    def is_news(self, name: str, message: Any) -> bool:
        """A notification."""
        return isinstance(message, dict) and message.get("method") == "subscription"

    def is_clients(self, message: Any) -> bool:
        """The client waits for the answer to its sign-in; over a refusal it would trip."""
        return isinstance(message, dict) and "error" not in message

    def is_up(self, name: str, message: Any) -> bool:
        """Whether the venue has granted every channel of what trades: of a contract that was taken off it leaves them
        out. A refusal, or a grant that leaves out another, ends the stream: it does not say which right was missing."""
        if not isinstance(message, dict):
            return False
        if "error" in message:
            refused = message["error"]
            code = refused.get("code") if isinstance(refused, dict) else None
            self._broken(name, f"the venue refused it ({code})")
            return False
        granted = message.get("result")
        if not isinstance(granted, list):
            return False
        whole = set(self._channels(self._listing.gone)) <= {str(channel) for channel in granted}
        if not whole:
            self._broken(name, "the venue left out a channel")
        return whole

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a notification into hints."""
        params = message.get("params")
        if not isinstance(params, dict) or not isinstance(params.get("channel"), str):
            raise ValueError("a notification of no channel")
        channel, data = params["channel"], as_text(params.get("data"))
        if channel.startswith("user."):
            self._use_ours(channel, data, queue)
            return None
        try:
            self._use_price(channel, data, queue)
        except (ValueError, ArithmeticError):  # An odd price must not take our orders' news from us.
            self._link.observer.frame_ignored(self._link.account, f"{channel}: a frame is not understood")
        return None

    def _use_price(self, channel: str, data: Any, queue: HintQueue) -> None:
        if channel.startswith("ticker."):
            self._use_mark(_read_mark(data), queue)
        elif channel.startswith("quote."):
            self._use_quote(_read_quote(data), queue)

    def _use_ours(self, channel: str, data: Any, queue: HintQueue) -> None:
        if channel.startswith("user.orders."):
            self._use_orders(data, queue)
        elif channel.startswith("user.trades."):
            self._use_trades(data, queue)

    def _use_mark(self, frame: MarkFrame, queue: HintQueue) -> None:
        id = self._listing.contract(frame.instrument_name)
        if id is not None:
            funded = self._listing.instruments[id].kind is Kind.PERPETUAL
            queue.put(mark_of(frame, id, funded=funded))

    def _use_quote(self, frame: QuoteFrame, queue: HintQueue) -> None:
        id = self._listing.contract(frame.instrument_name) or self._listing.pair(frame.instrument_name)
        if id is not None:
            queue.put(quote_of(frame, id))

    def _use_orders(self, data: Any, queue: HintQueue) -> None:
        rows = data if isinstance(data, list) else [data]
        ours = [row for row in rows if self._ours(row) is not None]
        # A stop or a market order of somebody has no price; what it trades is told as a trade.
        for record in _read_orders([row for row in ours if row.get("order_type") == "limit"]):
            id = self._listing.contract(record.instrument_name)
            assert id is not None
            report = report_of(record, id)
            self._link.seen.note(report)
            queue.put(report)

    def _use_trades(self, data: Any, queue: HintQueue) -> None:
        rows = data if isinstance(data, list) else [data]
        for trade in _read_trades([row for row in rows if self._ours(row) is not None]):
            id = self._listing.contract(trade.instrument_name)
            assert id is not None
            queue.put(fill_of(trade, id))

    def _ours(self, row: Any) -> InstrumentId | None:
        """The contract of a row; another's, of an option or a stop order say, may have any form."""
        if not isinstance(row, dict):
            raise ValueError("a row that is none")
        return self._listing.contract(str(row.get("instrument_name")))

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Nothing to do: the client answers pings, and a sign-in lasts as long as its connection. `broken` is kept for
        what the venue may answer to a subscription."""
        self._broken = broken
        return None
