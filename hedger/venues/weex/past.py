"""The past on WEEX: closed bars of the index, and what perpetuals paid, each in one request and each proven whole."""

from __future__ import annotations

from functools import partial
from typing import Any

from hedger.errors import GiveUp
from hedger.model.instrument import InstrumentId, Kind
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Settled, TextColumns, by_length, closed_bars, settlements
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.weex.codes import CONTRACT, SPOT
from hedger.venues.weex.payloads import SettledRate
from hedger.venues.wire import reader

INTERVALS = by_length("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")
MOST_BARS, MOST_PAIR_BARS, MOST_RATES = 998, 298, 999
PAID_EVERY_HOURS = (1, 2, 4, 6, 8, 12, 24)

_read_rows: Understand[list[TextColumns]] = reader(list[TextColumns])
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
            lambda payload: closed_bars(sorted(_read_rows(payload)), interval_ms, count, closed_by),
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
            lambda payload: settlements(_rates_of(payload), raw, asked_at, PAID_EVERY_HOURS)[-count:],
            host=self._link.hosts[CONTRACT],
            lane=Lane.DATA,
        )


def _rates_of(payload: Any) -> list[Settled]:
    return sorted(Settled(row.fundingTime, row.fundingRate, row.symbol) for row in _read_settled(payload))
