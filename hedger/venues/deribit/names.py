"""Deribit's names of instruments and ours: each tells all terms of a contract, so that no listing need be asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from hedger.model.expiry_day import expiry_day
from hedger.model.instrument import Payoff
from hedger.model.option import OptionType

EXPIRY_HOUR = 8
# Delivery and expiry are at the average of the index over the last half hour before 08:00 UTC.
SETTLEMENT_MS = 30 * 60_000
_CONTRACT = re.compile(
    r"(?P<base>[A-Z0-9]+)(?:_(?P<quote>[A-Z0-9]+))?-"
    r"(?:PERPETUAL|(?P<day>[0-9]{1,2}[A-Z]{3}[0-9]{2})(?:-(?P<strike>[0-9]+(?:d[0-9]+)?)-(?P<kind>[CP]))?)",
    re.ASCII,
)


class Terms(NamedTuple):
    """What a name says: `expiry_at` is None of a perpetual, `strike` and `option_type` of a future."""

    symbol: str
    underlying: str
    quote: str
    settle: str
    payoff: Payoff
    expiry_at: int | None
    strike: Decimal | None
    option_type: OptionType | None


@lru_cache(maxsize=4_096)
def terms_of(raw: str) -> Terms | None:
    """The terms of a future or an option by the venue's name; None for a pair, a combination, or no name at all.

    `BTC-PERPETUAL` and `BTC-26JUN26` settle in their coin, `BTC_USDC-PERPETUAL` in what it is priced in.
    """
    found = _CONTRACT.fullmatch(raw)
    if found is None:
        return None
    base, quote = found["base"], found["quote"]
    try:
        expiry_at = _expiry(found["day"]) if found["day"] else None
    except ValueError:
        return None
    settle, priced = (quote, quote) if quote else (base, "USD")
    symbol = f"{base}/{priced}:{settle}"
    if expiry_at is not None:
        symbol += f"-{datetime.fromtimestamp(expiry_at / 1000, UTC):%y%m%d}"
    strike = Decimal(found["strike"].replace("d", ".")) if found["strike"] else None
    kind = {"C": OptionType.CALL, "P": OptionType.PUT}.get(found["kind"] or "")
    if strike is not None:
        symbol += f"-{strike:f}-{found['kind']}"
    return Terms(symbol, base, priced, settle, Payoff.LINEAR if quote else Payoff.INVERSE, expiry_at, strike, kind)


def _expiry(day: str) -> int:
    """08:00 UTC of a day such as `3JUL26`, in ms since 1970."""
    moment = datetime.strptime(day.title().zfill(7), "%d%b%y").replace(tzinfo=UTC, hour=EXPIRY_HOUR)
    return int(moment.timestamp() * 1000)


def coin_in(raw: str) -> str:
    """The coin that any name begins with, be the rest understood or not."""
    return raw.split("-", 1)[0].split("_", 1)[0]


def raw_of(symbol: str) -> str:
    """The venue's name of a pair or a future: `BTC/USDC` is BTC_USDC, `BTC/USD:BTC-261225` is BTC-25DEC26."""
    pair, _, rest = symbol.partition(":")
    base, _, quote = pair.partition("/")
    family = base if rest.partition("-")[0] == base else f"{base}_{quote}"
    if not rest:
        return family
    day = expiry_day(symbol)
    return f"{family}-PERPETUAL" if day is None else f"{family}-{day.day}{day.strftime('%b%y').upper()}"


def settle_of(symbol: str) -> str:
    """What the contract of a symbol settles in, by which the venue groups its orders."""
    return symbol.partition(":")[2].partition("-")[0]


def index_perpetual(raw: str) -> str:
    """The perpetual of the same family, which follows the index closest: that of BTC-26JUN26 is BTC-PERPETUAL."""
    return raw if "-" not in raw else f"{raw.split('-', 1)[0]}-PERPETUAL"
