"""OKX's streams: which there are, and what their frames say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from hedger.venues.asking import Understand
from hedger.venues.hints import HintQueue
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.marks import MarkBook, funding_of
from hedger.venues.okx.parse import cause_of, fill_of_news, quote_of_frame, report_of
from hedger.venues.okx.payloads import BookFrame, FillNews, FundingRow, IndexRow, MarkRow, OrderRecord
from hedger.venues.streams import Watch
from hedger.venues.wire import reader

PRICES, ORDERS = "prices", "orders"
# A mark is told every ten seconds though it stands still.
SILENCE_S = 20.0

_read_book: Understand[BookFrame] = reader(BookFrame)
_read_mark: Understand[MarkRow] = reader(MarkRow)
_read_index: Understand[IndexRow] = reader(IndexRow)
_read_funding: Understand[FundingRow] = reader(FundingRow)
_read_order: Understand[OrderRecord] = reader(OrderRecord)
_read_news: Understand[FillNews] = reader(FillNews)


class OkxFrames:
    """Books, marks, indexes and funding on one connection, our own orders on another."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, marks: MarkBook) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._marks = marks
        self._broken: Callable[[str, str], None] = lambda name, why: None

    def watches(self) -> Mapping[str, Watch]:
        """What is watched, by connection."""
        if not self._listing.instruments:
            return {}
        contracts = bool(self._listing.contracts)
        found = {PRICES: Watch(begin=self._watch_prices, silence_s=SILENCE_S if contracts else 60.0)}
        if contracts:
            found[ORDERS] = Watch(begin=self._watch_orders, silence_s=None, private=True)
        return found

    async def _watch_prices(self) -> None:
        client = self._link.client
        request = {"op": "subscribe", "args": self._topics()}
        await client.watch(client.get_url("tickers", "public"), PRICES, request, PRICES)

    def _topics(self) -> list[dict[str, str]]:
        """What is told of all that trades. The venue refuses a topic about what it lists no more, which ends the others
        too: so none is about a contract whose delivery has come, though the listing is read only each hour."""
        now, rules = self._link.venue_now(), self._listing.instruments
        over = {id for id, told in rules.items() if told.expiry_at is not None and told.expiry_at <= now}
        traded = [id for id in rules if id not in over | self._listing.gone]
        topics = [{"channel": "bbo-tbt", "instId": self._listing.raw[id]} for id in traded]
        contracts = [self._contracts.by_raw[self._listing.raw[id]] for id in self._listing.contracts if id in traded]
        for contract in contracts:
            topics.append({"channel": "mark-price", "instId": contract.raw})
            if contract.expiry_at is None:
                topics.append({"channel": "funding-rate", "instId": contract.raw})
        indexes = dict.fromkeys(contract.index_name for contract in contracts)
        return topics + [{"channel": "index-tickers", "instId": name} for name in indexes]

    async def _watch_orders(self) -> None:
        await self._link.client.watch_orders(None, None, None, {"type": "ANY"})

    def name_of(self, url: str) -> str | None:
        """The watch that a connection serves, by its address."""
        path = url.partition("?")[0]
        return ORDERS if path.endswith("/private") else PRICES if path.endswith("/public") else None

    def is_news(self, name: str, message: Any) -> bool:
        """Whether a frame has rows of a channel."""
        return (
            isinstance(message, dict)
            and isinstance(message.get("arg"), dict)
            and isinstance(message.get("data"), list)
            and "event" not in message
        )

    def is_clients(self, message: Any) -> bool:
        """Answers are objects, and a pong is a text."""
        return isinstance(message, dict) or message == "pong"

    def is_up(self, name: str, message: Any) -> bool:
        """A stream stands when the venue has granted what was asked for; that of orders, after the login. What it takes
        away afterwards, because the account has too many connections, would be silent for ever."""
        if isinstance(message, dict) and message.get("event") == "channel-conn-count-error":
            self._broken(name, "the venue ended the subscription: the account has too many connections")
        if not isinstance(message, dict) or message.get("event") != "subscribe":
            return False
        channel = message["arg"].get("channel") if isinstance(message.get("arg"), dict) else None
        return name == PRICES or channel == ORDERS

    def use(self, name: str, message: Any, queue: HintQueue) -> str | None:
        """Read a frame into hints."""
        channel = message["arg"].get("channel")
        for row in message["data"]:
            if not isinstance(row, dict):
                raise ValueError("a row is no object")
            match name, channel:
                case "orders", "orders":
                    self._use_order(row, queue)
                case "prices", "bbo-tbt":
                    self._use_book(message["arg"], row, queue)
                case "prices", "mark-price":
                    self._use_mark(row, queue)
                case "prices", "index-tickers":
                    index = _read_index(row)
                    self._marks.indexes[index.instId] = index
                case "prices", "funding-rate":
                    funding = _read_funding(row)
                    self._marks.funding[funding.instId] = funding_of(funding)
                case _:
                    pass
        return None

    def _use_book(self, about: dict[str, Any], row: dict[str, Any], queue: HintQueue) -> None:
        raw = str(about.get("instId"))
        id = self._listing.contract(raw) or self._listing.pair(raw)
        quote = quote_of_frame(_read_book(row), id, self._contracts.by_raw.get(raw)) if id is not None else None
        if quote is not None:
            queue.put(quote)

    def _use_mark(self, row: dict[str, Any], queue: HintQueue) -> None:
        mark = _read_mark(row)
        id = self._listing.contract(mark.instId)
        if id is None:
            return
        self._marks.marks[mark.instId] = mark
        whole = self._marks.mark(self._contracts.by_raw[mark.instId], id, mark)
        if whole is not None:
            queue.put(whole)

    def _use_order(self, row: dict[str, Any], queue: HintQueue) -> None:
        id = self._listing.contract(str(row.get("instId")))
        if id is None:
            return
        record, contract = _read_order(row), self._contracts.by_raw[str(row["instId"])]
        report = report_of(record, id, contract)
        fill = fill_of_news(record, _read_news(row), id, contract)
        self._link.seen.note(report, cause_of(record))
        if fill is not None:
            queue.put(fill)
        queue.put(report)

    def maintain(self, broken: Callable[[str, str], None]) -> Coroutine[Any, Any, None] | None:
        """Nothing to do: the login lasts as long as the connection, which the client keeps with pings. `broken` is kept
        for what the venue may take away."""
        self._broken = broken
        return None
