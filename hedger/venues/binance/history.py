"""What happened on Binance: prices now, and fills and funding payments paged to their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.venues.asking import Understand, together
from hedger.venues.binance.causes import Causes
from hedger.venues.binance.codes import API, FAPI
from hedger.venues.binance.parse import HOUR_MS, dated_mark_of, fill_of, mark_of, payment_of, quote_of
from hedger.venues.binance.payloads import (
    BookTicker,
    DatedPremium,
    FundingInfo,
    FuturesBookTicker,
    Income,
    Premium,
    Trade,
)
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

PAGE = 1_000
MOST_PAGES = 200
WEEK_MS = 7 * 24 * HOUR_MS
USUAL_INTERVAL_MS = 8 * HOUR_MS

_read_trades: Understand[list[Trade]] = reader(list[Trade])
_read_incomes: Understand[list[Income]] = reader(list[Income])
_read_premium: Understand[Premium] = reader(Premium)
_read_dated_premium: Understand[DatedPremium] = reader(DatedPremium)
_read_futures_book: Understand[FuturesBookTicker] = reader(FuturesBookTicker)
_read_book: Understand[BookTicker] = reader(BookTicker)
_read_intervals: Understand[list[FundingInfo]] = reader(list[FundingInfo])


class HistoryReader:
    """Reads prices, fills and funding. `intervals` holds each contract's funding interval in milliseconds."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._causes = Causes(link, listing)
        self.intervals: dict[InstrumentId, int] = {}

    async def load_intervals(self) -> None:
        """Read how often each contract pays funding; what the venue does not list pays every eight hours."""
        client = self._link.client
        rows = await self._page("funding intervals", client.fapipublic_get_fundinginfo, {}, _read_intervals)
        hours = {row.symbol: row.fundingIntervalHours for row in rows}
        for id in self._listing.contracts:
            raw = self._listing.raw[id]
            self.intervals[id] = hours[raw] * HOUR_MS if raw in hours else USUAL_INTERVAL_MS

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        reads = [self._quote(id) for id in ids]
        marks = [self._mark(id) for id in ids if self._listing.instruments[id].kind is not Kind.SPOT]
        return tuple(await together(*reads, *marks))

    async def _quote(self, id: InstrumentId) -> Quote:
        client, raw = self._link.client, self._listing.raw[id]
        spot = self._listing.instruments[id].kind is Kind.SPOT
        method = client.public_get_ticker_bookticker if spot else client.fapipublic_get_ticker_bookticker
        asked_at = self._link.venue_now()

        def understand(payload: Any) -> Quote:
            if spot:
                book = _read_book(payload)
                return quote_of(_named(book, raw), id, asked_at)
            ticker = _read_futures_book(payload)
            return quote_of(_named(ticker, raw), id, ticker.time)

        return await self._link.asker.need(
            "best prices",
            lambda: method({"symbol": raw}),
            understand,
            host=self._link.hosts[API if spot else FAPI],
            lane=Lane.DATA,
        )

    async def _mark(self, id: InstrumentId) -> Mark:
        client, raw = self._link.client, self._listing.raw[id]
        interval_ms = self.intervals.get(id, USUAL_INTERVAL_MS)

        def understand(payload: Any) -> Mark:
            if self._listing.is_dated(id):
                return dated_mark_of(_named(_read_dated_premium(payload), raw), id)
            return mark_of(_named(_read_premium(payload), raw), id, interval_ms)

        return await self._link.asker.need(
            "mark price",
            lambda: client.fapipublic_get_premiumindex({"symbol": raw}),
            understand,
            host=self._link.hosts[FAPI],
            lane=Lane.DATA,
        )

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`: in windows of a week until one is full, and from there by trade id."""
        found: dict[int, Trade] = {}
        cursor: dict[str, int] = {"startTime": since_at}
        for _ in range(MOST_PAGES):
            open_end = "fromId" in cursor or cursor["startTime"] + WEEK_MS > self._link.venue_now()
            window = cursor if open_end else {**cursor, "endTime": cursor["startTime"] + WEEK_MS}
            trades = await self._trades(self._listing.raw[id], window)
            found.update((trade.id, trade) for trade in trades)
            if len(trades) >= PAGE:
                cursor = {"fromId": max(trade.id for trade in trades) + 1}
            elif open_end:
                ordered = sorted(found.values(), key=lambda trade: (trade.time, trade.id))
                return await self._causes.told(id, [fill_of(trade, id) for trade in ordered if trade.time >= since_at])
            else:
                cursor = {"startTime": window["endTime"]}
        raise AskAgain(f"binance: fills: {id.symbol} has more than {MOST_PAGES} pages since {since_at}.")

    async def _trades(self, raw: str, window: dict[str, int]) -> list[Trade]:
        client = self._link.client

        def understand(payload: Any) -> list[Trade]:
            return [_named(trade, raw) for trade in _read_trades(payload)]

        params = {"symbol": raw, "limit": PAGE, **window}
        return list(await self._page("fills", client.fapiprivate_get_usertrades, params, understand))

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`."""
        found: dict[tuple[int, str], Income] = {}
        start = since_at
        for _ in range(MOST_PAGES):
            params = {"incomeType": "FUNDING_FEE", "startTime": start, "limit": PAGE}
            client = self._link.client
            rows = await self._page("funding", client.fapiprivate_get_income, params, _read_incomes)
            fresh = {(row.tranId, row.symbol): row for row in rows if row.incomeType == "FUNDING_FEE"}
            new = fresh.keys() - found.keys()
            found.update(fresh)
            if len(rows) < PAGE:
                return self._payments(found.values(), since_at)
            if not new:
                raise AskAgain("binance: funding: a page repeats, so the list may be cut.")
            start = max(row.time for row in rows)
        raise AskAgain(f"binance: funding: more than {MOST_PAGES} pages since {since_at}.")

    def _payments(self, rows: Any, since_at: int) -> tuple[FundingPayment, ...]:
        payments = []
        for row in sorted(rows, key=lambda row: (row.time, row.tranId)):
            id = self._listing.contract(row.symbol)
            if id is not None and row.time >= since_at:
                payments.append(payment_of(row, id))
        return tuple(payments)

    async def _page(self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[FAPI])


def _named(payload: Any, raw: str) -> Any:
    """The payload, if it is about the symbol that was asked for."""
    if payload.symbol != raw:
        raise ValueError(f"{payload.symbol} came as an answer about {raw}")
    return payload
