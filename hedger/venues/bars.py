"""The past, proven whole: closed bars without a hole, and past funding rates of which each says what it paid for.

Pure functions over rows that a venue told, oldest first: whoever reads a venue that tells them otherwise sorts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from hedger.model.market import Candle, FundingRate
from hedger.model.spans import HOUR_MS, MINUTE_MS
from hedger.venues.wire import Moment, Positive, TextMoment

# A bar counts as closed when it has been over for this long: the venue computes the last of its prices first.
SETTLED_MS = 2_000
# How late a settlement may be told, and how far from its full hour.
LATE_MS, JITTER_MS = 10 * MINUTE_MS, 5 * MINUTE_MS
# How often most venues settle a perpetual.
PAID_EVERY_HOURS = (1, 2, 4, 8)
_UNIT_MS: Mapping[str, int] = MappingProxyType({"m": MINUTE_MS, "h": HOUR_MS, "d": 24 * HOUR_MS})

# When a bar began (venue's time, ms since 1970), its open, high, low and close.
Row = tuple[int, Decimal, Decimal, Decimal, Decimal]


class _Columns(NamedTuple):
    opened_at: Moment
    open: Positive
    high: Positive
    low: Positive
    close: Positive


class _TextColumns(NamedTuple):
    opened_at: TextMoment
    open: Positive
    high: Positive
    low: Positive
    close: Positive


def _first_five(row: object) -> object:
    return tuple(row[:5]) if isinstance(row, list) else row


# A bar that is told as a list, up to what we need of it: its time is a number, or in the second also a text.
Columns = Annotated[_Columns, BeforeValidator(_first_five)]
TextColumns = Annotated[_TextColumns, BeforeValidator(_first_five)]


class Settled(NamedTuple):
    """One past settlement as it was told: when (ms since 1970), the rate, and the venue's name of the contract."""

    at: int
    rate: Decimal
    raw: str


def by_length(*names: str) -> Mapping[int, str]:
    """Names of intervals like `5m`, `4h` and `1d`, by the length of such a bar in milliseconds."""
    return MappingProxyType({int(name[:-1]) * _UNIT_MS[name[-1]]: name for name in names})


def closed_span(interval_ms: int, count: int, closed_by: int) -> tuple[int, int]:
    """When the first and the newest began of the last `count` bars that closed before `closed_by`."""
    newest_at = closed_by // interval_ms * interval_ms - interval_ms
    return newest_at - (count - 1) * interval_ms, newest_at


def closed_bars(rows: Iterable[Row], interval_ms: int, count: int, closed_by: int) -> tuple[Candle, ...]:
    """The last `count` bars that closed before `closed_by`; ValueError where one is missing or cannot be."""
    return whole(rows, interval_ms, *closed_span(interval_ms, count, closed_by))


def whole(rows: Iterable[Row], interval_ms: int, first_at: int, last_at: int) -> tuple[Candle, ...]:
    """Every bar that began from `first_at` to `last_at`; ValueError where one is missing or cannot be.

    The rows come oldest first; those before and after are of no matter.
    """
    wanted = [
        Candle(opened_at=at, open=begun, high=high, low=low, close=close)
        for at, begun, high, low, close in rows
        if first_at <= at <= last_at
    ]
    due = range(first_at, last_at + 1, interval_ms)
    if [bar.opened_at for bar in wanted] != list(due):
        raise ValueError(f"of {len(due)} bars up to that of {due[-1]}, a bar is missing, comes twice or out of order")
    for bar in wanted:
        if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise ValueError(f"the bar of {bar.opened_at} cannot be")
    return tuple(wanted)


def settlements(
    told: Sequence[Settled], raw: str, asked_at: int, every_hours: Sequence[int] = PAID_EVERY_HOURS
) -> tuple[FundingRate, ...]:
    """Every settlement of a contract but the first, with the time that it paid for: that since the one before it.

    They come oldest first. ValueError where one is of another contract, missing or cannot be, where the newest is not
    that of `asked_at`, and where two are apart by what is none of `every_hours`.
    """
    if any(row.raw != raw for row in told):
        raise ValueError(f"rates of another contract came as an answer about {raw}")
    times = [full_hour(row.at) for row in told]
    spans = [after - before for before, after in pairwise(times)]
    if not spans or any(span not in (hours * HOUR_MS for hours in every_hours) for span in spans):
        raise ValueError("settlements are missing, come twice or out of order")
    if not -JITTER_MS <= asked_at - times[-1] <= max(spans[-1], 8 * HOUR_MS) + LATE_MS:
        raise ValueError(f"the newest settlement is that of {times[-1]}")
    if any(abs(row.rate) >= 1 for row in told):
        raise ValueError("a rate is no rate")
    return tuple(
        FundingRate(rate=row.rate, interval_ms=span, settled_at=at)
        for row, at, span in zip(told[1:], times[1:], spans, strict=True)
    )


def full_hour(at: int, within_ms: int = JITTER_MS) -> int:
    """The hour that a settlement belongs to: it happens some milliseconds after it. ValueError where it is too far."""
    hour = (at + HOUR_MS // 2) // HOUR_MS * HOUR_MS
    if abs(at - hour) > within_ms:
        raise ValueError(f"a settlement at {at} is at no full hour")
    return hour
