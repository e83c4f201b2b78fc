"""What happened on WEEX: prices now, and fills and funding payments, each list whole."""

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
from hedger.venues.weex.codes import CONTRACT, SPOT
from hedger.venues.weex.pages import order_by_venue_id
from hedger.venues.weex.parse import cause_of, fill_of, mark_of, payment_of, quote_of
from hedger.venues.weex.payloads import BookTicker, FillRow, Incomes, Premium
from hedger.venues.weex.windows import whole
from hedger.venues.wire import reader

PAGE = 100
FUNDING = "position_funding"
# A fill cannot lie further ahead than this.
AHEAD_MS = 60_000
# How many orders that we have not heard of are asked for in one reading of fills.
MOST_ASKED = 20

_read_books: Understand[list[BookTicker]] = reader(list[BookTicker])
_read_premiums: Understand[list[Premium]] = reader(list[Premium])
_read_fills: Understand[list[FillRow]] = reader(list[FillRow])
_read_incomes: Understand[Incomes] = reader(Incomes)


class HistoryReader:
    """Reads prices, fills and funding."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        marks = [self._mark(id) for id in ids if self._listing.instruments[id].kind is not Kind.SPOT]
        return tuple(await together(*(self._quote(id) for id in ids), *marks))

    async def _quote(self, id: InstrumentId) -> Quote:
        client, raw, asked_at = self._link.client, self._listing.raw[id], self._link.venue_now()
        spot = self._listing.instruments[id].kind is Kind.SPOT
        method = (
            client.public_get_api_v3_market_ticker_bookticker
            if spot
            else client.contract_get_capi_v3_market_ticker_bookticker
        )

        def understand(payload: Any) -> Quote:
            book: BookTicker = _only(_read_books(_rows(payload)), raw)
            if book.time is None and not spot:
                raise ValueError("the best prices of a contract have no time")
            return quote_of(book, id, asked_at)

        host = self._link.hosts[SPOT if spot else CONTRACT]
        call = partial(method, {"symbol": raw})
        return await self._link.asker.need("best prices", call, understand, host=host, lane=Lane.DATA)

    async def _mark(self, id: InstrumentId) -> Mark:
        raw, method = self._listing.raw[id], self._link.client.contract_get_capi_v3_market_premiumindex

        def understand(payload: Any) -> Mark:
            premium: Premium = _only(_read_premiums(_rows(payload)), raw)
            return mark_of(premium, id)

        call, host = partial(method, {"symbol": raw}), self._link.hosts[CONTRACT]
        return await self._link.asker.need("mark price", call, understand, host=host, lane=Lane.DATA)

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`, oldest first, by windows that are halved while a list is full."""
        raw, method = self._listing.raw[id], self._link.client.contractprivate_get_capi_v3_usertrades

        def understand(payload: Any) -> list[FillRow]:
            rows: list[FillRow] = _read_fills(payload)
            if any(row.symbol != raw for row in rows):
                raise ValueError(f"another contract's fills came as an answer about {raw}")
            return rows

        async def ask(start: int, end: int) -> tuple[list[FillRow], bool]:
            params = {"symbol": raw, "startTime": start, "endTime": end, "limit": PAGE}
            call = partial(method, params)
            rows = await self._link.asker.need("fills", call, understand, host=self._link.hosts[CONTRACT])
            return rows, len(rows) >= PAGE

        now = self._link.venue_now()
        rows = await whole("fills", since_at, now, ask)
        if any(row.time > now + AHEAD_MS for row in rows):
            raise AskAgain(f"weex: fills: one of {id.symbol} lies in the future.")
        once = {(row.id, row.orderId): fill_of(row, id) for row in rows if row.time >= since_at}
        ordered = sorted(once.values(), key=lambda fill: (fill.exchange_at, fill.trade_id))
        return await self._named(id, ordered)

    async def _named(self, id: InstrumentId, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """The fills with their orders' ids and causes; of orders not heard of, those that the venue tells."""
        seen = self._link.seen
        unheard = list(dict.fromkeys(fill.venue_order_id for fill in fills if seen.of(fill) is None))
        try:
            for venue_order_id in unheard[:MOST_ASKED]:
                record = await order_by_venue_id(self._link, venue_order_id)
                if record is not None:
                    seen.remember(id, venue_order_id, record.clientOrderId or None, cause_of(record.type))
        except (AskAgain, GiveUp):
            pass  # The venue does not tell, now or ever: the fills count all the same.
        found = []
        for fill in fills:
            client_order_id, cause = seen.of(fill) or (fill.client_order_id, fill.cause)
            found.append(replace(fill, client_order_id=client_order_id, cause=cause))
        return tuple(found)

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, oldest first."""
        method = self._link.client.contractprivate_post_capi_v3_account_income

        async def ask(start: int, end: int) -> tuple[list[Any], bool]:
            params = {"incomeType": FUNDING, "startTime": start, "endTime": end, "limit": PAGE}
            call = partial(method, params)
            told = await self._link.asker.need("funding", call, _read_incomes, host=self._link.hosts[CONTRACT])
            return told.items, told.hasNextPage or len(told.items) >= PAGE

        rows = await whole("funding", since_at, self._link.venue_now(), ask)
        once = {row.billId: row for row in rows if row.incomeType == FUNDING}
        payments = []
        for row in sorted(once.values(), key=lambda row: (row.time, row.billId)):
            id = self._listing.contract(row.symbol) if row.symbol is not None else None
            if row.symbol is None:
                raise AskAgain("weex: funding: a payment does not name its contract.")
            if id is not None and row.time >= since_at:
                payments.append(payment_of(row, id))
        return tuple(payments)


def _rows(payload: Any) -> Any:
    """The rows of an answer that is one row alone, or a list."""
    return payload if isinstance(payload, list) else [payload]


def _only(rows: Sequence[Any], raw: str) -> Any:
    """The one row of a symbol; ValueError where it is missing, or comes twice."""
    found = [row for row in rows if row.symbol == raw]
    if len(found) != 1:
        raise ValueError(f"{raw} came {len(found)} times")
    return found[0]
