"""The settings of a target: where the net delta of a hedge should be, those with a gamma of their own included."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from hedger.engine.known.policy import TargetKind
from hedger.model.option import OptionType
from hedger.settings.relative import InstantText, PriceText
from hedger.settings.table import Table
from hedger.settings.values import Number, Quantity, QuantityOrZero, Switch


class OptionSide(StrEnum):
    """Whether an option is bought or sold."""

    LONG = "long"
    SHORT = "short"


class ProfilePointSettings(Table):
    """One point of a profile: between two of them the hedge ratio is on a straight line, outside them it is flat."""

    price: Quantity = Field(description="The price of a coin, in quote.")
    ratio: Number = Field(ge=0, le=Decimal("1.5"), description="The share of the holding that is hedged there.")


class SyntheticSettings(Table):
    """An option that is not held and whose delta the hedge makes: what its owner wants to have bought or sold."""

    side: OptionSide = Field(
        description="A long option is convex and pays for each oscillation; a short one is concave and earns from it."
    )
    option: OptionType = Field(description="A put or a call.")
    strike: PriceText = Field(
        description='The strike, in quote; in paper also a percentage of the starting price: "105%".'
    )
    expiry: InstantText = Field(
        description='When it ends, "2026-06-26T08:00Z"; in paper also how long after the start: "14 days".'
    )
    volatility: Number = Field(
        gt=0,
        le=5,
        description="The volatility a year that its delta is reckoned with: 0.5 is 50 %; it has no default.",
    )
    ratio: Number | None = Field(
        default=None, gt=0, le=Decimal("1.5"), description="On which share of the holding it is; or else `coins`."
    )
    coins: Quantity | None = Field(default=None, description="On how many coins it is, instead of `ratio`.")


class TargetSettings(Table):
    """Where the net delta of a hedge should be."""

    kind: TargetKind = Field(
        default=TargetKind.NEUTRAL,
        description="What the net delta should be: none, a hedge ratio of the holding, a number of coins, "
        "a value in quote, a hedge ratio that depends on the price, or the delta of an option that is not held.",
    )
    value: QuantityOrZero | None = Field(
        default=None,
        description="The ratio (0 to 1.5; 1 is neutral), the coins or the quote amount that `kind` asks for; "
        "neutral, profile and synthetic have none.",
    )
    profile: tuple[ProfilePointSettings, ...] = Field(
        default=(), description="The points of a profile, their prices ascending."
    )
    synthetic: SyntheticSettings | None = Field(default=None, description="The option of a synthetic target.")
    accept_gamma: Switch = Field(
        default=False,
        description="That the owner has read what a target with a gamma of its own, or the options that are held, earn "
        "and cost; without it such a hedge starts only with `--yes`.",
    )
