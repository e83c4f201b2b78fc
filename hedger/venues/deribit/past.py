"""The past on Deribit: closed bars, and what perpetuals paid, each in one request and each proven whole.

The venue has no bars of an index: `public/get_index_chart_data` tells single prices over ranges that it chooses. So
bars are those of the perpetual of the same family, which trades close to it; where nothing traded they stand still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.venues.asking import Understand
from hedger.venues.bars import LATE_MS, SETTLED_MS, Row, closed_span, full_hour, whole
from hedger.venues.deribit.codes import REST
from hedger.venues.deribit.names import index_perpetual
from hedger.venues.deribit.parse import FUNDING_INTERVAL_MS
from hedger.venues.deribit.payloads import result_of
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Moment, Number, Payload, Positive

# The lengths of bars that the venue has, the longest first; others are put together of these.
_MINUTES = (1_440, 720, 360, 180, 120, 60, 30, 15, 10, 5, 3, 1)
RESOLUTIONS: Mapping[int, str] = MappingProxyType(
    {length * MINUTE_MS: "1D" if length == 1_440 else str(length) for length in _MINUTES}
)
MOST_BARS = 5_000
# Hourly rates in one answer: 31 days.
MOST_HOURS = 744
MOST_RATES = MOST_HOURS // 8 - 1


class _Chart(Payload):
    """`public/get_tradingview_chart_data`: columns of one length, oldest first."""

    status: Literal["ok", "no_data"]
    ticks: tuple[Moment, ...]
    open: tuple[Positive, ...]
    high: tuple[Positive, ...]
    low: tuple[Positive, ...]
    close: tuple[Positive, ...]


class _Hour(Payload):
    """One row of `public/get_funding_rate_history`: `interest_8h` is what the eight hours until then came to."""

    timestamp: Moment
    interest_8h: Number


_read_chart: Understand[_Chart] = result_of(_Chart)
_read_hours: Understand[list[_Hour]] = result_of(list[_Hour])


class PastReader:
    """Reads bars and funding rates, on the lane that nothing else waits behind."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars, oldest first. Raises GiveUp for bars that cannot be had in one request,
        AskAgain for a list that is not whole."""
        part_ms = next((length for length in RESOLUTIONS if interval_ms > 0 and interval_ms % length == 0), 0)
        if not part_ms or not 0 < count * (interval_ms // part_ms) <= MOST_BARS:
            raise GiveUp(f"deribit: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        first_at, newest_at = closed_span(interval_ms, count, self._link.venue_now() - SETTLED_MS)
        last_at = newest_at + interval_ms - 1
        params = {
            "instrument_name": index_perpetual(self._listing.raw[id]),
            "resolution": RESOLUTIONS[part_ms],
            "start_timestamp": first_at,
            "end_timestamp": last_at,
        }
        client = self._link.client

        def understand(payload: Any) -> tuple[Candle, ...]:
            bars = whole(_bars_of(payload), part_ms, first_at, last_at)
            parts = interval_ms // part_ms
            return tuple(_joined(bars[n : n + parts]) for n in range(0, len(bars), parts))

        return await self._link.asker.need(
            "candles",
            lambda: client.public_get_get_tradingview_chart_data(params),
            understand,
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What a perpetual paid in each of the last `count` spans of eight hours (at most 92, fewer of a young one),
        oldest first. Raises AskAgain where the newest is missing or the hours do not follow each other."""
        if count <= 0:
            raise GiveUp(f"deribit: funding rates: {count} are not to be had.")
        count, client, asked_at = min(count, MOST_RATES), self._link.client, self._link.venue_now()
        params = {
            "instrument_name": self._listing.raw[id],
            "start_timestamp": asked_at - (count + 1) * FUNDING_INTERVAL_MS,
            "end_timestamp": asked_at,
        }
        return await self._link.asker.need(
            "funding rates",
            lambda: client.public_get_get_funding_rate_history(params),
            lambda payload: _settled(_read_hours(payload), asked_at)[-count:],
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )


def _bars_of(payload: Any) -> Iterable[Row]:
    chart = _read_chart(payload)
    return zip(chart.ticks, chart.open, chart.high, chart.low, chart.close, strict=True)


def _joined(bars: Sequence[Candle]) -> Candle:
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    return Candle(opened_at=bars[0].opened_at, open=bars[0].open, high=high, low=low, close=bars[-1].close)


def _settled(hours: Sequence[_Hour], asked_at: int) -> tuple[FundingRate, ...]:
    """The rate of each span of eight hours that ends at 00:00, 08:00 or 16:00 UTC."""
    times = [full_hour(hour.timestamp, LATE_MS) for hour in hours]
    if any(after - before != HOUR_MS for before, after in pairwise(times)):
        raise ValueError("hours are missing, come twice or out of order")
    newest = (asked_at - LATE_MS) // FUNDING_INTERVAL_MS * FUNDING_INTERVAL_MS
    if newest not in times or times[-1] > asked_at + LATE_MS:
        raise ValueError(f"the newest settlement, that of {newest}, is missing, or hours are told that have not been")
    if any(abs(hour.interest_8h) >= 1 for hour in hours):
        raise ValueError("a rate is no rate")
    return tuple(
        FundingRate(rate=hour.interest_8h, interval_ms=FUNDING_INTERVAL_MS, settled_at=at)
        for hour, at in zip(hours, times, strict=True)
        if at % FUNDING_INTERVAL_MS == 0
    )
