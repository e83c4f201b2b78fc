"""The past on Binance: closed bars of an index, and what perpetuals paid, each in one request and each proven whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Settled, by_length, closed_bars, settlements
from hedger.venues.binance.doors import public
from hedger.venues.binance.names import api_of
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Moment, Name, Number, Payload, Positive, reader

INTERVALS = by_length("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
MOST_BARS, MOST_RATES = 998, 999


class _Row(NamedTuple):
    """One row of `GET /fapi/v1/indexPriceKlines` or `GET /api/v3/klines`, up to what we need of it."""

    opened_at: Moment
    open: Positive
    high: Positive
    low: Positive
    close: Positive
    volume: Any
    closes_at: Moment


class _Settled(Payload):
    """One row of `GET /fapi/v1/fundingRate`."""

    symbol: Name
    fundingRate: Number
    fundingTime: Moment


def _needed(row: object) -> object:
    """What a row has beyond its first seven columns is of no use to us."""
    return tuple(row[: len(_Row._fields)]) if isinstance(row, list) else row


_read_rows: Understand[list[_Row]] = reader(list[Annotated[_Row, BeforeValidator(_needed)]])
_read_settled: Understand[list[_Settled]] = reader(list[_Settled])


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
            raise GiveUp(f"binance: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        api, raw = api_of(id.symbol), self._listing.raw[id]
        spot = self._listing.instruments[id].kind is Kind.SPOT
        method = public(self._link, api, "get_klines" if spot else "get_indexpriceklines")
        named = {"symbol": raw} if spot else {"pair": raw.partition("_")[0]}
        # One bar more runs still, and one more may have closed a moment ago.
        params = {**named, "interval": INTERVALS[interval_ms], "limit": count + 2}
        closed_by = self._link.venue_now() - SETTLED_MS
        return await self._link.asker.need(
            "candles",
            lambda: method(params),
            lambda payload: _closed_bars(_read_rows(payload), interval_ms, count, closed_by),
            host=self._link.hosts[api],
            lane=Lane.DATA,
        )

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it: the venue changes how often that is. Raises AskAgain where the
        newest is missing or the times do not follow each other.
        """
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"binance: funding rates: {count} are not to be had in one request.")
        api, raw = api_of(id.symbol), self._listing.raw[id]
        method = public(self._link, api, "get_fundingrate")
        params = {"symbol": raw, "limit": count + 1}  # the first only says since when the second paid
        asked_at = self._link.venue_now()
        return await self._link.asker.need(
            "funding rates",
            lambda: method(params),
            lambda payload: settlements(_rates_of(payload), raw, asked_at)[-count:],
            host=self._link.hosts[api],
            lane=Lane.DATA,
        )


def _closed_bars(rows: Sequence[_Row], interval_ms: int, count: int, closed_by: int) -> tuple[Candle, ...]:
    """The last `count` closed bars, of which each must also end where the next begins."""
    bars = closed_bars((row[:5] for row in rows), interval_ms, count, closed_by)
    wanted = range(bars[0].opened_at, bars[-1].opened_at + 1)
    for row in rows:
        if row.opened_at in wanted and row.closes_at != row.opened_at + interval_ms - 1:
            raise ValueError(f"the bar of {row.opened_at} cannot be")
    return bars


def _rates_of(payload: Any) -> list[Settled]:
    return [Settled(row.fundingTime, row.fundingRate, row.symbol) for row in _read_settled(payload)]
