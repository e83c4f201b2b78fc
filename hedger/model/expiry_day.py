"""The day on which a dated contract ends, as its unified symbol says it.

`BTC/USDT:USDT-261225` ends on 25 December 2026; the hour is the venue's. So a contract whose day has come, and that is
not listed, has ended; one whose day has not come and that is not listed never was, or was taken away.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATED = re.compile(r"[^/:]+/[^/:]+:[^/:-]+-(?P<day>[0-9]{6})")


def expiry_day(symbol: str) -> date | None:
    """The day (UTC) on which the contract of a symbol ends; None for what is no dated future."""
    found = _DATED.fullmatch(symbol)
    if found is None:
        return None
    try:
        return datetime.strptime(f"20{found['day']}", "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def day_has_come(symbol: str, now: int) -> bool:
    """Whether `now` (ms since 1970) is on the day on which the contract of a symbol ends, or after it."""
    day = expiry_day(symbol)
    return day is not None and day <= datetime.fromtimestamp(now / 1000, UTC).date()
