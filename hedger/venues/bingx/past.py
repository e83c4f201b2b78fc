"""The past on BingX: closed bars, and what USDT-M perpetuals paid, each in one request and each proven whole.

The venue has no bars of an index. Those of a USDT-M contract are of its mark price; COIN-M has bars of its trades only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.parse import HOUR_MS
from hedger.venues.bingx.payloads import SettledRate
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Moment, Payload, Positive, TextMoment, reader

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


class _Bar(Payload):
    """One row of `markPriceKlines` (whose open and close times are the same) or `klines`."""

    open: Positive
    high: Positive
    low: Positive
    close: Positive
    time: TextMoment | None = None
    openTime: TextMoment | None = None


class _Row(NamedTuple):
    """The first columns of a spot bar."""

    opened_at: Moment
    open: Positive
    high: Positive
    low: Positive
    close: Positive


_read_bars: Understand[list[_Bar]] = answered(list[_Bar])
_read_columns: Understand[list[list[Any]]] = answered(list[list[Any]])
_read_row: Understand[_Row] = reader(_Row)
_read_settled: Understand[list[SettledRate]] = answered(list[SettledRate])


class PastReader:
    """Reads bars and funding rates, on the lane that nothing else waits behind."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars: of the mark price of a USDT-M contract, of the trades of anything else.

        Raises GiveUp for bars that the venue does not have, AskAgain for a list that is not whole.
        """
        if interval_ms not in INTERVALS or not 0 < count <= MOST_BARS:
            raise GiveUp(f"bingx: candles: {count} bars of {interval_ms} ms are not to be had in one request.")
        # One bar more runs still, and one more may have closed a moment ago.
        params = {"symbol": self._listing.raw[id], "interval": INTERVALS[interval_ms], "limit": count + 2}
        spot = self._listing.instruments[id].kind is Kind.SPOT
        if spot:
            params["timeZone"] = 0
        closed_by = self._link.venue_now() - SETTLED_MS
        return await self._link.asker.need(
            "candles",
            partial(self._method(id), params),
            lambda payload: _closed_bars(_bars_of(payload, spot), interval_ms, count, closed_by),
            host=self._link.hosts[API],
            lane=Lane.DATA,
        )

    def _method(self, id: InstrumentId) -> Any:
        client, rules = self._link.client, self._listing.instruments[id]
        if rules.kind is Kind.SPOT:
            return client.spot_v1_public_get_market_kline
        if rules.payoff is Payoff.INVERSE:
            return client.cswap_v1_public_get_market_klines
        return client.swap_v1_public_get_market_markpriceklines

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a USDT-M perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it. Raises GiveUp for COIN-M, AskAgain where the newest is missing
        or the times do not follow each other.
        """
        if self._listing.instruments[id].payoff is Payoff.INVERSE:
            raise GiveUp(f"BingX does not tell by API what {id.symbol} paid in the past.")
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"bingx: funding rates: {count} are not to be had in one request.")
        raw, asked_at = self._listing.raw[id], self._link.venue_now()
        params = {"symbol": raw, "limit": count + 1}  # the first only says since when the second paid
        return await self._link.asker.need(
            "funding rates",
            partial(self._link.client.swap_v2_public_get_quote_fundingrate, params),
            lambda payload: _settlements(_read_settled(payload), raw, asked_at)[-count:],
            host=self._link.hosts[API],
            lane=Lane.DATA,
        )


def _bars_of(payload: Any, spot: bool) -> list[Candle]:
    if spot:
        rows = [_read_row(tuple(row[:5])) for row in _read_columns(payload)]
        return [Candle(opened_at=r.opened_at, open=r.open, high=r.high, low=r.low, close=r.close) for r in rows]
    found = []
    for bar in _read_bars(payload):
        opened_at = bar.openTime or bar.time
        if opened_at is None:
            raise ValueError("a bar without a time")
        found.append(Candle(opened_at=opened_at, open=bar.open, high=bar.high, low=bar.low, close=bar.close))
    return found


def _closed_bars(bars: Sequence[Candle], interval_ms: int, count: int, closed_by: int) -> tuple[Candle, ...]:
    """The last `count` bars that closed before `closed_by`; ValueError where one is missing or cannot be. The venue
    tells them newest first, or oldest."""
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
