"""What the owner wants, as pure values: hedges, bands, execution, guards. Built once from the settings.

All widths and quantities are Decimal; spans are milliseconds; ratios are plain (0.5 is 50 %), prices in quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.engine.formulas.profile import Profile
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.formulas.volatility import VolatilityRule
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
    PROFILE = "profile"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The wanted net delta: 0 (neutral); spot × (1 − value) (ratio, 0–1.5); value coins; value ÷ price (quote).

    A ratio that depends on the price (`profile`), or the delta of an option that is not held (`synthetic`), give the
    book a gamma: its owner has accepted that.
    """

    kind: TargetKind
    value: Decimal
    profile: Profile | None = None
    synthetic: Synthetic | None = None


class BandRule(StrEnum):
    """What a band's widths are measured in, or computed from."""

    COINS = "coins"
    RELATIVE = "relative"
    QUOTE = "quote"
    PRICE_MOVE = "price_move"
    CLOCK = "clock"
    LELAND = "leland"
    WHALLEY_WILMOTT = "whalley_wilmott"
    FIXED_COST = "fixed_cost"
    ZAKAMOULINE = "zakamouline"


OCCASIONAL = frozenset({BandRule.PRICE_MOVE, BandRule.CLOCK, BandRule.LELAND})
COMPUTED = frozenset({BandRule.WHALLEY_WILMOTT, BandRule.FIXED_COST, BandRule.ZAKAMOULINE})


class RebalanceTo(StrEnum):
    """Where a rebalance ends: on the target, or just inside the edge of the band that was left."""

    TARGET = "target"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandInputs:
    """What a band is computed from, beside what is measured.

    The budget is the volatility that may be left over: `residual` as a yearly ratio of the value of what is hedged, or
    `residual_quote` in quote per √year. It holds at the fee that the venue takes and, unless it is 0, at a gamma of
    `typical_gamma` coins per 1 %. `sigma` is used instead of the measured volatility (a year). `fixed_cost` in quote is
    what each order costs beside its fee; 0 is as much as the fee of the smallest order. `deposits` a year move
    `deposit_quantity` coins each. `move` is the relative move of the price, `every_ms` the time after which the rules
    that know no width hedge. `horizon_ms` stands for the time to expiry where there is none, `watch_ms` is how often
    prices come.
    """

    residual: Decimal = Decimal(0)
    residual_quote: Decimal = Decimal(0)
    typical_gamma: Decimal = Decimal(0)
    sigma: Decimal | None = None
    fixed_cost: Decimal = Decimal(0)
    deposits: Decimal = Decimal(0)
    deposit_quantity: Decimal = Decimal(0)
    move: Decimal = Decimal(0)
    every_ms: int = 0
    horizon_ms: int = 30 * 86_400_000
    watch_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How far the net delta may be above (`upper`) and below (`lower`) its target before an order is due.

    RELATIVE widths are fractions of the holding (absolute spot delta). An OCCASIONAL rule hedges when its time or its
    price has come, and beyond these widths at once. Those of a COMPUTED rule are the most that it may come to; 0 is no
    such limit. No relative or computed width is narrower than `floor` coins.
    """

    rule: BandRule
    upper: Decimal
    lower: Decimal
    floor: Decimal
    rebalance_to: RebalanceTo
    inputs: BandInputs = BandInputs()


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
    deviation where it was. A dated contract has a basis that is meant to be there: for it `basis_yearly` limits what
    that is a year, as a ratio, and nothing is added to it within `expiring` ms of its end.
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
    basis_yearly: Decimal = Decimal("0.5")
    expiring: int = 3_600_000
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
class Cross:
    """How a coin without a future of its own is hedged with futures on others.

    `spot` is the pair that prices the coin and whose bars are measured, `coins` are those of the instruments.
    Covariances forget half in `halflife_bars` bars; one that is used stays until a beta of it has moved by `beta_band`
    (0.1 is a tenth).
    """

    spot: InstrumentId
    coins: tuple[str, ...]
    halflife_bars: int
    beta_band: Decimal


class ChoiceRule(StrEnum):
    """How one of several instruments is chosen: the first of the owner's list, or the one that earns most."""

    PREFERENCE = "preference"
    CARRY = "carry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Which of a hedge's instruments is traded, and when a dated one is left for the next.

    By CARRY it is the one expected to earn most over `horizon_ms`, once it beats the one that is held by `hysteresis`
    (a ratio a year) and by what the switch costs; `risk_premium` is what one standard deviation of the funding over the
    horizon weighs, a year. Where it `moves`, what is held follows slice by slice; else only what is added goes there.
    A dated contract is left `roll_before_ms` before it expires, or earlier where the spread to the next one is better
    than its own basis by `roll_spread` (a ratio a year; None: never).
    """

    rule: ChoiceRule = ChoiceRule.PREFERENCE
    horizon_ms: int = 30 * 86_400_000
    hysteresis: Decimal = Decimal("0.02")
    risk_premium: Decimal = Decimal(0)
    moves: bool = False
    roll_before_ms: int = 2 * 86_400_000
    roll_spread: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a hedge's position is spread over its instruments: a weight for each, in their order, not all 0.

    The next order goes where most is missing (or, to reduce, where most is too much), unless the instrument of the last
    one is within `hysteresis` of that, a ratio of the position.
    """

    weights: tuple[Decimal, ...]
    hysteresis: Decimal = Decimal("0.05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """Whether an instrument that cannot be traded now leaves its part to the others.

    An account that is not seen any more is believed to hold what it was last seen with for `blind_ms`, if no spot of it
    counts; 0 is not at all.
    """

    allowed: bool = False
    blind_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peg:
    """What a kind of money should be worth, and where it is seen what it is worth.

    `par` is in dollars; further from it than `limit` basis points nothing adds risk. `source` is a spot pair that has
    it as its base, or, `inverted`, as its quote; the pair's other side is worth `beside` dollars. A price older than
    `age` ms is not seen.
    """

    asset: str
    par: Decimal
    limit: Decimal
    source: InstrumentId | None = None
    inverted: bool = False
    beside: Decimal = Decimal(1)
    age: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """One underlying, what is held of it, where its delta should be, and with what it is hedged.

    `spot_accounts` are the accounts whose spot balance of the underlying counts (and collateral of it in their
    derivatives wallet). `static_quantity` is held where no API sees it (a cold wallet). `instruments` in order
    of preference; `reduce_step` is the share of the position that one margin-driven reduction takes off;
    `unhedged_after_ms` is how long outside the band counts as unhedged. `numeraire` moves what neutral means.
    `numeraire_said` is whether the owner said which: a book with coin-settled contracts is not traded before. `pegs`
    are those of the money that the instruments are priced and settled in.
    A venue's delta of an option that is `greeks_tolerance` of one coin away from ours, for a minute, is told.
    With `cross` the instruments are on other coins, and all deltas are in coins of `underlying` that move like them.
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
    numeraire_said: bool = True
    pegs: tuple[Peg, ...] = ()
    cross: Cross | None = None
    carry: Carry = Carry()
    shares: Shares | None = None
    failover: Failover = Failover()
    greeks_tolerance: Decimal = Decimal("0.02")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it looks at, each once: where its coins are, then where it trades."""
        return tuple(dict.fromkeys((*self.spot_accounts, *(id.account for id in self.instruments))))

    @property
    def may_miss(self) -> frozenset[str]:
        """The accounts that this hedge may go on without for a while when they are out of sight."""
        if not (self.failover.allowed and self.failover.blind_ms):
            return frozenset()
        return frozenset(id.account for id in self.instruments) - frozenset(self.spot_accounts)

    @property
    def coins(self) -> tuple[str, ...]:
        """The coins whose positions are this hedge's business: its own, and those of instruments on others."""
        return (self.underlying, *(self.cross.coins if self.cross is not None else ()))


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
    everything is read anew. `volatility` says how it is measured. `venues` names the venue of each account; one
    without is on a venue of its own.
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
    volatility: VolatilityRule = field(default_factory=VolatilityRule)
    venues: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_miss(self) -> frozenset[str]:
        """The accounts that every hedge which looks at them may go on without."""
        needed = {account for hedge in self.hedges for account in hedge.spot_accounts}
        needed |= {id.account for hedge in self.hedges for id in hedge.instruments if id.account not in hedge.may_miss}
        return frozenset(account for hedge in self.hedges for account in hedge.may_miss) - needed

    @property
    def replaceable(self) -> frozenset[str]:
        """The accounts for which another one may stand in, for every hedge that trades there."""
        names = {id.account for hedge in self.hedges for id in hedge.instruments if hedge.failover.allowed}
        return frozenset(names - {id.account for h in self.hedges for id in h.instruments if not h.failover.allowed})
