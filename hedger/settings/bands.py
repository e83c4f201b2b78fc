"""The settings of a band: how far the delta may stray, or what that is computed from."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hedger.engine.known.policy import BandRule, RebalanceTo
from hedger.settings.table import Table
from hedger.settings.values import Notional, Number, Quantity, QuantityOrZero, Share, Span

RULES = (
    "What the widths are in: coins, relative (a fraction of the holding) or quote. Or when to hedge: price_move, "
    "clock, leland. Or what the width is computed by: whalley_wilmott, fixed_cost, zakamouline. Needed unless "
    "`residual` or `residual_quote` is given: then it is fixed_cost. See docs/bands.md."
)


class BandSettings(Table):
    """How far the net delta may stray from its target before an order is due."""

    rule: BandRule | None = Field(default=None, description=RULES)
    width: Quantity | None = Field(
        default=None, description="How far above and below its target the delta may be, in the unit of the band."
    )
    upper: Quantity | None = Field(
        default=None, description="How far above its target the delta may be, instead of `width`, with `lower`."
    )
    lower: Quantity | None = Field(
        default=None, description="How far below its target the delta may be, instead of `width`, with `upper`."
    )
    floor: QuantityOrZero = Field(
        default=Decimal(0), description="The least width of a relative or computed band on each side, in coins."
    )
    rebalance_to: RebalanceTo = Field(
        default=RebalanceTo.TARGET,
        description="Where a rebalance ends: on the target, or just inside the edge that was left.",
    )
    residual: Share | None = Field(
        default=None,
        description="The volatility that may be left over, a year, as a ratio of the value of what is hedged: 0.01 is "
        "1 % a year.",
    )
    residual_quote: Notional | None = Field(
        default=None, description="The volatility that may be left over, a year, in quote; instead of `residual`."
    )
    typical_gamma: Quantity | None = Field(
        default=None,
        description="The gamma at which the budget is met, in coins of delta per 1 % of price; another gamma then "
        "makes the band wider or narrower. Without it the budget is met at every gamma.",
    )
    sigma: Number | None = Field(
        default=None,
        gt=0,
        le=10,
        description="The volatility to compute with, a year (0.5 is 50 %), instead of the measured one.",
    )
    fixed_cost: QuantityOrZero = Field(
        default=Decimal(0),
        description="What each order costs beside its fee, in quote: effort, rate limits; 0 is as much as the fee of "
        "the smallest order.",
    )
    deposits_per_year: QuantityOrZero = Field(
        default=Decimal(0), description="How many deposits and withdrawals come in a year, for a computed band."
    )
    deposit_quantity: QuantityOrZero = Field(
        default=Decimal(0), description="How many coins one of them moves (root mean square)."
    )
    move: Share | None = Field(
        default=None, description="For price_move: after which relative move of the price to hedge; 0.01 is 1 %."
    )
    every_s: Span | None = Field(default=None, description="For clock and leland: how often to hedge, in seconds.")
    horizon_days: Number = Field(
        default=Decimal(30),
        gt=0,
        le=3650,
        description="How long a deviation counts where there are no options with an expiry, in days.",
    )
