"""The past on WEEX: closed bars of the index, and what perpetuals paid, each in one request and each proven whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.weex.codes import CONTRACT, SPOT
from hedger.venues.weex.parse import HOUR_MS, MINUTE_MS
from hedger.venues.weex.payloads import Bar, SettledRate
from hedger.venues.wire import reader

INTERVALS: Mapping[int, str] = MappingProxyType(
    {
        MINUTE_MS: "1m",
        5 * MINUTE_MS: "5m",
        15 * MINUTE_MS: "15m",
        30 * MINUTE_MS: "30m",
        HOUR_MS: "1h",
        4 * HOUR_MS: "4h",
        12 * HOUR_MS: "12h",
        24 * HOUR_MS: "1d",
    }
)
MOST_BARS, MOST_PAIR_BARS, MOST_RATES = 998, 298, 999
# A bar counts as closed when it has been over for this long: the venue computes the last of its prices first.
SETTLED_MS = 2_000
# How late a settlement may be told, and how far from its full hour.
LATE_MS, JITTER_MS = 10 * MINUTE_MS, 5 * MINUTE_MS
PAID_EVERY_HOURS = (1, 2, 4, 6, 8, 12, 24)

_read_columns: Understand[list[list[Any]]] = reader(list[list[Any]])
_read_bar: Understand[Bar] = reader(Bar)
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
        most = MOST_PAIR_BARS if spot else MOST_BARS
        if interval_ms not in INTERVALS or not 0 < count <= most:
            raise GiveUp(f"weex: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        client = self._link.client
        method = client.public_get_api_v3_market_klines if spot else client.contract_get_capi_v3_market_indexpriceklines
        # One bar more runs still, and one more may have closed a moment ago.
        params = {"symbol": self._listing.raw[id], "interval": INTERVALS[interval_ms], "limit": count + 2}
        closed_by = self._link.venue_now() - SETTLED_MS
        return await self._link.asker.need(
            "candles",
            partial(method, params),
            lambda payload: _closed_bars(_bars_of(payload), interval_ms, count, closed_by),
            host=self._link.hosts[SPOT if spot else CONTRACT],
            lane=Lane.DATA,
        )

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it. AskAgain where the newest is missing or the times do not follow
        each other.
        """
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"weex: funding rates: {count} are not to be had in one request.")
        raw, asked_at = self._listing.raw[id], self._link.venue_now()
        params = {"symbol": raw, "limit": count + 1}  # the first only says since when the second paid
        return await self._link.asker.need(
            "funding rates",
            partial(self._link.client.contract_get_capi_v3_market_fundingrate, params),
            lambda payload: _settlements(_read_settled(payload), raw, asked_at)[-count:],
            host=self._link.hosts[CONTRACT],
            lane=Lane.DATA,
        )


def _bars_of(payload: Any) -> list[Candle]:
    bars = [_read_bar(tuple(row[:5])) for row in _read_columns(payload)]
    return [Candle(opened_at=b.opened_at, open=b.open, high=b.high, low=b.low, close=b.close) for b in bars]


def _closed_bars(bars: Sequence[Candle], interval_ms: int, count: int, closed_by: int) -> tuple[Candle, ...]:
    """The last `count` bars that closed before `closed_by`; ValueError where one is missing or cannot be."""
    newest_at = closed_by // interval_ms * interval_ms - interval_ms
    first_at = newest_at - (count - 1) * interval_ms
    wanted = sorted((bar for bar in bars if first_at <= bar.opened_at <= newest_at), key=lambda bar: bar.opened_at)
    if [bar.opened_at for bar in wanted] != list(range(first_at, newest_at + 1, interval_ms)):
        raise ValueError(f"of {count} bars up to that of {newest_at}, a bar is missing or comes twice")
    for bar in wanted:
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise ValueError(f"the bar of {bar.opened_at} cannot be")
    return tuple(wanted)


def _settlements(told: Sequence[SettledRate], raw: str, asked_at: int) -> tuple[FundingRate, ...]:
    """Every settlement but the first, with the time that it paid for; ValueError where one is missing or cannot be."""
    if any(row.symbol != raw for row in told):
        raise ValueError(f"rates of another contract came as an answer about {raw}")
    rows = sorted(told, key=lambda row: row.fundingTime)
    times = [_full_hour(row.fundingTime) for row in rows]
    spans = [after - before for before, after in pairwise(times)]
    if not spans or any(span not in (hours * HOUR_MS for hours in PAID_EVERY_HOURS) for span in spans):
        raise ValueError("settlements are missing or come twice")
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
