"""What the exchange calls its contracts and options, and on which days they end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.model.option import OptionType

HOUR_OF_EXPIRY = 8  # UTC
QUARTERS = (3, 6, 9, 12)
UNIFIED = re.compile(
    r"(?P<base>[A-Z0-9]+)/(?P<quote>[A-Z]+)"
    r"(:(?P<settle>[A-Z0-9]+)(-(?P<day>\d{6})(-(?P<strike>\d+(\.\d+)?)-(?P<type>[CP]))?)?)?"
)


class Terms(NamedTuple):
    """What a unified symbol says: a pair has no `settle`, a perpetual no `expiry_at`, and only an option a strike."""

    base: str
    quote: str
    settle: str | None
    expiry_at: int | None
    strike: Decimal | None
    option_type: OptionType | None

    @property
    def payoff(self) -> Payoff:
        """Inverse is what settles in its coin."""
        return Payoff.INVERSE if self.settle == self.base else Payoff.LINEAR


def terms_of(symbol: str) -> Terms:
    """`BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-261225`, `BTC/USD:BTC-261225-80000-C`; GiveUp for another form."""
    match = UNIFIED.fullmatch(symbol)
    if match is None or match["settle"] not in (None, match["base"], match["quote"]):
        raise GiveUp(f"The paper exchange does not trade {symbol!r}.")
    day, strike = match["day"], match["strike"]
    return Terms(
        base=match["base"],
        quote=match["quote"],
        settle=match["settle"],
        expiry_at=_expiry(symbol, day) if day is not None else None,
        strike=Decimal(strike) if strike is not None else None,
        option_type=(OptionType.CALL if match["type"] == "C" else OptionType.PUT) if strike is not None else None,
    )


def unified_contract(base: str, quote: str, settle: str, expiry_at: int | None) -> str:
    """`BTC/USD:BTC`, or with its day `BTC/USD:BTC-261225`."""
    return f"{base}/{quote}:{settle}" + (f"-{day_of(expiry_at)}" if expiry_at is not None else "")


def _expiry(symbol: str, day: str) -> int:
    try:
        moment = datetime.strptime(day, "%y%m%d").replace(hour=HOUR_OF_EXPIRY, tzinfo=UTC)
    except ValueError:
        raise GiveUp(f"{symbol!r} names no day.") from None
    return int(moment.timestamp()) * 1000


def contract_name(base: str, quote: str, payoff: Payoff, expiry_at: int | None) -> str:
    """`BTCUSDT`, `BTCUSD_PERP`, `BTCUSDT_261225`, `BTCUSD_261225`."""
    if expiry_at is not None:
        return f"{base}{quote}_{day_of(expiry_at)}"
    return f"{base}{quote}_PERP" if payoff is Payoff.INVERSE else f"{base}{quote}"


def option_name(base: str, quote: str, expiry_at: int, strike: Decimal, option_type: OptionType) -> str:
    """`BTCUSD-261225-80000-C`."""
    return f"{base}{quote}-{day_of(expiry_at)}-{strike:f}-{option_type.value[0].upper()}"


def day_of(expiry_at: int) -> str:
    """The UTC day of an instant (ms since 1970), as `261225`."""
    return datetime.fromtimestamp(expiry_at / 1000, UTC).strftime("%y%m%d")


def quarters(after_at: int, count: int = 2) -> tuple[int, ...]:
    """The next quarterly expiries after an instant: 08:00 UTC on the last Fridays of March, June and so on (ms)."""
    found: list[int] = []
    month = datetime.fromtimestamp(after_at / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while len(found) < count:
        following = (month + timedelta(days=32)).replace(day=1)
        last = following - timedelta(days=1)
        friday = last - timedelta(days=(last.weekday() - 4) % 7)
        at = int(friday.replace(hour=HOUR_OF_EXPIRY).timestamp()) * 1000
        if month.month in QUARTERS and at > after_at:
            found.append(at)
        month = following
    return tuple(found)
