"""The past on Bybit: closed bars of an index, and what perpetuals paid, each proven whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Settled, TextColumns, closed_bars, settlements
from hedger.venues.bybit.asked import host_of, read_envelope, rows_of
from hedger.venues.bybit.names import category_of
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Name, Number, Payload, TextMoment, reader

INTERVALS: Mapping[int, str] = MappingProxyType(
    {
        MINUTE_MS: "1",
        3 * MINUTE_MS: "3",
        5 * MINUTE_MS: "5",
        15 * MINUTE_MS: "15",
        30 * MINUTE_MS: "30",
        HOUR_MS: "60",
        2 * HOUR_MS: "120",
        4 * HOUR_MS: "240",
        6 * HOUR_MS: "360",
        12 * HOUR_MS: "720",
        24 * HOUR_MS: "D",
    }
)
MOST_BARS, MOST_RATES, _RATES = 998, 1_999, 200


class _Settled(Payload):
    """One row of `GET /v5/market/funding/history`."""

    symbol: Name
    fundingRate: Number
    fundingRateTimestamp: TextMoment


class _Bars(Payload):
    """The result of `GET /v5/market/index-price-kline` and of `GET /v5/market/kline`."""

    symbol: Name
    rows: Annotated[Any, Field(alias="list")]


_read_bars: Understand[_Bars] = reader(_Bars)
_read_rows: Understand[list[TextColumns]] = reader(list[TextColumns])
_read_settled: Understand[_Settled] = reader(_Settled)


class PastReader:
    """Reads bars and funding rates, on the lane that nothing else waits behind."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars of a contract's index price, or of a spot pair's own trades, oldest first.

        Raises GiveUp for bars that the venue does not have, AskAgain for a list that is not whole.
        """
        if interval_ms not in INTERVALS or not 0 < count <= MOST_BARS:
            raise GiveUp(f"bybit: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        client, raw = self._link.client, self._listing.raw[id]
        spot = self._listing.instruments[id].kind is Kind.SPOT
        method = client.public_get_v5_market_kline if spot else client.public_get_v5_market_index_price_kline
        # One bar more runs still, and one more may have closed a moment ago.
        params = {
            "category": category_of(id.symbol).value,
            "symbol": raw,
            "interval": INTERVALS[interval_ms],
            "limit": count + 2,
        }
        closed_by = self._link.venue_now() - SETTLED_MS

        def understand(payload: Any) -> tuple[Candle, ...]:
            told = _read_bars(read_envelope(payload).result)
            if told.symbol != raw:
                raise ValueError(f"the bars of {told.symbol} came as an answer about {raw}")
            return closed_bars(_read_rows(told.rows)[::-1], interval_ms, count, closed_by)

        return await self._link.asker.need(
            "candles", lambda: method(dict(params)), understand, host=host_of(self._link), lane=Lane.DATA
        )

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it: the venue changes how often that is. Raises AskAgain where the
        newest is missing or the times do not follow each other.
        """
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"bybit: funding rates: {count} are not to be had.")
        asked_at, raw = self._link.venue_now(), self._listing.raw[id]
        found: list[_Settled] = []
        while len(found) <= count:  # the first only says since when the second paid
            page = await self._page(id, raw, found[-1].fundingRateTimestamp - 1 if found else None)
            found += page
            if len(page) < _RATES:
                break
        try:
            rates = [Settled(row.fundingRateTimestamp, row.fundingRate, row.symbol) for row in reversed(found)]
            return settlements(rates, raw, asked_at)[-count:]
        except ValueError as problem:
            raise AskAgain(f"bybit: funding rates: the answer is not believed: {problem}.") from None

    async def _page(self, id: InstrumentId, raw: str, until_at: int | None) -> list[_Settled]:
        """A page of settlements before a moment, the newest first."""
        params = {"category": category_of(id.symbol).value, "symbol": raw, "limit": _RATES}
        if until_at is not None:
            params["endTime"] = until_at

        def understand(payload: Any) -> list[_Settled]:
            rows = [_read_settled(row) for row in rows_of(payload)]
            if any(row.symbol != raw for row in rows):
                raise ValueError(f"rates of another contract came as an answer about {raw}")
            if until_at is not None and any(row.fundingRateTimestamp > until_at for row in rows):
                raise ValueError("a page repeats")
            return rows

        method = self._link.client.public_get_v5_market_funding_history
        return await self._link.asker.need(
            "funding rates", lambda: method(dict(params)), understand, host=host_of(self._link), lane=Lane.DATA
        )
