"""What happened on Binance: prices now, and fills and funding payments paged to their end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.venues.asking import Understand, together
from hedger.venues.binance.codes import DAPI, FAPI
from hedger.venues.binance.doors import host_of, private, public
from hedger.venues.binance.forced import FORCED_PAGE, forced_orders
from hedger.venues.binance.names import api_of, traded_apis
from hedger.venues.binance.parse import dated_mark_of, fill_of, mark_of, payment_of, quote_of
from hedger.venues.binance.payloads import (
    BookTicker,
    DatedPremium,
    FundingInfo,
    FuturesBookTicker,
    Income,
    Premium,
    Trade,
)
from hedger.venues.causes import Causes
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

PAGE = 1_000
MOST_PAGES = 200
# How long a window of trades may be: COIN-M's is a day at most [V], and a shorter one than allowed costs only requests.
WINDOW_MS = {FAPI: 7 * DAY_MS, DAPI: DAY_MS}
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
        self._causes = Causes(link, partial(forced_orders, link, listing), page=FORCED_PAGE)
        self.intervals: dict[InstrumentId, int] = {}

    async def load_intervals(self) -> None:
        """Read how often each contract pays funding; what the venue does not list pays every eight hours."""
        hours: dict[str, int] = {}
        for api in self._apis():
            method, host = public(self._link, api, "get_fundinginfo"), self._link.hosts[api]
            rows = await self._link.asker.need("funding intervals", partial(method, {}), _read_intervals, host=host)
            hours |= {row.symbol: row.fundingIntervalHours for row in rows}
        for id in self._listing.contracts:
            raw = self._listing.raw[id]
            self.intervals[id] = hours[raw] * HOUR_MS if raw in hours else USUAL_INTERVAL_MS

    def _apis(self) -> tuple[str, ...]:
        return traded_apis(id.symbol for id in self._listing.contracts)

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        coin = [id for id in ids if api_of(id.symbol) == DAPI]
        others = [id for id in ids if id not in coin]
        reads = [self._quote(id) for id in others]
        marks = [self._mark(id) for id in others if self._listing.instruments[id].kind is not Kind.SPOT]
        lists = [self._coin_quotes(coin), self._coin_marks(coin)] if coin else []
        found = await together(*reads, *marks, *lists)
        alone = len(reads) + len(marks)
        return (*found[:alone], *(price for prices in found[alone:] for price in prices))

    async def _coin_quotes(self, ids: Sequence[InstrumentId]) -> list[Quote]:
        """COIN-M's best prices: one request for all, which weighs little more than one for one."""

        def understand(payload: Any) -> list[Quote]:
            tickers = [(id, _read_futures_book(_row_of(payload, self._listing.raw[id]))) for id in ids]
            return [quote_of(ticker, id, ticker.time) for id, ticker in tickers]

        return await self._coin_list("best prices", "get_ticker_bookticker", ids, understand)

    async def _coin_marks(self, ids: Sequence[InstrumentId]) -> list[Mark]:
        def understand(payload: Any) -> list[Mark]:
            return [self._understood_mark(id, _row_of(payload, self._listing.raw[id])) for id in ids]

        return await self._coin_list("mark price", "get_premiumindex", ids, understand)

    async def _coin_list(
        self, what: str, name: str, ids: Sequence[InstrumentId], understand: Understand[list[Any]]
    ) -> list[Any]:
        method, host = public(self._link, DAPI, name), self._link.hosts[DAPI]
        params = {"symbol": self._listing.raw[ids[0]]} if len(ids) == 1 else {}
        return await self._link.asker.need(what, lambda: method(params), understand, host=host, lane=Lane.DATA)

    async def _quote(self, id: InstrumentId) -> Quote:
        api, raw = api_of(id.symbol), self._listing.raw[id]
        spot = self._listing.instruments[id].kind is Kind.SPOT
        method = public(self._link, api, "get_ticker_bookticker")
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
            host=self._link.hosts[api],
            lane=Lane.DATA,
        )

    async def _mark(self, id: InstrumentId) -> Mark:
        api, raw = api_of(id.symbol), self._listing.raw[id]
        method = public(self._link, api, "get_premiumindex")
        return await self._link.asker.need(
            "mark price",
            lambda: method({"symbol": raw}),
            lambda payload: self._understood_mark(id, payload),
            host=self._link.hosts[api],
            lane=Lane.DATA,
        )

    def _understood_mark(self, id: InstrumentId, payload: Any) -> Mark:
        raw = self._listing.raw[id]
        if self._listing.is_dated(id):
            return dated_mark_of(_named(_read_dated_premium(payload), raw), id)
        return mark_of(_named(_read_premium(payload), raw), id, self.intervals.get(id, USUAL_INTERVAL_MS))

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`: in windows of time until one is full, and from there by trade id."""
        window_ms = WINDOW_MS[api_of(id.symbol)]
        found: dict[int, Trade] = {}
        cursor: dict[str, int] = {"startTime": since_at}
        for _ in range(MOST_PAGES):
            open_end = "fromId" in cursor or cursor["startTime"] + window_ms > self._link.venue_now()
            window = cursor if open_end else {**cursor, "endTime": cursor["startTime"] + window_ms}
            trades = await self._trades(id, window)
            found.update((trade.id, trade) for trade in trades)
            if len(trades) >= PAGE:
                await self._prove_oldest(id, cursor, trades)
                cursor = {"fromId": max(trade.id for trade in trades) + 1}
            elif open_end:
                ordered = sorted(found.values(), key=lambda trade: (trade.time, trade.id))
                return await self._causes.told(id, [fill_of(trade, id) for trade in ordered if trade.time >= since_at])
            else:
                cursor = {"startTime": window["endTime"]}
        raise AskAgain(f"binance: fills: {id.symbol} has more than {MOST_PAGES} pages since {since_at}.")

    async def _prove_oldest(self, id: InstrumentId, cursor: dict[str, int], page: Sequence[Trade]) -> None:
        """A full page of a window must begin with its oldest trade, or those before it would never be asked for; that
        the venue lists the oldest first its documentation does not say. By trade id it does."""
        first_at, told = min(trade.time for trade in page), {trade.id for trade in page}
        if "fromId" in cursor or first_at <= cursor["startTime"]:
            return
        before = await self._trades(id, {"startTime": cursor["startTime"], "endTime": first_at})
        if any(trade.id not in told for trade in before):
            raise AskAgain(f"binance: fills: {id.symbol} has trades before the first of a full page.")

    async def _trades(self, id: InstrumentId, window: dict[str, int]) -> list[Trade]:
        api, raw = api_of(id.symbol), self._listing.raw[id]

        def understand(payload: Any) -> list[Trade]:
            return [_named(trade, raw) for trade in _read_trades(payload)]

        params = {"symbol": raw, "limit": PAGE, **window}
        return list(await self._page("fills", api, "get_usertrades", params, understand))

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`."""
        lists = await together(*(self._incomes(api, since_at) for api in self._apis()))
        return self._payments([row for rows in lists for row in rows], since_at)

    async def _incomes(self, api: str, since_at: int) -> list[Income]:
        found: dict[tuple[int, str], Income] = {}
        start = since_at
        for _ in range(MOST_PAGES):
            params = {"incomeType": "FUNDING_FEE", "startTime": start, "limit": PAGE}
            rows = await self._page("funding", api, "get_income", params, _read_incomes)
            fresh = {(row.tranId, row.symbol): row for row in rows if row.incomeType == "FUNDING_FEE"}
            new = fresh.keys() - found.keys()
            found.update(fresh)
            if len(rows) < PAGE:
                return list(found.values())
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

    async def _page(self, what: str, api: str, name: str, params: dict[str, Any], understand: Understand[Any]) -> Any:
        method, host = private(self._link, api, name), host_of(self._link, api)
        return await self._link.asker.need(what, lambda: method(params), understand, host=host)


def _row_of(payload: Any, raw: str) -> Any:
    """The one row about a contract in a list, as COIN-M answers."""
    told = payload if isinstance(payload, list) else []
    rows = [row for row in told if isinstance(row, dict) and row.get("symbol") == raw]
    if len(rows) != 1:
        raise ValueError(f"not one row about {raw}")
    return rows[0]


def _named(payload: Any, raw: str) -> Any:
    """The payload, if it is about the symbol that was asked for."""
    if payload.symbol != raw:
        raise ValueError(f"{payload.symbol} came as an answer about {raw}")
    return payload
