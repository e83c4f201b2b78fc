"""What the owner wants, as pure values: hedges, bands, execution, guards. Built once from the settings.

All widths and quantities are Decimal; spans are milliseconds; ratios are plain (0.5 is 50 %), prices in quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId


class Numeraire(StrEnum):
    """What the owner counts wealth in: USD is neutral with no coins at risk, COIN with as many as the book owns."""

    USD = "usd"
    COIN = "coin"


class TargetKind(StrEnum):
    """What the net delta of a hedge should be."""

    NEUTRAL = "neutral"
    RATIO = "ratio"
    COINS = "coins"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The wanted net delta: 0 (neutral); spot × (1 − value) (ratio, 0–1.5); value coins; value ÷ price (quote)."""

    kind: TargetKind
    value: Decimal


class BandRule(StrEnum):
    """What a band's widths are measured in."""

    COINS = "coins"
    RELATIVE = "relative"
    QUOTE = "quote"


class RebalanceTo(StrEnum):
    """Where a rebalance ends: on the target, or just inside the edge of the band that was left."""

    TARGET = "target"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How far the net delta may be above (`upper`) and below (`lower`) its target before an order is due.

    RELATIVE widths are fractions of the holding (absolute spot delta) and never narrower than `floor` coins.
    """

    rule: BandRule
    upper: Decimal
    lower: Decimal
    floor: Decimal
    rebalance_to: RebalanceTo


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a hedge order works in the book.

    `reprice_ms`: an order younger than this is left alone. `reprice_ticks`: the touch must have moved away by
    at least so many ticks; a smaller move is followed only after `linger_ms`. `offset_ticks`: ticks behind the
    best price. `deadline_ms`: an order that still works then is canceled and counted as late.
    `max_attempts` post-only refusals or late orders in a row bring `attempts_cooldown_ms` of rest.
    `cooldown_ms`: rest after an order that filled. `slice_quantity`: most coins in one order (None: no limit).
    """

    reprice_ms: int
    reprice_ticks: int
    linger_ms: int
    offset_ticks: int
    deadline_ms: int
    max_attempts: int
    attempts_cooldown_ms: int
    cooldown_ms: int
    slice_quantity: Decimal | None
    ttl_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """A guard with a warning, a level where no risk is added, one where the hedge is reduced, and where it clears."""

    warn: Decimal
    stop: Decimal
    reduce: Decimal
    clear: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The limits of one hedge. A field here is a guard that `engine.limits` evaluates: start-up proves it.

    `quote_age`, `mark_age`, `account_age` in ms; `mark_collar`, `index_collar`, `spread`, `basis` in basis points;
    `depth` is the least quote notional at the price that we join; `adverse_funding` is the most that the hedge
    may pay, as a yearly ratio; `order_notional`, `daily_notional`, `daily_cost` in quote; `position` in coins;
    `price_drift` is how far our own prices may range in ten minutes, in basis points; `cancels_per_hour` is how many
    orders may be canceled in an hour without a fill; `futile_hedges` is how many filled hedges in a row may leave the
    deviation where it was.
    """

    quote_age: int
    mark_age: int
    account_age: int
    mark_collar: Decimal
    index_collar: Decimal
    spread: Decimal
    depth: Decimal
    basis: Decimal
    adverse_funding: Decimal
    orders_per_minute: int
    orders_per_day: int
    order_notional: Decimal
    daily_notional: Decimal
    daily_cost: Decimal
    position: Decimal
    price_drift: Decimal
    cancels_per_hour: int
    futile_hedges: int
    leverage: int
    margin_mode: MarginMode
    margin_ratio: Levels
    liquidation_distance: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """One underlying, what is held of it, where its delta should be, and with what it is hedged.

    `spot_accounts` are the accounts whose spot balance of the underlying counts (and collateral of it in their
    derivatives wallet). `static_quantity` is held where no API sees it (a cold wallet). `instruments` in order
    of preference; `reduce_step` is the share of the position that one margin-driven reduction takes off;
    `unhedged_after_ms` is how long outside the band counts as unhedged. `numeraire` moves what neutral means.
    """

    name: str
    underlying: str
    static_quantity: Decimal
    spot_accounts: tuple[str, ...]
    instruments: tuple[InstrumentId, ...]
    target: Target
    band: Band
    execution: Execution
    guards: Guards
    reduce_step: Decimal
    unhedged_after_ms: int
    numeraire: Numeraire = Numeraire.USD


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """When the breaker of an account or of an instrument opens, and for how long.

    `rejects`: refusals in a row of any kind. `unknown_orders`, `unknown_notional` (quote): orders of unknown fate at
    once. `cooldown_ms` doubles with each attempt that fails up to `longest_cooldown_ms`. More than `trips_per_day`
    of an account halt: a recovery that repeats itself needs a person; an instrument is shut for an hour each time.
    """

    rejects: int = 5
    unknown_orders: int = 3
    unknown_notional: Decimal = Decimal(100_000)
    cooldown_ms: int = 30_000
    longest_cooldown_ms: int = 900_000
    trips_per_day: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that the engine is told by its owner.

    `bot` is the three-character tag in each client order id. `sends` is False in shadow mode.
    `settle_ms` is how long after our last fill a venue's snapshot may still lag behind it.
    `delta_jump_bands`: a change of delta of more than so many band widths in one reading needs a second reading.
    `switch_ms`: after how much silence an account's venue cancels our orders; an account without one has no switch.
    A beat that comes more than `lag_ms` late stops creates for a while; after more than `gap_ms` without any event
    everything is read anew.
    """

    bot: str
    sends: bool
    hedges: tuple[Hedge, ...]
    accounts: tuple[str, ...]
    clean_cycles: int
    settle_ms: int
    delta_jump_bands: Decimal
    switch_ms: Mapping[str, int] = field(default_factory=dict)
    breakers: BreakerLimits = BreakerLimits()
    lag_ms: int = 1_000
    gap_ms: int = 5_000
