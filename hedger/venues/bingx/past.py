"""The past on BingX: closed bars, and what USDT-M perpetuals paid, each in one request and each proven whole.

The venue has no bars of an index. Those of a USDT-M contract are of its mark price; COIN-M has bars of its trades only.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind, Payoff
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Columns, Row, Settled, by_length, closed_bars, settlements
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.payloads import SettledRate
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Payload, Positive, TextMoment

INTERVALS = by_length("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
MOST_BARS, MOST_RATES = 998, 999


class _Bar(Payload):
    """One row of `markPriceKlines` (whose open and close times are the same) or `klines`."""

    open: Positive
    high: Positive
    low: Positive
    close: Positive
    time: TextMoment | None = None
    openTime: TextMoment | None = None


_read_bars: Understand[list[_Bar]] = answered(list[_Bar])
_read_rows: Understand[list[Columns]] = answered(list[Columns])
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
            lambda payload: closed_bars(_bars_of(payload, spot), interval_ms, count, closed_by),
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
            lambda payload: settlements(_rates_of(payload), raw, asked_at)[-count:],
            host=self._link.hosts[API],
            lane=Lane.DATA,
        )


def _bars_of(payload: Any, spot: bool) -> list[Row]:
    """Bars oldest first: the venue tells them newest first, or oldest."""
    found: list[Row] = []
    if spot:
        found += _read_rows(payload)
        return sorted(found)
    for bar in _read_bars(payload):
        opened_at = bar.openTime or bar.time
        if opened_at is None:
            raise ValueError("a bar without a time")
        found.append((opened_at, bar.open, bar.high, bar.low, bar.close))
    return sorted(found)


def _rates_of(payload: Any) -> list[Settled]:
    return sorted(Settled(row.fundingTime, row.fundingRate, row.symbol) for row in _read_settled(payload))
