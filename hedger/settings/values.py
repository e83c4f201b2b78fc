"""The kinds of value that a setting may have: exact, finite, bounded, and never guessed from something else."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from hedger.settings.relative import INSTANT_PATTERN, PRICE_PATTERN

PAPER_COINS = ("BTC", "ETH", "SOL", "XRP")

LARGEST = Decimal(10) ** 12
SHORTEST_SWITCH_S = 10
NUMBER_PATTERN = r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?"
_NUMBER = re.compile(NUMBER_PATTERN)
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")


def _exact(value: object) -> object:
    """A number as it was written: booleans and clever notations of text are refused."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a plain number such as 0.01")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not true or false")
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number such as 20")
    return value


def _switch(value: object) -> object:
    """True or false, spelt out: `yes`, `on` and `1` mean different things to different readers."""
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _listed(value: object) -> object:
    """One text stands for a list of one; commas part several, as in an environment variable."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _whole_milliseconds(seconds: Decimal) -> Decimal:
    if seconds * 1000 % 1:
        raise ValueError("must have at most three decimals: time is counted in milliseconds")
    return seconds


def _switch_span(seconds: Decimal) -> Decimal:
    if 0 < seconds < SHORTEST_SWITCH_S:
        raise ValueError(f"must be 0 (off) or at least {SHORTEST_SWITCH_S}: a shorter switch fires by itself")
    return seconds


class VenueName(StrEnum):
    """The venues that an account may be on."""

    BINANCE = "binance"
    BYBIT = "bybit"
    BINGX = "bingx"
    WEEX = "weex"
    MEXC = "mexc"
    OKX = "okx"
    DERIBIT = "deribit"


Number = Annotated[Decimal, BeforeValidator(_exact)]
Whole = Annotated[int, BeforeValidator(_whole)]
Switch = Annotated[bool, BeforeValidator(_switch)]

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1)]
Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}$")]
AccountName = Annotated[str, Field(pattern=r"^[a-z](_?[a-z0-9]){0,15}$")]
BotTag = Annotated[str, Field(pattern=r"^[0-9a-z]{3}$")]

Span = Annotated[Number, Field(gt=0, le=86_400), AfterValidator(_whole_milliseconds)]
SpanOrZero = Annotated[Number, Field(ge=0, le=86_400), AfterValidator(_whole_milliseconds)]
SwitchSpan = Annotated[Number, Field(ge=0, le=600), AfterValidator(_whole_milliseconds), AfterValidator(_switch_span)]
Milliseconds = Annotated[Whole, Field(ge=10, le=60_000)]
BasisPoints = Annotated[Number, Field(gt=0, le=10_000)]
Quantity = Annotated[Number, Field(gt=0, le=LARGEST)]
QuantityOrZero = Annotated[Number, Field(ge=0, le=LARGEST)]
Notional = Annotated[Number, Field(gt=0, le=LARGEST)]
Share = Annotated[Number, Field(gt=0, le=1)]

PATTERN_MEANINGS = {
    PRICE_PATTERN: 'must be a price, such as 55000, or a percentage of the starting price, such as "105%"',
    INSTANT_PATTERN: 'must be an instant, such as "2026-06-26T08:00Z", or a span, such as "14 days"',
    r"^[^\x00-\x1f\x7f]+$": "must be text without control characters",
    r"^[A-Z0-9]{1,20}$": "must be a coin in capitals, such as BTC",
    r"^[a-z](_?[a-z0-9]){0,15}$": "must be called in small letters, digits and single underscores, such as main",
    r"^[0-9a-z]{3}$": "must be three characters of 0-9a-z",
}
