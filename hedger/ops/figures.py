"""Numbers and instants as people read them: thousands apart, a real minus, spans in words, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hedger.model.numeric import plain

MINUS = "\N{MINUS SIGN}"
_SPANS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def coins(value: Decimal, *, signed: bool = False) -> str:
    """A quantity with as many places as its size deserves, no trailing zeros: `1,204.5`, `0.0123`."""
    size = abs(value)
    places = 2 if size >= 1_000 else 4 if size >= 1 else 8 if size < Decimal("0.001") else 6
    return _dressed(_trimmed(f"{size:,.{places}f}"), value, signed=signed)


def price(value: Decimal) -> str:
    """A price with all of its own digits and at least two places: `64,123.40`."""
    digits = plain(abs(value))
    places = len(digits.partition(".")[2])
    return _dressed(f"{abs(value):,.{max(places, 2)}f}", value, signed=False)


def money(value: Decimal, *, signed: bool = False) -> str:
    """An amount of quote currency with two places."""
    return _dressed(f"{abs(value):,.2f}", value, signed=signed)


def paid_words(value: Decimal) -> str:
    """What was paid (−) or received (+), as a word beside the amount: `25.12 paid`."""
    digits = money(abs(value))
    if not digits.strip("0.,"):
        return digits
    return f"{digits} {'paid' if value < 0 else 'received'}"


def percent(ratio: Decimal, *, places: int = 2, signed: bool = False) -> str:
    """A ratio as a percentage: 0.1234 is `12.34 %`."""
    return f"{_dressed(f'{abs(ratio) * 100:,.{places}f}', ratio, signed=signed)} %"


def bps(value: Decimal, *, signed: bool = True) -> str:
    """Basis points with one place."""
    return f"{_dressed(f'{abs(value):,.1f}', value, signed=signed)} bp"


def span(ms: int) -> str:
    """A length of time in its two largest units: `2.4 s`, `3 min 20 s`, `1 d 4 h`."""
    if ms < 10_000:
        return f"{max(ms, 0) / 1000:.1f} s"
    left = ms // 1000
    parts: list[tuple[int, str]] = []
    for unit, seconds in _SPANS:
        count, left = divmod(left, seconds)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def instant(ms: int) -> str:
    """A moment for a person: `2026-03-01 12:00:00 UTC`."""
    return f"{_utc(ms):%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(ms: int) -> str:
    """The time of day in UTC: `12:00:00`."""
    return f"{_utc(ms):%H:%M:%S}"


def iso(ms: int) -> str:
    """A moment for a machine, in UTC with milliseconds: `2026-03-01T12:00:00.250Z`."""
    return f"{_utc(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _dressed(digits: str, value: Decimal, *, signed: bool) -> str:
    """The digits with their sign; what rounds to nothing has none."""
    if not digits.strip("0.,"):
        return digits
    if value < 0:
        return MINUS + digits
    return f"+{digits}" if signed else digits
