"""What happened on Deribit: prices now, and fills and funding payments paged to their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.model.spans import HOUR_MS
from hedger.venues.asking import Understand, together
from hedger.venues.deribit.codes import REST
from hedger.venues.deribit.parse import fill_of, mark_of, payment_of, quote_of
from hedger.venues.deribit.payloads import Settlement, Settlements, Ticker, Trade, Trades, result_of
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing

PAGE = 1_000
MOST_PAGES = 200
# The venue moves trades that are a day old into its history, which knows a trade only some time after it happened.
RECENT_MS = 20 * HOUR_MS
AHEAD_MS = 60_000

_read_trades: Understand[Trades] = result_of(Trades)
_read_settlements: Understand[Settlements] = result_of(Settlements)
_read_ticker: Understand[Ticker] = result_of(Ticker)


class HistoryReader:
    """Reads prices, fills and funding."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts: one ticker tells both."""
        return tuple(price for pair in await together(*(self._ticker(id) for id in ids)) for price in pair)

    async def _ticker(self, id: InstrumentId) -> tuple[Quote | Mark, ...]:
        client, raw, kind = self._link.client, self._listing.raw[id], self._listing.instruments[id].kind

        def understand(payload: Any) -> tuple[Quote | Mark, ...]:
            told = _read_ticker(payload)
            if told.instrument_name != raw:
                raise ValueError(f"{told.instrument_name} came as an answer about {raw}")
            quote = quote_of(told, id)
            return (quote,) if kind is Kind.SPOT else (quote, mark_of(told, id, funded=kind is Kind.PERPETUAL))

        return await self._link.asker.need(
            "ticker",
            lambda: client.public_get_ticker({"instrument_name": raw}),
            understand,
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`: of the last day, and what is older of the venue's history."""
        parts = [self._trades(id, since_at, historical=False)]
        if since_at < self._link.venue_now() - RECENT_MS:
            parts.append(self._trades(id, since_at, historical=True))
        found = {trade.trade_id: trade for part in await together(*parts) for trade in part}
        ordered = sorted(found.values(), key=lambda trade: (trade.timestamp, len(trade.trade_id), trade.trade_id))
        return tuple(fill_of(trade, id) for trade in ordered if trade.timestamp >= since_at)

    async def _trades(self, id: InstrumentId, since_at: int, *, historical: bool) -> list[Trade]:
        """Oldest first, page after page: each begins at the last moment of the one before it."""
        client, raw = self._link.client, self._listing.raw[id]
        found: dict[str, Trade] = {}
        start, end = since_at, self._link.venue_now() + AHEAD_MS

        def understand(payload: Any) -> Trades:
            page = _read_trades(payload)
            if any(trade.instrument_name != raw for trade in page.trades):
                raise ValueError(f"another instrument's came as an answer about {raw}")
            return page

        for _ in range(MOST_PAGES):
            params = {
                "instrument_name": raw,
                "start_timestamp": start,
                "end_timestamp": end,
                "count": PAGE,
                "sorting": "asc",
                "historical": str(historical).lower(),
            }
            method = client.private_get_get_user_trades_by_instrument_and_time
            page: Trades = await self._page("fills", method, params, understand)
            new = [trade for trade in page.trades if trade.trade_id not in found]
            found |= {trade.trade_id: trade for trade in new}
            if not page.has_more and len(page.trades) < PAGE:
                return list(found.values())
            if not new:
                raise AskAgain("deribit: fills: a page repeats, so the list may be cut.")
            start = max(trade.timestamp for trade in new)
        raise AskAgain(f"deribit: fills: {id.symbol} has more than {MOST_PAGES} pages since {since_at}.")

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`: the venue books it once a day, with the
        settlement of the session's profit."""
        perpetuals = [id for id in self._listing.contracts if not self._listing.is_dated(id)]
        parts = await together(*(self._settlements(id, since_at) for id in perpetuals))
        payments = [
            payment_of(row, id, self._listing.instruments[id].settle)
            for id, rows in zip(perpetuals, parts, strict=True)
            for row in rows
            if row.timestamp >= since_at
        ]
        return tuple(sorted(payments, key=lambda payment: (payment.exchange_at, payment.payment_id)))

    async def _settlements(self, id: InstrumentId, since_at: int) -> list[Settlement]:
        """Newest first, until one is older than what is asked for, or there are no more."""
        client, raw = self._link.client, self._listing.raw[id]
        found: dict[tuple[int, str | None], Settlement] = {}
        params: dict[str, Any] = {"instrument_name": raw, "type": "settlement", "count": PAGE}
        seen: set[str] = set()

        def understand(payload: Any) -> Settlements:
            page = _read_settlements(payload)
            if any(row.instrument_name != raw for row in page.settlements):
                raise ValueError(f"another instrument's came as an answer about {raw}")
            return page

        for _ in range(MOST_PAGES):
            method = client.private_get_get_settlement_history_by_instrument
            page: Settlements = await self._page("funding", method, params, understand)
            rows = [row for row in page.settlements if row.type == "settlement"]
            found |= {(row.timestamp, row.instrument_name): row for row in rows}
            further = page.continuation
            if further in (None, "", "none") or any(row.timestamp < since_at for row in rows):
                return list(found.values())
            assert further is not None
            if further in seen:
                raise AskAgain("deribit: funding: a page repeats, so the list may be cut.")
            seen.add(further)
            params = {**params, "continuation": further}
        raise AskAgain(f"deribit: funding: more than {MOST_PAGES} pages since {since_at}.")

    async def _page(self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[REST])
