"""The past on OKX: closed bars of an index, and what perpetuals paid, each proven whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import InstrumentId
from hedger.model.market import Candle, FundingRate
from hedger.venues.asking import Understand
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import REST
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.marks import HOUR_MS, PAID_EVERY_HOURS
from hedger.venues.okx.payloads import rows_as
from hedger.venues.wire import Name, Number, Payload, Positive, TextMoment

MINUTE_MS = 60_000
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
MOST_BARS, MOST_RATES = 1_000, 399
# A bar counts as closed when it has been over for this long.
SETTLED_MS = 2_000
LATE_MS, JITTER_MS = 10 * MINUTE_MS, 5 * MINUTE_MS


class _Row(NamedTuple):
    """One bar, up to what we need of it."""

    opened_at: TextMoment
    open: Positive
    high: Positive
    low: Positive
    close: Positive


class _Settled(Payload):
    """One row of `GET /public/funding-rate-history`."""

    instId: Name
    realizedRate: Number
    fundingTime: TextMoment


def _needed(row: object) -> object:
    return tuple(row[: len(_Row._fields)]) if isinstance(row, list) else row


_read_rows: Understand[list[_Row]] = rows_as(Annotated[_Row, BeforeValidator(_needed)])
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
        newest_at = closed_by // interval_ms * interval_ms - interval_ms
        first_at = newest_at - (count - 1) * interval_ms
        rows: list[_Row] = []
        after = newest_at + interval_ms
        while after > first_at:
            rows = [*await self._bars(id, interval_ms, after), *rows]
            # The venue counts the bars before `after`, so each page begins where the one before it must.
            after -= PAGE * interval_ms
        try:
            return _whole(rows, interval_ms, first_at, newest_at)
        except ValueError as problem:
            raise AskAgain(f"okx: candles: {problem}.") from None

    async def _bars(self, id: InstrumentId, interval_ms: int, after: int) -> list[_Row]:
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
            lambda payload: _settlements(_read_settled(payload), raw, asked_at)[-count:],
            host=self._link.hosts[REST],
            lane=Lane.DATA,
        )


def _whole(rows: Sequence[_Row], interval_ms: int, first_at: int, newest_at: int) -> tuple[Candle, ...]:
    """Every bar from the first to the newest; ValueError where one is missing or cannot be."""
    wanted = [row for row in rows if first_at <= row.opened_at <= newest_at]
    if [row.opened_at for row in wanted] != list(range(first_at, newest_at + 1, interval_ms)):
        raise ValueError(f"of the bars up to that of {newest_at}, one is missing, comes twice or out of order")
    for row in wanted:
        if not row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high:
            raise ValueError(f"the bar of {row.opened_at} cannot be")
    return tuple(
        Candle(opened_at=row.opened_at, open=row.open, high=row.high, low=row.low, close=row.close) for row in wanted
    )


def _settlements(rows: Sequence[_Settled], raw: str, asked_at: int) -> tuple[FundingRate, ...]:
    """Every settlement but the first, with the time that it paid for; ValueError where one is missing or cannot be."""
    if any(row.instId != raw for row in rows):
        raise ValueError(f"rates of another contract came as an answer about {raw}")
    rows = sorted(rows, key=lambda row: row.fundingTime)
    times = [_full_hour(row.fundingTime) for row in rows]
    spans = [after - before for before, after in pairwise(times)]
    if not spans or any(span not in (hours * HOUR_MS for hours in PAID_EVERY_HOURS) for span in spans):
        raise ValueError("settlements are missing or come twice")
    if not -JITTER_MS <= asked_at - times[-1] <= max(spans[-1], 8 * HOUR_MS) + LATE_MS:
        raise ValueError(f"the newest settlement is that of {times[-1]}")
    if any(abs(row.realizedRate) >= Decimal(1) for row in rows):
        raise ValueError("a rate is no rate")
    return tuple(
        FundingRate(rate=row.realizedRate, interval_ms=span, settled_at=at)
        for row, at, span in zip(rows[1:], times[1:], spans, strict=True)
    )


def _full_hour(at: int) -> int:
    """The hour that a settlement belongs to."""
    hour = (at + HOUR_MS // 2) // HOUR_MS * HOUR_MS
    if abs(at - hour) > JITTER_MS:
        raise ValueError(f"a settlement at {at} is at no full hour")
    return hour
