"""The settings of one hedge: what is hedged with what, where its delta should be, how it trades, and its limits."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hedger.engine.known.policy import Numeraire
from hedger.model.account import MarginMode
from hedger.settings.bands import BandSettings
from hedger.settings.carry import CarrySettings
from hedger.settings.cross import CrossSettings
from hedger.settings.shares import FailoverSettings, ShareSettings
from hedger.settings.table import Table
from hedger.settings.targets import TargetSettings
from hedger.settings.values import (
    Asset,
    BasisPoints,
    Notional,
    Number,
    Quantity,
    Share,
    Span,
    SpanOrZero,
    Texts,
    Whole,
)


class ExecutionSettings(Table):
    """How a hedge order works in the book."""

    reprice_s: Span = Field(default=Decimal(3), description="An order younger than this is left alone, in seconds.")
    reprice_ticks: Whole = Field(
        default=2, ge=1, le=1000, description="An order follows the best price once that is this many ticks away."
    )
    linger_s: Span = Field(
        default=Decimal(15), description="A smaller move of the best price is followed after this, in seconds."
    )
    offset_ticks: Whole = Field(
        default=0, ge=0, le=1000, description="How many ticks behind the best price an order is placed."
    )
    deadline_s: Span = Field(
        default=Decimal(120), description="An order still working after this is canceled and is late, in seconds."
    )
    max_attempts: Whole = Field(
        default=5, ge=1, le=100, description="How many refused or late orders in a row bring a rest."
    )
    attempts_cooldown_s: Span = Field(default=Decimal(30), description="How long that rest is, in seconds.")
    cooldown_s: SpanOrZero = Field(
        default=Decimal(2), description="How long a hedge rests after an order that filled, in seconds."
    )
    slice_quantity: Quantity | None = Field(
        default=None,
        description="The most coins in one order, or the venue's smallest order where that is more; "
        "without it the order notional limits alone.",
    )
    ttl_s: Span = Field(
        default=Decimal(2),
        le=60,
        description="How long an order may travel before the venue must refuse it, in seconds.",
    )


class MarginRatioLevels(Table):
    """Levels of maintenance margin over equity: 0 is safe, 1 is liquidation."""

    clear: Number = Field(default=Decimal("0.3"), gt=0, lt=1, description="Below this ratio the warning ends.")
    warn: Number = Field(default=Decimal("0.4"), gt=0, lt=1, description="From this ratio on there is a warning.")
    stop: Number = Field(default=Decimal("0.5"), gt=0, lt=1, description="From this ratio on no risk is added.")
    reduce: Number = Field(
        default=Decimal("0.7"), gt=0, lt=1, description="From this ratio on the hedge is reduced, step by step."
    )


class LiquidationDistanceLevels(Table):
    """Levels of the distance from mark to liquidation price, as a ratio of the mark: 0.25 is 25 %."""

    clear: Number = Field(default=Decimal("0.35"), gt=0, le=10, description="Above this distance the warning ends.")
    warn: Number = Field(
        default=Decimal("0.25"), gt=0, le=10, description="From this distance down there is a warning."
    )
    stop: Number = Field(default=Decimal("0.15"), gt=0, le=10, description="From this distance down no risk is added.")
    reduce: Number = Field(
        default=Decimal("0.08"), gt=0, le=10, description="From this distance down the hedge is reduced."
    )


class GuardSettings(Table):
    """The limits of one hedge: each blocks what adds risk, never what removes it."""

    quote_age_s: Span = Field(default=Decimal(3), description="The oldest quote to trade on, in seconds.")
    mark_age_s: Span = Field(default=Decimal(3), description="The oldest mark and index price to trade on, in seconds.")
    account_age_s: Span = Field(
        default=Decimal(10), description="The oldest reading of positions and balances to trade on, in seconds."
    )
    mark_collar_bps: BasisPoints = Field(
        default=Decimal(50), description="The furthest an order's price may be from the mark, in basis points."
    )
    index_collar_bps: BasisPoints = Field(
        default=Decimal(100), description="The furthest an order's price may be from the index, in basis points."
    )
    spread_bps: BasisPoints = Field(
        default=Decimal(20), description="The widest spread of best bid and ask to trade in, in basis points."
    )
    depth: Notional = Field(
        default=Decimal(1000), description="The least that must rest at the price that is joined, in quote."
    )
    basis_bps: BasisPoints = Field(
        default=Decimal(100),
        description="The furthest that mark and index of a perpetual may be apart, in basis points.",
    )
    adverse_funding: Number = Field(
        default=Decimal("0.5"), gt=0, le=10, description="The most funding that a hedge may pay, a year: 0.5 is 50 %."
    )
    basis_yearly: Number = Field(
        default=Decimal("0.5"),
        gt=0,
        le=10,
        description="The largest basis of a dated contract, a year, once it is wider than basis_bps: 0.5 is 50 %.",
    )
    expiring_s: Span = Field(
        default=Decimal(3600),
        description="Nothing is added to a dated contract so long before it expires, nor in its settlement average, in "
        "seconds.",
    )
    orders_per_minute: Whole = Field(default=20, ge=1, le=600, description="The most orders sent in a minute.")
    orders_per_day: Whole = Field(default=2000, ge=1, le=200_000, description="The most orders sent in a day.")
    order_notional: Notional = Field(
        default=Decimal(50_000), description="The most that one order may be worth, in quote."
    )
    daily_notional: Notional = Field(
        default=Decimal(2_000_000), description="The most that a day's orders may be worth together, in quote."
    )
    daily_cost: Notional = Field(
        default=Decimal(1000),
        description="The most that a day may cost in fees, funding and adverse moves after our fills, in quote.",
    )
    position: Quantity = Field(
        description="The largest position, long or short, that the hedge may hold, in coins; it has no default."
    )
    price_drift_bps: BasisPoints = Field(
        default=Decimal(500), description="How far our own prices may range within ten minutes, in basis points."
    )
    cancels_per_hour: Whole = Field(
        default=240, ge=1, le=36_000, description="The most orders canceled in an hour without a fill in between."
    )
    futile_hedges: Whole = Field(
        default=3, ge=1, le=100, description="How many hedges in a row may fill without shrinking the deviation."
    )
    leverage: Whole = Field(default=1, ge=1, le=5, description="The leverage set on the venue; 1 is none.")
    margin_mode: MarginMode = Field(
        default=MarginMode.CROSS,
        description="Whether the whole account or its own margin backs a position: cross or isolated.",
    )
    margin_ratio: MarginRatioLevels = Field(
        default=MarginRatioLevels(), description="Levels of maintenance margin over equity; higher is worse."
    )
    liquidation_distance: LiquidationDistanceLevels = Field(
        default=LiquidationDistanceLevels(), description="Levels of the distance to liquidation; lower is worse."
    )


class HedgeSettings(Table):
    """One underlying, and the derivatives that keep its delta where it should be."""

    underlying: Asset | None = Field(
        default=None, description="The coin that is hedged; without it, the name of the table."
    )
    instruments: Texts = Field(
        description="What to hedge with, in order of preference, each `account:symbol`: a perpetual "
        '"main:BTC/USDT:USDT", one that settles in the coin "main:BTC/USD:BTC", or a dated future '
        '"main:BTC/USDT:USDT-261225".'
    )
    spot_accounts: Texts | None = Field(
        default=None, description="The accounts whose spot balance counts; without it, all accounts."
    )
    numeraire: Numeraire | None = Field(
        default=None,
        description="What wealth is counted in: usd (neutral is no coins at risk) or coin (neutral is as many at risk "
        "as the book owns). Where an instrument settles in a coin it must be said; otherwise it is usd.",
    )
    target: TargetSettings = Field(default=TargetSettings(), description="Where the net delta should be.")
    band: BandSettings = Field(description="How far the net delta may stray from its target.")
    execution: ExecutionSettings = Field(default=ExecutionSettings(), description="How orders work in the book.")
    guards: GuardSettings = Field(description="The limits of the hedge.")
    carry: CarrySettings = Field(
        default=CarrySettings(), description="Which of several instruments is traded, and when a dated one is left."
    )
    shares: ShareSettings | None = Field(
        default=None, description="How the position is spread over several instruments."
    )
    failover: FailoverSettings = Field(
        default=FailoverSettings(), description="Whether other instruments stand in for one that cannot be traded."
    )
    cross: CrossSettings | None = Field(
        default=None, description="For a coin without a future of its own: the instruments are futures on other coins."
    )
    reduce_step: Share = Field(
        default=Decimal("0.25"),
        description="The share of the position that one margin-driven reduction takes off: 0.25 is a quarter.",
    )
    unhedged_after_s: Span = Field(
        default=Decimal(300), description="How long outside its band counts as unhedged, in seconds."
    )
    greeks_tolerance: Number = Field(
        default=Decimal("0.02"),
        gt=0,
        le=1,
        description="How far a venue's delta of an option on one coin may be from ours before it is told; "
        "it stops nothing.",
    )
