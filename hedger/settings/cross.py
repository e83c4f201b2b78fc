"""The settings of a hedge in other coins: for a coin that has no future of its own."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hedger.settings.table import Table
from hedger.settings.values import Number, Text, Whole


class CrossSettings(Table):
    """What prices the coin, and how its movement with others is measured."""

    spot: Text = Field(
        description="The spot pair that prices the coin and whose bars are measured, `account:BASE/QUOTE`: "
        '"main:ARB/USDT".'
    )
    halflife_bars: Whole = Field(
        default=240,
        ge=24,
        le=5000,
        description="After how many bars a return weighs half as much in the covariances.",
    )
    beta_band: Number = Field(
        default=Decimal("0.1"),
        ge=0,
        le=1,
        description="By how much of itself a beta must have moved before the new ones are used: 0.1 is a tenth.",
    )
