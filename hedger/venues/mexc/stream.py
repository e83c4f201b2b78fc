"""MEXC's streams: one connection for books, marks and our own orders on contracts.

The streams of spot pairs speak protocol buffers, which are not read here: those books are asked for instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from hedger.model.instrument import InstrumentId
from hedger.venues.asking import Understand
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import as_text
from hedger.venues.mexc.codes import STREAM_URL
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.history import LEVELS, HistoryReader
from hedger.venues.mexc.parse import cause_of, fill_of, mark_of, quote_of, report_of
from hedger.venues.mexc.payloads import Deal, OrderRecord, StreamedDepth, Ticker
from hedger.venues.mexc.stance import Stance
from hedger.venues.seen import AskedCancels
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

ALL = "contracts"
SILENCE_S = 60.0
_ERROR, _LOGIN = "rs.error", "rs.login"
_PRICES = frozenset({"push.depth.full", "push.ticker"})

_read_depth: Understand[StreamedDepth] = reader(StreamedDepth)
_read_ticker: Understand[Ticker] = reader(Ticker)
_read_order: Understand[OrderRecord] = reader(OrderRecord)
_read_deal: Understand[Deal] = reader(Deal)


class MexcFrames:
    """One connection, which is up when we are logged in: prices before that are passed over."""

    def __init__(
        self,
        link: Link,
        listing: Listing,
        contracts: Contracts,
        history: HistoryReader,
        stance: Stance,
        asked: AskedCancels,
    ) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._history = history
        self._stance = stance
        self._asked = asked
        self._logged_in = False
        self._broken: Callable[[str, str], None] = lambda *_: None

    def watches(self) -> Mapping[str, Watch]:
        """What is watched."""
        return {ALL: Watch(begin=self._begin, silence_s=SILENCE_S, private=True)}

    async def _begin(self) -> None:
        """Log in and subscribe over one connection of the client's; what it would make of the frames is not needed."""
        self._logged_in = False
        client, raws = self._link.client, [self._listing.raw[id] for id in self._listing.contracts]
        asked: list[tuple[str, dict[str, Any]]] = []
        for raw in raws:
            asked += [("sub.depth.full", {"symbol": raw, "limit": LEVELS}), ("sub.ticker", {"symbol": raw})]
        await asyncio.gather(
            client.watch_swap_private("hedger"),
            *(client.watch_swap_public(channel, f"{channel}:{params['symbol']}", params) for channel, params in asked),
        )

    def name_of(self, url: str) -> str | None:
        """There is one connection."""
        return ALL if url == STREAM_URL else None

    def is_news(self, name: str, message: Any) -> bool:
        """A push once we are logged in."""
        return self._logged_in and _channel_of(message).startswith("push.")

    def is_clients(self, message: Any) -> bool:
        """The client notes pongs; over what it does not know it would trip."""
        return _channel_of(message) == "pong"

    def is_up(self, name: str, message: Any) -> bool:
        """Whether the venue has let us in: from then on it tells of our orders unasked. A refusal ends the stream."""
        channel = _channel_of(message)
        if channel == _LOGIN:
            self._logged_in = message.get("data") == "success"
        if channel == _ERROR or (channel == _LOGIN and not self._logged_in):
            self._broken(name, "the venue refused the login or a subscription")
        return channel == _LOGIN and self._logged_in

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a push into hints."""
        channel, told = _channel_of(message), as_text(message)
        if channel in _PRICES:
            try:
                self._use_price(channel, told, queue)
            except (ValueError, ArithmeticError):  # An odd price must not take our orders' news from us.
                self._link.observer.frame_ignored(self._link.account, f"{channel}: a frame is not understood")
        else:
            self._use_ours(channel, told.get("data"), queue)
        return None

    def _use_price(self, channel: str, told: dict[str, Any], queue: HintQueue) -> None:
        id = self._listing.contract(str(told.get("symbol")))
        if id is None:
            return
        if channel == "push.ticker":
            ticker, funding = _read_ticker(told.get("data")), self._history.funding_known(id)
            if ticker.symbol != self._listing.raw[id]:
                raise ValueError("the prices of another contract")
            if funding is not None:
                queue.put(mark_of(ticker, funding, id))
            return
        frame = _read_depth(told)
        scale = self._contracts.by_raw[self._listing.raw[id]].scale
        queue.put(quote_of(frame.data.bids, frame.data.asks, id, frame.ts, scale))

    def _use_ours(self, channel: str, data: Any, queue: HintQueue) -> None:
        id = self._listing.contract(str(data.get("symbol"))) if isinstance(data, dict) else None
        if id is None:
            return
        match channel:
            case "push.personal.order":
                self._use_order(_read_order(data), id, queue)
            case "push.personal.order.deal":
                known = self._contracts.by_raw[self._listing.raw[id]]
                fill = fill_of(_read_deal(data), id, known)
                self._stance.traded(fill, known)
                queue.put(fill)
            case _:
                pass

    def _use_order(self, record: OrderRecord, id: InstrumentId, queue: HintQueue) -> None:
        self._stance.hear(record)
        unasked = not self._asked.knows(record.externalOid)
        report = report_of(record, id, self._contracts.by_raw[self._listing.raw[id]], unasked=unasked)
        self._link.seen.note(report, cause_of(record.category))
        queue.put(report)

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Nothing is to be done: the login holds as long as the connection does."""
        self._broken = broken
        return None


def _channel_of(message: Any) -> str:
    return str(message.get("channel") or "") if isinstance(message, dict) else ""
