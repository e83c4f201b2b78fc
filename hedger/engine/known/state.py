"""What the engine knows, as one immutable value: nothing else in the program remembers a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from hedger.engine.formulas.cross_hedge import Crossing
from hedger.engine.formulas.overlay import NO_OPTIONS, Overlay
from hedger.engine.formulas.volatility import Returns, Volatility
from hedger.engine.known.book import Book
from hedger.engine.known.breaker import Breaker
from hedger.engine.known.conventions import UNCHECKED, GreeksCheck
from hedger.engine.known.latch import Flatten
from hedger.engine.known.ledger import Ledger, Markout
from hedger.engine.known.movement import Absence, Doubt, Evidence, Movement, PriceRange
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Policy
from hedger.engine.known.switch import Switch
from hedger.engine.known.widths import Widths
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import FundingRate, Mark, Quote
from hedger.model.message import CancelOrder, PlaceOrder
from hedger.model.numeric import ZERO


class Mode(StrEnum):
    """What the whole program may do now."""

    BOOT = "boot"
    RECONCILING = "reconciling"
    SHADOW = "shadow"
    HEDGING = "hedging"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"
    HALTED = "halted"
    DRAINING = "draining"


class Action(StrEnum):
    """What a decision comes to."""

    HOLD = "hold"
    PLACE = "place"
    CANCEL = "cancel"
    WAIT = "wait"
    DENY = "deny"


class Reason(StrEnum):
    """Why: the closed list that stands in logs, metrics and docs."""

    INSIDE_BAND = "inside_band"
    OUTSIDE_BAND = "outside_band"
    ROLL = "roll"
    MARGIN_REDUCTION = "margin_reduction"
    FLATTEN = "flatten"
    FLAT = "flat"
    ORDER_WORKING = "order_working"
    ORDER_IN_FLIGHT = "order_in_flight"
    RESTING_AFTER_FILL = "resting_after_fill"
    RESTING_AFTER_ATTEMPTS = "resting_after_attempts"
    AWAITING_READING = "awaiting_reading"
    UNRESOLVED_ORDERS = "unresolved_orders"
    WOULD_OVERSHOOT = "would_overshoot"
    PRICE_MOVED = "price_moved"
    PAST_DEADLINE = "past_deadline"
    BELOW_MINIMUM = "below_minimum"
    NOT_HEDGING = "not_hedging"
    NO_QUOTE = "no_quote"
    QUOTE_AGE = "quote_age"
    MARK_AGE = "mark_age"
    ACCOUNT_AGE = "account_age"
    MARK_COLLAR = "mark_collar"
    INDEX_COLLAR = "index_collar"
    SPREAD = "spread"
    DEPTH = "depth"
    BASIS = "basis"
    BASIS_YEARLY = "basis_yearly"
    ADVERSE_FUNDING = "adverse_funding"
    EXPIRING = "expiring"
    ORDERS_PER_MINUTE = "orders_per_minute"
    ORDERS_PER_DAY = "orders_per_day"
    ORDER_NOTIONAL = "order_notional"
    DAILY_NOTIONAL = "daily_notional"
    DAILY_COST = "daily_cost"
    POSITION = "position"
    FUTILE_HEDGES = "futile_hedges"
    LEVERAGE = "leverage"
    MARGIN_MODE = "margin_mode"
    POSITION_MODE = "position_mode"
    MARGIN_RATIO = "margin_ratio"
    LIQUIDATION_DISTANCE = "liquidation_distance"
    FREE_MARGIN = "free_margin"
    INSTRUMENT_GONE = "instrument_gone"
    PRICE_SOURCES = "price_sources"
    RULES_CHANGED = "rules_changed"
    FOREIGN_DRIFT = "foreign_drift"
    PRICE_DRIFT = "price_drift"
    CANCELS_PER_HOUR = "cancels_per_hour"
    SWITCH_LEASE = "switch_lease"
    BREAKER = "breaker"
    RESTRICTED = "restricted"
    QUIET = "quiet"
    OPTION_INPUT = "option_input"
    NUMERAIRE = "numeraire"
    DEPEG = "depeg"
    BAND_INPUT = "band_input"
    TARGET_ENDED = "target_ended"


class Severity(IntEnum):
    """How far a levelled guard has been crossed; each level is left only below the one under it."""

    CLEAR = 0
    WARN = 1
    STOP = 2
    REDUCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A hedge's delta in coins, and the interval that working and unknown orders may carry it to.

    `spot` includes the coin's equity in the derivatives wallet; `static` is held outside; `futures` is the venues'
    positions plus our own fills that the last believed reading cannot have seen; `options` are those held.
    `profit` is what of `spot` futures have made that settle in the coin, while they are held. `low` ≤ `delta` ≤ `high`.
    """

    spot: Decimal
    static: Decimal
    futures: Decimal
    low: Decimal
    high: Decimal
    options: Overlay = NO_OPTIONS
    profit: Decimal = ZERO

    @property
    def holding(self) -> Decimal:
        """What is hedged: spot and static holdings, in coins."""
        return self.spot + self.static

    @property
    def delta(self) -> Decimal:
        """The net delta in coins."""
        return self.spot + self.static + self.futures + self.options.delta

    @property
    def unhedged(self) -> Decimal:
        """What the futures are there to hedge: the holding and the options on it, in coins."""
        return self.spot + self.static + self.options.delta


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision of one hedge, with the facts that it was made on.

    `deviation` = net delta − `target`, in coins; the band is [−`lower`, +`upper`] around the target. `notional` is what
    an order that is placed is worth, in the quote of its instrument.
    """

    decision_id: int
    at: int
    hedge: str
    mode: Mode
    action: Action
    reason: Reason
    detail: str
    exposure: Exposure | None
    target: Decimal | None
    deviation: Decimal | None
    upper: Decimal | None
    lower: Decimal | None
    quote: Quote | None
    mark: Mark | None
    order: PlaceOrder | CancelOrder | None = None
    notional: Decimal | None = None


class ChangeCause(StrEnum):
    """Why an account changed although no order of ours that we knew of filled."""

    OWN_FILL = "own_fill"
    FOREIGN_TRADE = "foreign_trade"
    DELEVERAGING = "deleveraging"
    LIQUIDATION = "liquidation"
    SETTLEMENT = "settlement"
    OPTION_TRADE = "option_trade"
    TRANSFER = "transfer"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a position or balance that we did not make: `quantity` is signed, in units of `what` (an
    instrument's symbol) or in coins of it (an asset)."""

    at: int
    account: str
    what: str
    cause: ChangeCause
    quantity: Decimal
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """What is believed of an account.

    `reading` was asked for at `believed_at` and may be decided on if that is after `barrier_at` (our last fill or
    final order plus the venue's lag). `doubted` is a reading with a jump that waits for a second one to agree.
    `fills_since` are our own fills, signed, in units, that the believed reading cannot have seen, `ahead` what it
    seems to have seen of our working orders before we heard of it. `asked_at` is when a reading was last asked for
    out of turn. `offset_ms`: the venue's clock minus ours. `switch` is None where there is no dead man's switch.
    `breaker` counts the refusals that speak of the account, `instrument_breakers` those that speak of one instrument.
    Until `quiet_until_at` the venue wants nothing to be created (`banned`: nothing to be sent at all).
    From `again_since` to `again_at` other accounts of its hedges asked for new readings of it; `owed` readings must
    still come before a create. `left_out` are collateral coins whose row was there and is not any more. Its
    instruments' rules were last asked for at `rules_asked_at`, next at `rules_due_at`. It is `mistrusted` while the
    newest reading was refused.
    """

    reading: AccountReading | None = None
    believed_at: int = 0
    doubted: AccountReading | None = None
    barrier_at: int = 0
    asked_at: int = 0
    fills_since: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    ahead: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    clean_cycles: int = 0
    stream_up: bool = False
    offset_ms: int = 0
    failures: int = 0
    last_failure: str = ""
    switch: Switch | None = None
    breaker: Breaker = field(default_factory=Breaker)
    instrument_breakers: Mapping[InstrumentId, Breaker] = field(default_factory=dict)
    quiet_until_at: int = 0
    banned: bool = False
    doubt: Doubt = field(default_factory=Doubt)
    movement: Movement = field(default_factory=Movement)
    evidence: Evidence = field(default_factory=Evidence)
    left_out: Mapping[str, Absence] = field(default_factory=dict)
    again_since: int = 0
    again_at: int = 0
    owed: int = 0
    rules_asked_at: int = 0
    rules_due_at: int = 0
    mistrusted: bool = False

    @property
    def settled(self) -> bool:
        """Whether the believed reading was asked for after everything that we did, and none is owed after it."""
        return self.reading is not None and self.believed_at > self.barrier_at and not self.owed


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeState:
    """The memory of one hedge between decisions. Instants in ms; None where there is none.

    `outside_ms` counts finished spells outside the band; one that goes on began at `outside_since`. `sent_at` are
    the creates of the last minute; `day_notional` is what was traded on `day` (days since 1970, UTC), `cost_before`
    what the hedge had cost, by its ledger, when `cost_day` began. `effect_due` is
    (|deviation| before, coins filled, holding, target) of the last hedge that filled, until a settled reading shows
    what it did; `futile` counts those in a row that did nothing, `refused_reductions` the margin
    reductions in a row that the venue refused. `prices` are the ranges of our own
    prices in the last minutes, `cancels` the (minute, count) of cancels since the last fill. `edges` are the widths
    that a computed band keeps until they are well off; a band that hedges on occasion was last done at `hedged_at`,
    at `hedged_price` in quote. `greeks` is how the venue's deltas of options compare with ours. Where one account may
    stand in for another, `short_of_margin` and `near_liquidation` are those at which a guard has come to its stop.
    """

    outside_since: int | None = None
    outside_ms: int = 0
    rest_until: int = 0
    rest_reason: Reason = Reason.RESTING_AFTER_FILL
    attempts: int = 0
    sent_at: tuple[int, ...] = ()
    day: int = 0
    day_orders: int = 0
    day_notional: Decimal = ZERO
    cost_day: int = 0
    cost_before: Decimal = ZERO
    margin_severity: Severity = Severity.CLEAR
    liquidation_severity: Severity = Severity.CLEAR
    futile: int = 0
    refused_reductions: int = 0
    effect_due: tuple[Decimal, Decimal, Decimal, Decimal] | None = None
    prices: tuple[PriceRange, ...] = ()
    cancels: tuple[tuple[int, int], ...] = ()
    max_abs_deviation: Decimal = ZERO
    max_abs_delta: Decimal = ZERO
    decision: Decision | None = None
    edges: Widths | None = None
    hedged_at: int = 0
    hedged_price: Decimal = ZERO
    greeks: GreeksCheck = UNCHECKED
    short_of_margin: tuple[str, ...] = ()
    near_liquidation: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worse of the two levelled guards."""
        return max(self.margin_severity, self.liquidation_severity)


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class State(NamedTuple):
    """Everything. `quotes` and `marks` hold (value, received_at).

    `first_epoch` is the first of this journal, which cannot explain an order of ours from before it. `mode_reason` says
    for a person why the mode is what it is, `reconcile_reason` why the accounts are read anew. Until `lagged_until`
    nothing is created because the loop came late. `flattening` are the hedges that a person flattened and nobody
    unpaused since, `acknowledged` when alarms were seen, by their keys; `venues` names the venue of each account.

    A NamedTuple and not a dataclass, because each event makes a new one and `_replace` is five times as fast.
    The mappings are replaced and never changed in place.
    """

    now: int
    epoch: int
    first_epoch: int = 0
    mode: Mode = Mode.BOOT
    mode_reason: str = ""
    next_sequence: int = 1
    next_decision: int = 1
    reconciled: bool = False
    reconcile_reason: str = "the program has just started"
    halted: str | None = None
    paused: str | None = None
    flattening: Mapping[str, Flatten] = _NOTHING
    acknowledged: Mapping[str, int] = _NOTHING
    draining: str | None = None
    journal_fault: str | None = None
    lagged_until: int = 0
    stopped: bool = False
    superseded: bool = False
    instruments: Mapping[InstrumentId, Instrument] = _NOTHING
    delisted: frozenset[InstrumentId] = frozenset()
    quotes: Mapping[InstrumentId, tuple[Quote, int]] = _NOTHING
    marks: Mapping[InstrumentId, tuple[Mark, int]] = _NOTHING
    accounts: Mapping[str, AccountView] = _NOTHING
    orders: Mapping[str, Order] = _NOTHING
    hedges: Mapping[str, HedgeState] = _NOTHING
    ledgers: Mapping[str, Ledger] = _NOTHING
    books: Mapping[str, Book] = _NOTHING
    markouts: tuple[Markout, ...] = ()
    changes: tuple[Change, ...] = ()
    volatility: Mapping[str, Volatility] = _NOTHING
    returns: Mapping[str, Returns] = _NOTHING
    crossings: Mapping[str, Crossing] = _NOTHING
    funding_rates: Mapping[InstrumentId, tuple[FundingRate, ...]] = _NOTHING
    funding_seen: Mapping[str, frozenset[str]] = _NOTHING
    hedges_of_instrument: Mapping[InstrumentId, tuple[str, ...]] = _NOTHING
    hedges_of_account: Mapping[str, tuple[str, ...]] = _NOTHING
    accounts_of_hedge: Mapping[str, tuple[str, ...]] = _NOTHING
    venues: Mapping[str, str] = _NOTHING


def initial_state(policy: Policy, *, now: int, epoch: int) -> State:
    """The state of a program that has just started and knows nothing but its policy."""
    instruments: dict[InstrumentId, tuple[str, ...]] = {}
    accounts: dict[str, tuple[str, ...]] = dict.fromkeys(policy.accounts, ())
    looked_at = {hedge.name: hedge.accounts for hedge in policy.hedges}
    for hedge in policy.hedges:
        for id in hedge.instruments:
            instruments[id] = (*instruments.get(id, ()), hedge.name)
        for account in looked_at[hedge.name]:
            accounts[account] = (*accounts[account], hedge.name)
    return State(
        now=now,
        epoch=epoch,
        accounts={name: AccountView(switch=_switch(policy, name)) for name in policy.accounts},
        hedges={hedge.name: HedgeState() for hedge in policy.hedges},
        ledgers={hedge.name: Ledger() for hedge in policy.hedges},
        hedges_of_instrument=instruments,
        hedges_of_account=accounts,
        accounts_of_hedge=looked_at,
        venues=policy.venues,
    )


def _switch(policy: Policy, account: str) -> Switch | None:
    timeout_ms = policy.switch_ms.get(account) if policy.sends else None
    return None if timeout_ms is None else Switch(timeout_ms=timeout_ms)
