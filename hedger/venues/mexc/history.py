"""What happened on MEXC: prices now, and fills and funding payments, each list whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.venues.asking import Understand, together
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import Page, answered, page_of
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.paging import SIZE, whole
from hedger.venues.mexc.parse import fill_of, mark_of, payment_of, quote_of
from hedger.venues.mexc.payloads import Deal, Depth, Funding, FundingRecord, SpotDepth, Ticker
from hedger.venues.mexc.stance import LONG, SHORT, Stance
from hedger.venues.wire import reader

LEVELS = 5
# What a contract's funding is told to be counts for so long: the mark comes every second.
FUNDING_MS = 60_000
# The venue keeps no longer history.
LONGEST_MS = 89 * 24 * 3_600_000
# A fill cannot lie further ahead than this.
AHEAD_MS = 60_000

_read_depth: Understand[Depth] = answered(Depth)
_read_spot_depth: Understand[SpotDepth] = reader(SpotDepth)
_read_ticker: Understand[Ticker] = answered(Ticker)
_read_funding: Understand[Funding] = answered(Funding)
_read_deals: Understand[list[Deal]] = reader(list[Deal])
_read_records: Understand[list[FundingRecord]] = reader(list[FundingRecord])


class HistoryReader:
    """Reads prices, fills and funding."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, stance: Stance) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._stance = stance
        self._funding: dict[InstrumentId, tuple[int, Funding]] = {}

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        contracts = [id for id in ids if self._listing.instruments[id].kind is not Kind.SPOT]
        spots = [id for id in ids if id not in contracts]
        reads = [*map(self._quote, contracts), *map(self._spot_quote, spots), *map(self._mark, contracts)]
        return tuple(await together(*reads))

    async def _quote(self, id: InstrumentId) -> Quote:
        raw = self._listing.raw[id]
        scale = self._contracts.by_raw[raw].scale

        def understand(payload: Any) -> Quote:
            depth = _read_depth(payload)
            return quote_of(depth.bids, depth.asks, id, depth.timestamp, scale)

        method = self._link.client.contract_public_get_depth_symbol
        quote: Quote = await self._ask("best prices", method, {"symbol": raw, "limit": LEVELS}, understand, Lane.DATA)
        return quote

    async def _spot_quote(self, id: InstrumentId) -> Quote:
        """A pair's best prices; where the book has no time, it is no older than the question."""
        asked_at = self._link.venue_now()

        def understand(payload: Any) -> Quote:
            depth = _read_spot_depth(payload)
            return quote_of(depth.bids, depth.asks, id, depth.timestamp or asked_at)

        params = {"symbol": self._listing.raw[id], "limit": LEVELS}
        method = self._link.client.spot_public_get_depth
        quote: Quote = await self._ask("best prices", method, params, understand, Lane.DATA)
        return quote

    async def _mark(self, id: InstrumentId) -> Mark:
        """Mark, index and funding of a contract."""
        raw = self._listing.raw[id]
        ticker, funding = await together(
            self._ask(
                "mark price",
                self._link.client.contract_public_get_ticker,
                {"symbol": raw},
                lambda payload: _of(_read_ticker(payload), raw),
                Lane.DATA,
            ),
            self._funding_of(id, raw),
        )
        return mark_of(ticker, funding, id)

    async def _funding_of(self, id: InstrumentId, raw: str) -> Funding:
        now = self._link.venue_now()
        known = self.funding_known(id)
        if known is None:
            known = await self._ask(
                "funding rate",
                self._link.client.contract_public_get_funding_rate_symbol,
                {"symbol": raw},
                lambda payload: _of(_read_funding(payload), raw),
                Lane.DATA,
            )
            self._funding[id] = now, known
        return known

    def funding_known(self, id: InstrumentId) -> Funding | None:
        """What was told of a contract's funding a moment ago; None after a minute, or when it has been settled."""
        now = self._link.venue_now()
        at, funding = self._funding.get(id, (0, None))
        fresh = funding is not None and now - at < FUNDING_MS and now < funding.nextSettleTime
        return funding if fresh else None

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`. GiveUp for a time before the venue's history begins."""
        raw, now = self._listing.raw[id], self._link.venue_now()
        self._assert_kept("fills", since_at, now)
        # A moment may be left out at either end of the venue's own window [V], so it is asked for a little more.
        params = {"symbol": raw, "start_time": since_at - 1, "end_time": now + 1}
        method = self._link.client.contract_private_get_order_list_order_deals_v3
        rows: list[Deal] = await whole("fills", self._pages("fills", method, params, _read_deals, raw), _deal_key)
        if any(row.timestamp > now + AHEAD_MS for row in rows):
            raise AskAgain(f"mexc: fills: one of {id.symbol} lies in the future.")
        known = self._contracts.by_raw[raw]
        try:
            found = [self._named(fill_of(row, id, known)) for row in rows if row.timestamp >= since_at]
        except ValueError as problem:
            raise AskAgain(f"mexc: fills: {problem}.") from None
        for fill in found:
            self._stance.traded(fill, known)
        return tuple(sorted(found, key=lambda fill: (fill.exchange_at, fill.trade_id)))

    def _named(self, fill: Fill) -> Fill:
        """With our id, where the list does not name it and its order was heard of. The cause is the list's own."""
        seen = self._link.seen.of(fill)
        if fill.client_order_id is not None or seen is None:
            return fill
        return replace(fill, client_order_id=seen[0])

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`."""
        self._assert_kept("funding", since_at, self._link.venue_now())
        lists = await together(*(self._payments(id, since_at) for id in self._listing.contracts))
        found = [payment for payments in lists for payment in payments]
        return tuple(sorted(found, key=lambda payment: (payment.exchange_at, payment.payment_id)))

    async def _payments(self, id: InstrumentId, since_at: int) -> list[FundingPayment]:
        """Of one contract, held long or short: the venue asks for each by itself."""
        raw, now, asset = self._listing.raw[id], self._link.venue_now(), self._listing.instruments[id].settle
        method = self._link.client.contract_private_get_position_funding_records
        once: dict[str, FundingRecord] = {}
        for direction in (LONG, SHORT):
            span = {"start_time": since_at - 1, "end_time": now + 1}
            params = {"symbol": raw, "position_type": direction, **span}
            ask = self._pages("funding", method, params, _read_records, raw)
            rows: list[FundingRecord] = await whole("funding", ask, _record_key, _settled_at, since_at)
            once |= {row.id: row for row in rows}
        return [payment_of(row, id, asset) for row in once.values() if row.settleTime >= since_at]

    def _pages(self, what: str, method: Any, params: dict[str, Any], read: Understand[Any], raw: str) -> Any:
        def rows_of(rows: list[Any]) -> Any:
            found = read(rows)
            if any(row.symbol != raw for row in found):
                raise ValueError(f"another contract's rows came as an answer about {raw}")
            return found

        async def ask(number: int) -> Page:
            asked = {**params, "page_num": number, "page_size": SIZE}
            page: Page = await self._ask(what, method, asked, lambda payload: page_of(payload, rows_of))
            return page

        return ask

    def _assert_kept(self, what: str, since_at: int, now: int) -> None:
        if now - since_at > LONGEST_MS:
            raise GiveUp(f"mexc: {what}: the venue tells none that are older than ninety days.")

    async def _ask(
        self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any], lane: Lane = Lane.RECONCILE
    ) -> Any:
        call = partial(method, params)
        return await self._link.asker.need(what, call, understand, host=self._link.hosts[API], lane=lane)


def _of(told: Any, raw: str) -> Any:
    if told.symbol != raw:
        raise ValueError(f"what was told of {told.symbol} came as an answer about {raw}")
    return told


def _deal_key(row: Deal) -> tuple[str, str]:
    return row.id, row.orderId


def _record_key(row: FundingRecord) -> str:
    return row.id


def _settled_at(row: FundingRecord) -> int:
    return row.settleTime
