"""Prices, fills and funding payments of one Bybit account, followed to the last page of each window of a week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.model.spans import HOUR_MS
from hedger.venues.asking import Understand, explain, together
from hedger.venues.bybit.asked import Envelope, host_of, need_rows, read_envelope, rows_of
from hedger.venues.bybit.listing import USUAL_INTERVAL_MS
from hedger.venues.bybit.names import category_of
from hedger.venues.bybit.parse import fill_of, mark_of, payment_of, quote_of
from hedger.venues.bybit.payloads import ContractPrices, Execution, Funding, Ledger, LedgerLine, Ticker
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import reader

# The longest span that the venue lets one question have, a moment less: both ends count.
WEEK_MS = 7 * 24 * HOUR_MS - 1
_EXECUTIONS, _LEDGER = 100, 50  # rows in a page
_SETTLEMENT = "SETTLEMENT"

_read_ticker: Understand[Ticker] = reader(Ticker)
_read_prices: Understand[ContractPrices] = reader(ContractPrices)
_read_funding: Understand[Funding] = reader(Funding)
_read_execution: Understand[Execution] = reader(Execution)
_read_line: Understand[LedgerLine] = reader(LedgerLine)
_read_ledger: Understand[Ledger] = reader(Ledger)


class HistoryReader:
    """Reads prices, fills and funding. `intervals` holds each perpetual's funding interval in milliseconds."""

    def __init__(self, link: Link, listing: Listing, intervals: Mapping[InstrumentId, int]) -> None:
        self._link = link
        self._listing = listing
        self.intervals = intervals

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts, in one request each."""
        parts = await together(*(self._prices(id) for id in ids))
        return tuple(price for part in parts for price in part)

    async def _prices(self, id: InstrumentId) -> Sequence[Quote | Mark]:
        raw = self._listing.raw[id]
        params = {"category": category_of(id.symbol).value, "symbol": raw}

        def understand(payload: Any) -> Sequence[Quote | Mark]:
            envelope: Envelope = read_envelope(payload)
            rows = rows_of(payload)
            if len(rows) != 1 or rows[0].get("symbol") != raw:
                raise ValueError(f"the prices of something else came as an answer about {raw}")
            quote = quote_of(_read_ticker(rows[0]), id, envelope.time)
            if self._listing.instruments[id].kind is Kind.SPOT:
                return (quote,)
            return quote, self.mark_of(rows[0], id, envelope.time)

        method = self._link.client.public_get_v5_market_tickers
        return await self._link.asker.need(
            "prices", lambda: method(dict(params)), understand, host=host_of(self._link), lane=Lane.DATA
        )

    def mark_of(self, row: Mapping[str, Any], id: InstrumentId, exchange_at: int) -> Mark:
        """The mark in a ticker; ValueError where a part is missing."""
        funding = None if self._listing.is_dated(id) else _read_funding(row)
        return mark_of(_read_prices(row), funding, id, self.intervals.get(id, USUAL_INTERVAL_MS), exchange_at)

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`, oldest first."""
        raw, settle = self._listing.raw[id], self._listing.instruments[id].settle
        found: dict[str, Fill] = {}
        for window in self._windows(since_at):
            params = {"category": category_of(id.symbol).value, "symbol": raw, "limit": _EXECUTIONS, **window}
            rows = await need_rows(self._link, "fills", self._link.client.private_get_v5_execution_list, params)
            found |= {fill.trade_id: fill for fill in self._fills(rows, id, raw, settle)}
        told = sorted(found.values(), key=lambda fill: (fill.exchange_at, fill.trade_id))
        return tuple(fill for fill in told if fill.exchange_at >= since_at)

    def _fills(self, rows: Sequence[Mapping[str, Any]], id: InstrumentId, raw: str, settle: str) -> Iterator[Fill]:
        try:
            # The oldest last: of two that happened in the same millisecond the first stays the first.
            for told in reversed(rows):
                row = _read_execution(told)
                if row.symbol != raw:
                    raise ValueError(f"an execution of {row.symbol} came as an answer about {raw}")
                fill = fill_of(row, id, settle)
                if fill is not None:
                    yield fill
        except ValueError as problem:
            raise AskAgain(f"bybit: fills: {explain(problem)}.") from None

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, oldest first."""
        found: dict[tuple[str, str], FundingPayment] = {}
        for window in self._windows(since_at):
            params = {"accountType": "UNIFIED", "type": _SETTLEMENT, "limit": _LEDGER, **window}
            method = self._link.client.private_get_v5_account_transaction_log
            rows = await need_rows(self._link, "funding", method, params)
            found |= {(payment.id.symbol, payment.payment_id): payment for payment in self._payments(rows)}
        told = sorted(found.values(), key=lambda payment: (payment.exchange_at, payment.payment_id))
        return tuple(payment for payment in told if payment.exchange_at >= since_at)

    def _payments(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[FundingPayment]:
        """The payments of our contracts; what others settled is passed over unread."""
        try:
            for told in rows:
                line = _read_line(told)
                id = self._listing.contract(line.symbol)
                if id is None or line.type != _SETTLEMENT:
                    continue
                payment = payment_of(_read_ledger(told), id)
                if payment is not None:
                    yield payment
        except ValueError as problem:
            raise AskAgain(f"bybit: funding: {explain(problem)}.") from None

    def _windows(self, since_at: int) -> Iterator[dict[str, int]]:
        """Windows of a week from `since_at` on; the last one ends in the future, which is as good as now [V]."""
        start, last = since_at, max(since_at, self._link.venue_now())
        while start <= last:
            yield {"startTime": start, "endTime": start + WEEK_MS}
            start += WEEK_MS + 1
