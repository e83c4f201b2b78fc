"""Prices and instants as an owner writes them: absolute, or relative to the start of a paper world."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from hedger.model.numeric import plain

# Every paper world starts at 07:40 UTC on 1 January 2026, twenty minutes before funding is settled and daily contracts
# end, with these prices in USDT.
PAPER_START_AT = 1_767_253_200_000
PAPER_PRICES = {"BTC": Decimal(60_000), "ETH": Decimal(3_000), "SOL": Decimal(150), "XRP": Decimal("0.6")}

PRICE_PATTERN = r"^(0|[1-9][0-9]*)(\.[0-9]+)?%?$"
INSTANT_PATTERN = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z|[1-9][0-9]{0,4} (days?|hours?|minutes?))$"
)
_UNITS_MS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000}
_INSTANT = re.compile(INSTANT_PATTERN)


def _as_text(value: object) -> object:
    """A number as it was written; booleans are no numbers."""
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return plain(Decimal(repr(value) if isinstance(value, float) else value))
    return value


PriceText = Annotated[str, BeforeValidator(_as_text), Field(pattern=PRICE_PATTERN, max_length=30)]
InstantText = Annotated[str, Field(pattern=INSTANT_PATTERN)]


def price_is_relative(text: str) -> bool:
    """Whether a price is a percentage of a starting price."""
    return text.endswith("%")


def instant_is_relative(text: str) -> bool:
    """Whether an instant is counted from the start."""
    return not text.endswith("Z")


def price_of(text: str, start_price: Decimal) -> Decimal:
    """A price in quote; "105%" is that much of `start_price`."""
    return start_price * Decimal(text[:-1]) / 100 if price_is_relative(text) else Decimal(text)


def instant_of(text: str, start_at: int) -> int:
    """An instant in ms since 1970; "14 days" is so long after `start_at`. Raises ValueError for a day that is none."""
    if instant_is_relative(text):
        count, unit = text.split()
        return start_at + int(count) * _UNITS_MS[unit.rstrip("s")]
    return int(datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp()) * 1000
