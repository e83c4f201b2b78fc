"""What happened on OKX: prices now, and fills and funding payments paged to their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill
from hedger.model.spans import DAY_MS
from hedger.venues.asking import Understand, together
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import REST
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.listing import Contract
from hedger.venues.okx.marks import Funding, MarkBook, funding_of, mark_of
from hedger.venues.okx.paging import whole_list
from hedger.venues.okx.parse import fill_of, payment_of, quote_of
from hedger.venues.okx.payloads import BillRow, FillRow, FundingRow, IndexRow, MarkRow, Ticker, row_as, rows_as

T = TypeVar("T", Ticker, MarkRow, IndexRow, FundingRow)
# The venue keeps two lists of either: a quick one of the last days, and one of three months. The quick one is asked
# for no more than it surely has.
QUICK_FILLS_MS, QUICK_BILLS_MS = 2 * DAY_MS, 6 * DAY_MS
# Old fills may be asked for ten times in two seconds, bills five times.
FILLS_PAUSE_S, BILLS_PAUSE_S = 0.25, 0.45
FUNDING = "8"

_read_ticker: Understand[Ticker] = row_as(Ticker)
_read_mark: Understand[MarkRow] = row_as(MarkRow)
_read_index: Understand[IndexRow] = row_as(IndexRow)
_read_funding: Understand[FundingRow] = row_as(FundingRow)
_read_fills: Understand[list[FillRow]] = rows_as(FillRow)
_read_bills: Understand[list[BillRow]] = rows_as(BillRow)


class HistoryReader:
    """Reads prices, fills and funding, and tells the book of marks what it read."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, marks: MarkBook) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._marks = marks

    async def load_marks(self) -> None:
        """Read mark, index and funding of every contract: the stream tells funding only every minute or so."""
        await together(*(self._mark(id) for id in self._listing.contracts if id not in self._listing.gone))

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""
        contracts = [id for id in ids if self._contract(id) is not None]
        return tuple(await together(*(self._quote(id) for id in ids), *(self._mark(id) for id in contracts)))

    async def _quote(self, id: InstrumentId) -> Quote:
        raw, method = self._listing.raw[id], self._link.client.public_get_market_ticker
        return await self._link.asker.need(
            "best prices",
            partial(method, {"instId": raw}),
            lambda payload: quote_of(_named(_read_ticker(payload), raw), id, self._contract(id)),
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )

    async def _mark(self, id: InstrumentId) -> Mark:
        contract, client = self._contract(id), self._link.client
        assert contract is not None, id
        named, raw = {"instId": contract.raw}, contract.raw
        typed = named | {"instType": contract.type}
        questions: list[Any] = [
            self._ask("mark price", client.public_get_public_mark_price, typed, _read_mark),
            self._ask("index", client.public_get_market_index_tickers, {"instId": contract.index_name}, _read_index),
        ]
        if contract.expiry_at is None:
            questions.append(self._funding(client.public_get_public_funding_rate, named))
        mark, index, *funding = await together(*questions)
        self._marks.marks[raw], self._marks.indexes[contract.index_name] = mark, index
        self._marks.funding |= dict.fromkeys([raw], *funding) if funding else {}
        return mark_of(id, mark, index, self._marks.funding.get(raw))

    async def _funding(self, method: Any, named: dict[str, str]) -> Funding:
        return await self._link.asker.need(
            "funding rate",
            partial(method, named),
            lambda payload: funding_of(_named(_read_funding(payload), named["instId"])),
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )

    async def _ask(self, what: str, method: Any, params: dict[str, str], read: Callable[[Any], T]) -> T:
        return await self._link.asker.need(
            what,
            partial(method, params),
            lambda payload: _named(read(payload), params["instId"]),
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`. The venue keeps them for three months."""
        contract, client = self._contract(id), self._link.client
        assert contract is not None, id
        quick = since_at > self._link.venue_now() - QUICK_FILLS_MS
        method = client.private_get_trade_fills if quick else client.private_get_trade_fills_history
        # An execution is listed some milliseconds after it happened, never before.
        params = {"instType": contract.type, "instId": contract.raw, "begin": str(max(since_at - 1, 0))}

        def read(payload: Any) -> list[FillRow]:
            return [_ours(row, contract) for row in _read_fills(payload)]

        pause_s = 0.0 if quick else FILLS_PAUSE_S
        rows = await whole_list(self._link, "fills", method, params, read, lambda row: row.billId, pause_s)
        fills = [fill_of(row, id, contract) for row in sorted(rows, key=lambda row: (row.ts, int(row.billId)))]
        for fill in fills:
            self._link.seen.remember(id, fill.venue_order_id, fill.client_order_id, fill.cause)
        return tuple(fill for fill in fills if fill.exchange_at >= since_at)

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, of three months at most."""
        client = self._link.client
        quick = since_at > self._link.venue_now() - QUICK_BILLS_MS
        method = client.private_get_account_bills if quick else client.private_get_account_bills_archive
        params = {"type": FUNDING, "begin": str(max(since_at - 1, 0))}
        id_of, read = (lambda row: row.billId), self._payments
        rows = await whole_list(self._link, "funding", method, params, read, id_of, BILLS_PAUSE_S)
        found = []
        for row in sorted(rows, key=lambda row: (row.ts, int(row.billId))):
            id = self._listing.contract(row.instId)
            if id is not None and row.ts >= since_at:
                found.append(payment_of(row, id))
        return tuple(found)

    def _payments(self, payload: Any) -> list[BillRow]:
        """The rows, those of our contracts proven to be payments of funding."""
        rows = _read_bills(payload)
        for row in rows:
            id = self._listing.contract(row.instId)
            if row.type != FUNDING:
                raise ValueError(f"a bill of kind {row.type} came as an answer about funding")
            if id is not None:
                payment_of(row, id)
        return rows

    def _contract(self, id: InstrumentId) -> Contract | None:
        return self._contracts.by_raw.get(self._listing.raw[id])


def _named(row: T, name: str) -> T:
    """The row, if it is about what was asked for."""
    if row.instId != name:
        raise ValueError(f"{row.instId} came as an answer about {name}")
    return row


def _ours(row: FillRow, contract: Contract) -> FillRow:
    if row.instId != contract.raw:
        raise ValueError(f"{row.instId} came as an answer about {contract.raw}")
    if row.fee and not row.feeCcy:
        raise ValueError("a fill has a fee in no currency")
    return row
