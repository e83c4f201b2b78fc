"""What Bybit calls a pair or a contract, and in which category it is: from the unified symbol alone, and back.

    BTC/USDT                BTCUSDT          spot
    BTC/USDT:USDT           BTCUSDT          linear
    BTC/USDC:USDC           BTCPERP          linear
    BTC/USDT:USDT-260626    BTCUSDT-26JUN26  linear
    BTC/USDC:USDC-260626    BTC-26JUN26      linear
    BTC/USD:BTC             BTCUSD           inverse
    BTC/USD:BTC-260626      BTCUSDM26        inverse

The venue's listing says the names of what is listed; these are for what is not, and for who has no listing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from hedger.model.expiry_day import expiry_day

_MONTH_CODES = "FGHJKMNQUVXZ"
_BEFORE = re.compile(r"(1(?:0{3,7}))([A-Z].*)", re.ASCII)
_BEHIND = re.compile(r"([A-Z]+)(1(?:0{3,7}))", re.ASCII)


class Category(StrEnum):
    """Bybit's product types."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"
    OPTION = "option"


def category_of(symbol: str) -> Category:
    """The category of a unified symbol of a pair, a perpetual or a dated contract."""
    pair, _, settle = symbol.partition(":")
    if not settle:
        return Category.SPOT
    return Category.INVERSE if settle.partition("-")[0] == pair.partition("/")[0] else Category.LINEAR


def raw_name(symbol: str) -> str:
    """The venue's name of a unified symbol of a pair, a perpetual or a dated contract."""
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    day = expiry_day(symbol)
    if category_of(symbol) is Category.INVERSE:
        return f"{base}{quote}" if day is None else f"{base}{quote}{_MONTH_CODES[day.month - 1]}{day:%y}"
    if settle.startswith("USDC"):
        return f"{base}PERP" if day is None else f"{base}-{day:%d%b%y}".upper()
    return f"{base}{quote}" if day is None else f"{base}{quote}-{day:%d%b%y}".upper()


def unified(base: str, quote: str, settle: str, expiry_at: int | None) -> str:
    """The unified symbol of a contract, as the client makes it."""
    day = "" if expiry_at is None else f"-{datetime.fromtimestamp(expiry_at / 1000, UTC):%y%m%d}"
    return f"{base}/{quote}:{settle}{day}"


def split_multiplier(asset: str) -> tuple[str, Decimal]:
    """`1000PEPE` is (`PEPE`, 1000), and so is `SHIB1000` (`SHIB`, 1000): the coin, and how many of it one unit is."""
    before, behind = _BEFORE.fullmatch(asset), _BEHIND.fullmatch(asset)
    if before is not None:
        return before[2], Decimal(before[1])
    if behind is not None:
        return behind[1], Decimal(behind[2])
    return asset, Decimal(1)
