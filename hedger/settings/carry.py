"""The settings of carry: which of a hedge's instruments is traded, and when a dated one is left for the next."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from hedger.engine.known.policy import ChoiceRule
from hedger.settings.table import Table
from hedger.settings.values import Number, Switch


def _whole_hours(days: Decimal) -> Decimal:
    if days * 24 % 1:
        raise ValueError("must be a whole number of hours: 0.5 is twelve, 0.25 six")
    return days


Days = Annotated[Number, Field(gt=0, le=365), AfterValidator(_whole_hours)]


class CarrySettings(Table):
    """What decides among several instruments, and the roll of dated contracts."""

    rule: ChoiceRule = Field(
        default=ChoiceRule.PREFERENCE,
        description="Which instrument is traded: the first of the list (preference), or the one that is expected to "
        "earn most (carry).",
    )
    horizon_days: Days = Field(
        default=Decimal(30),
        description="Over how long an instrument is expected to be held: a switch must earn its cost in that, in days.",
    )
    hysteresis: Number = Field(
        default=Decimal("0.02"),
        ge=0,
        le=1,
        description="By how much a year another instrument must beat the one that is held, beyond the cost of the "
        "switch: 0.02 is 2 %.",
    )
    risk_premium: Number = Field(
        default=Decimal(0),
        ge=0,
        le=100,
        description="What one standard deviation of the horizon's funding weighs against a perpetual, a year; 0 is "
        "nothing.",
    )
    moves: Switch = Field(
        default=False,
        description="Whether what is held follows to the better instrument slice by slice; else only what is added.",
    )
    roll_before_days: Days = Field(
        default=Decimal(2),
        description="How long before its expiry a dated contract is left for the next one of the list, in days.",
    )
    roll_spread: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Roll earlier where the spread to the next dated contract beats the near one's own basis by "
        "this much a year; without it, never.",
    )
