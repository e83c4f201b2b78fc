"""The past on MEXC: closed bars of the index, and what perpetuals paid, each proven whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Columns, Row, Settled, closed_bars, settlements
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import Page, answered, page_of
from hedger.venues.mexc.codes import API
from hedger.venues.mexc.paging import SIZE
from hedger.venues.mexc.payloads import Bars, SettledRate
from hedger.venues.wire import reader

# By the length of a bar: its name for contracts, and for spot pairs where those have it.
INTERVALS: Mapping[int, tuple[str, str | None]] = MappingProxyType(
    {
        MINUTE_MS: ("Min1", "1m"),
        5 * MINUTE_MS: ("Min5", "5m"),
        15 * MINUTE_MS: ("Min15", "15m"),
        30 * MINUTE_MS: ("Min30", "30m"),
        HOUR_MS: ("Min60", "60m"),
        4 * HOUR_MS: ("Hour4", "4h"),
        8 * HOUR_MS: ("Hour8", None),
        24 * HOUR_MS: ("Day1", "1d"),
    }
)
MOST_BARS, MOST_SPOT_BARS, MOST_RATES = 1_900, 480, 1_000


_read_bars: Understand[Bars] = answered(Bars)
_read_rows: Understand[list[Columns]] = reader(list[Columns])
_read_settled: Understand[list[SettledRate]] = reader(list[SettledRate])


class PastReader:
    """Reads bars and funding rates, on the lane that nothing else waits behind."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars: of the index of a contract, of the trades of a spot pair.

        Raises GiveUp for bars that the venue does not have, AskAgain for a list that is not whole.
        """
        spot = self._listing.instruments[id].kind is Kind.SPOT
        names = INTERVALS.get(interval_ms, (None, None))
        most = MOST_SPOT_BARS if spot else MOST_BARS
        if names[int(spot)] is None or not 0 < count <= most:
            raise GiveUp(f"mexc: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        closed_by, raw = self._link.venue_now() - SETTLED_MS, self._listing.raw[id]
        # One bar more runs still, and one more may have closed a moment ago.
        params: dict[str, Any] = {"symbol": raw, "interval": names[int(spot)]}
        if spot:
            method, params["limit"] = self._link.client.spot_public_get_klines, count + 2
        else:
            method = self._link.client.contract_public_get_kline_index_price_symbol
            params["start"] = (closed_by - (count + 2) * interval_ms) // 1000
            params["end"] = (closed_by + SETTLED_MS) // 1000
        return await self._link.asker.need(
            "candles",
            partial(method, params),
            lambda payload: closed_bars(
                sorted(_read_rows(payload)) if spot else _bars(payload), interval_ms, count, closed_by
            ),
            host=self._link.hosts[API],
            lane=Lane.DATA,
        )

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it. Raises AskAgain where the newest is missing or the times do not
        follow each other.
        """
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"mexc: funding rates: {count} are not to be had.")
        raw, asked_at = self._listing.raw[id], self._link.venue_now()
        rows: dict[int, SettledRate] = {}
        for number in range(1, count // SIZE + 3):
            page = await self._page(raw, number)
            before = len(rows)
            rows |= {row.settleTime: row for row in page.rows}
            # The first only says since when the second paid.
            if len(page.rows) < SIZE or len(rows) > count:
                break
            if len(rows) == before:
                raise AskAgain("mexc: funding rates: a page repeats, so the list may be cut.")
        try:
            rates = sorted(Settled(row.settleTime, row.fundingRate, row.symbol) for row in rows.values())
            return settlements(rates, raw, asked_at)[-count:]
        except ValueError as problem:
            raise AskAgain(f"mexc: funding rates: {problem}.") from None

    async def _page(self, raw: str, number: int) -> Page:
        method = self._link.client.contract_public_get_funding_rate_history
        call = partial(method, {"symbol": raw, "page_num": number, "page_size": SIZE})
        page: Page = await self._link.asker.need(
            "funding rates",
            call,
            lambda payload: page_of(payload, _read_settled),
            host=self._link.hosts[API],
            lane=Lane.DATA,
        )
        return page


def _bars(payload: Any) -> list[Row]:
    told = _read_bars(payload)
    columns = zip(told.time, told.open, told.high, told.low, told.close, strict=True)
    return sorted((at * 1000, o, h, low, c) for at, o, h, low, c in columns)
