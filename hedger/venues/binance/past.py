"""The past on Binance: closed bars of an index, and what perpetuals paid, each in one request and each proven whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.binance.doors import public
from hedger.venues.binance.names import api_of
from hedger.venues.binance.parse import HOUR_MS
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Moment, Name, Number, Payload, Positive, reader

MINUTE_MS = 60_000
INTERVALS: Mapping[int, str] = MappingProxyType(
    {
        MINUTE_MS: "1m",
        3 * MINUTE_MS: "3m",
        5 * MINUTE_MS: "5m",
        15 * MINUTE_MS: "15m",
        30 * MINUTE_MS: "30m",
        HOUR_MS: "1h",
        2 * HOUR_MS: "2h",
        4 * HOUR_MS: "4h",
        6 * HOUR_MS: "6h",
        8 * HOUR_MS: "8h",
        12 * HOUR_MS: "12h",
        24 * HOUR_MS: "1d",
    }
)
MOST_BARS, MOST_RATES = 998, 999
# A bar counts as closed when it has been over for this long: the venue computes the last of its prices first.
SETTLED_MS = 2_000
# How late a settlement may be told, and how far from its full hour.
LATE_MS, JITTER_MS = 10 * MINUTE_MS, 5 * MINUTE_MS
PAID_EVERY_HOURS = (1, 2, 4, 8)


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
            lambda payload: _settlements(_read_settled(payload), raw, asked_at)[-count:],
            host=self._link.hosts[api],
            lane=Lane.DATA,
        )


def _closed_bars(rows: Sequence[_Row], interval_ms: int, count: int, closed_by: int) -> tuple[Candle, ...]:
    """The last `count` bars that closed before `closed_by`; ValueError where one is missing or cannot be."""
    newest_at = closed_by // interval_ms * interval_ms - interval_ms
    first_at = newest_at - (count - 1) * interval_ms
    wanted = [row for row in rows if first_at <= row.opened_at <= newest_at]
    if [row.opened_at for row in wanted] != list(range(first_at, newest_at + 1, interval_ms)):
        raise ValueError(f"of {count} bars up to that of {newest_at}, a bar is missing, comes twice or out of order")
    for row in wanted:
        inside = row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        if not inside or row.closes_at != row.opened_at + interval_ms - 1:
            raise ValueError(f"the bar of {row.opened_at} cannot be")
    return tuple(
        Candle(opened_at=row.opened_at, open=row.open, high=row.high, low=row.low, close=row.close) for row in wanted
    )


def _settlements(rows: Sequence[_Settled], raw: str, asked_at: int) -> tuple[FundingRate, ...]:
    """Every settlement but the first, with the time that it paid for; ValueError where one is missing or cannot be."""
    if any(row.symbol != raw for row in rows):
        raise ValueError(f"rates of another contract came as an answer about {raw}")
    times = [_full_hour(row.fundingTime) for row in rows]
    spans = [after - before for before, after in pairwise(times)]
    if not spans or any(span not in (hours * HOUR_MS for hours in PAID_EVERY_HOURS) for span in spans):
        raise ValueError("settlements are missing, come twice or out of order")
    if not -JITTER_MS <= asked_at - times[-1] <= max(spans[-1], 8 * HOUR_MS) + LATE_MS:
        raise ValueError(f"the newest settlement is that of {times[-1]}")
    if any(abs(row.fundingRate) >= Decimal(1) for row in rows):
        raise ValueError("a rate is no rate")
    return tuple(
        FundingRate(rate=row.fundingRate, interval_ms=span, settled_at=at)
        for row, at, span in zip(rows[1:], times[1:], spans, strict=True)
    )


def _full_hour(at: int) -> int:
    """The hour that a settlement belongs to: it happens some milliseconds after it."""
    hour = (at + HOUR_MS // 2) // HOUR_MS * HOUR_MS
    if abs(at - hour) > JITTER_MS:
        raise ValueError(f"a settlement at {at} is at no full hour")
    return hour
