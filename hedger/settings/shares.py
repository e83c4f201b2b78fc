"""The settings of a hedge on several accounts: how its position is spread, and whether one stands in for another."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from hedger.settings.table import Table
from hedger.settings.values import Number, Switch, Text

Weight = Annotated[Number, Field(ge=0, le=1_000_000)]


class ShareSettings(Table):
    """How the position is spread over the instruments; without this table, the rule of `carry` decides."""

    weights: dict[Text, Weight] = Field(
        min_length=1,
        description='A weight for each instrument: { "one:BTC/USDT:USDT" = 2, "two:BTC/USDT:USDT" = 1 }. One with 0 '
        "is traded only where it stands in for others.",
    )
    hysteresis: Number = Field(
        default=Decimal("0.05"),
        ge=0,
        le=1,
        description="The instrument of the last order goes on as long as no other lacks more of its share by this much "
        "of the position: 0.05 is 5 %.",
    )


class FailoverSettings(Table):
    """Whether other instruments take over from one that cannot be traded now."""

    allowed: Switch = Field(
        default=False,
        description="Whether the others go on, each within its own limits, while an account is banned, in maintenance, "
        "restricted, short of margin or out of sight; else the hedge waits.",
    )
    blind_s: Number = Field(
        default=Decimal(60),
        ge=0,
        le=86_400,
        description="For how long an account out of sight is believed to hold what it was last seen with, in seconds; "
        "0 is not at all. What is held in spot is never believed so.",
    )
