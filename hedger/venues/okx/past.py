"""The past on OKX: closed bars of an index, and what perpetuals paid, each proven whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.venues.asking import Understand
from hedger.venues.bars import SETTLED_MS, Settled, TextColumns, closed_span, settlements, whole
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import REST
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.marks import PAID_EVERY_HOURS
from hedger.venues.okx.payloads import rows_as
from hedger.venues.wire import Name, Number, Payload, TextMoment

# From six hours on, a bar begins at midnight in Hong Kong unless UTC is asked for.
INTERVALS: Mapping[int, str] = MappingProxyType(
    {
        MINUTE_MS: "1m",
        3 * MINUTE_MS: "3m",
        5 * MINUTE_MS: "5m",
        15 * MINUTE_MS: "15m",
        30 * MINUTE_MS: "30m",
        HOUR_MS: "1H",
        2 * HOUR_MS: "2H",
        4 * HOUR_MS: "4H",
        6 * HOUR_MS: "6Hutc",
        12 * HOUR_MS: "12Hutc",
        24 * HOUR_MS: "1Dutc",
    }
)
PAGE = 100
# Old bars may be asked for ten times in two seconds, by all who share an address.
BARS_PAUSE_S = 0.45
MOST_BARS, MOST_RATES = 1_000, 399


class _Settled(Payload):
    """One row of `GET /public/funding-rate-history`."""

    instId: Name
    realizedRate: Number
    fundingTime: TextMoment


_read_rows: Understand[list[TextColumns]] = rows_as(TextColumns)
_read_settled: Understand[list[_Settled]] = rows_as(_Settled)


class PastReader:
    """Reads bars and funding rates, on the lane that nothing else waits behind."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars of a contract's index, or of a spot pair's own trades, oldest first.

        Raises GiveUp for bars that the venue does not have, AskAgain for a list that is not whole.
        """
        if interval_ms not in INTERVALS or not 0 < count <= MOST_BARS:
            raise GiveUp(f"okx: candles: {count} bars of {interval_ms} ms are not to be had.")
        closed_by = self._link.venue_now() - SETTLED_MS
        first_at, newest_at = closed_span(interval_ms, count, closed_by)
        rows: list[TextColumns] = []
        after = newest_at + interval_ms
        while after > first_at:
            if after <= newest_at:
                await self._link.clock.sleep(BARS_PAUSE_S)
            rows = [*await self._bars(id, interval_ms, after), *rows]
            # The venue counts the bars before `after`, so each page begins where the one before it must.
            after -= PAGE * interval_ms
        try:
            return whole(rows, interval_ms, first_at, newest_at)
        except ValueError as problem:
            raise AskAgain(f"okx: candles: {problem}.") from None

    async def _bars(self, id: InstrumentId, interval_ms: int, after: int) -> list[TextColumns]:
        """A page of bars that opened before `after`, oldest first: of the newest list where that reaches, for the
        other is made later."""
        client, contract = self._link.client, self._contracts.by_raw.get(self._listing.raw[id])
        newest = after > self._link.venue_now() - PAGE * interval_ms
        if contract is not None:
            old, new = client.public_get_market_history_index_candles, client.public_get_market_index_candles
        else:
            old, new = client.public_get_market_history_candles, client.public_get_market_candles
        params = {
            "instId": contract.index_name if contract is not None else self._listing.raw[id],
            "bar": INTERVALS[interval_ms],
            "after": str(after),
            "limit": str(PAGE),
        }
        rows = await self._link.asker.need(
            "candles", partial(new if newest else old, params), _read_rows, host=self._link.hosts[REST], lane=Lane.DATA
        )
        return sorted(rows)

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid (fewer of a young one), oldest first.

        Each paid for the time since the one before it: the venue changes how often that is. Raises AskAgain where the
        newest is missing or the times do not follow each other.
        """
        if not 0 < count <= MOST_RATES:
            raise GiveUp(f"okx: funding rates: {count} are not to be had in one request.")
        raw, asked_at = self._listing.raw[id], self._link.venue_now()
        # The first only says since when the second paid.
        params = {"instId": raw, "limit": str(count + 1)}
        return await self._link.asker.need(
            "funding rates",
            partial(self._link.client.public_get_public_funding_rate_history, params),
            lambda payload: settlements(_rates_of(payload), raw, asked_at, PAID_EVERY_HOURS)[-count:],
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )


def _rates_of(payload: Any) -> list[Settled]:
    return sorted(Settled(row.fundingTime, row.realizedRate, row.instId) for row in _read_settled(payload))
