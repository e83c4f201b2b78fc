"""How the past is read to measure volatility: which bars, how many, how often, and how fast they are forgotten."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from hedger.engine.formulas.volatility import VolatilityRule
from hedger.settings.table import Table
from hedger.settings.values import Number, Span, Whole

LENGTHS_S = (300, 900, 3_600, 14_400, 86_400)
STALE_POLLS = 3


def _kept(seconds: int) -> int:
    if seconds not in LENGTHS_S:
        raise ValueError(f"must be one of {', '.join(str(length) for length in LENGTHS_S)}")
    return seconds


BarLength = Annotated[Whole, AfterValidator(_kept)]


class VolatilitySettings(Table):
    """What of the past is read, and what it counts for."""

    interval_s: BarLength = Field(
        default=3_600, description="The length of a bar of the index, in seconds: 300, 900, 3600, 14400 or 86400."
    )
    bars: Whole = Field(
        default=720,
        ge=24,
        le=998,
        description="How many closed bars are measured; a venue that has fewer gives none, so a young coin needs less.",
    )
    every_s: Span = Field(
        default=Decimal(3_600),
        ge=60,
        description="Seconds between readings of bars and of past funding rates; older than three of them is stale.",
    )
    half_life_s: Number = Field(
        default=Decimal(432_000),
        ge=300,
        le=10**8,
        description="The age at which a move weighs half as much as the newest one in the EWMA, in seconds.",
    )


def volatility_rule(settings: VolatilitySettings) -> VolatilityRule:
    """How the engine measures by these settings."""
    return VolatilityRule(
        half_life_ms=int(settings.half_life_s * 1000), fresh_ms=STALE_POLLS * int(settings.every_s * 1000)
    )
