"""What modes, actions and reasons mean, in words for a person."""

from __future__ import annotations

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Target, TargetKind
from hedger.engine.known.state import Action, Mode, Reason, State
from hedger.engine.news.executions import wants_word
from hedger.model.expiry_day import expiry_day
from hedger.model.instrument import InstrumentId
from hedger.ops.figures import coins, money, percent

MODE_WORDS: dict[Mode, str] = {
    Mode.BOOT: "starting: markets and accounts have not been read yet",
    Mode.RECONCILING: "reading the venues until the accounts are believed; nothing is placed",
    Mode.SHADOW: "decides as if live, sends nothing",
    Mode.HEDGING: "keeps the delta inside its band",
    Mode.REDUCE_ONLY: "places only what makes a position smaller",
    Mode.CANCEL_ONLY: "cancels what rests, places nothing",
    Mode.HALTED: "stopped for a reason that a person must lift",
    Mode.DRAINING: "takes its orders off the books, then ends",
}

ACTION_WORDS: dict[Action, str] = {
    Action.HOLD: "left everything as it is",
    Action.PLACE: "placed an order",
    Action.CANCEL: "canceled the working order",
    Action.WAIT: "waited",
    Action.DENY: "placed nothing although an order could be due",
}

REASON_WORDS: dict[Reason, str] = {
    Reason.INSIDE_BAND: "the delta is inside its band",
    Reason.OUTSIDE_BAND: "the delta is outside its band",
    Reason.ROLL: "what is held of one contract is moved to another, slice by slice",
    Reason.MARGIN_REDUCTION: "margin is short: the position is made smaller",
    Reason.FLATTEN: "a person is bringing its positions to zero",
    Reason.FLAT: "a person flattened it: it is flat, and stays paused",
    Reason.ORDER_WORKING: "its order rests in the book",
    Reason.ORDER_IN_FLIGHT: "an answer about its order is on the way",
    Reason.RESTING_AFTER_FILL: "it rests after a fill",
    Reason.RESTING_AFTER_ATTEMPTS: "it rests after too many attempts in a row",
    Reason.AWAITING_READING: "the account must be read again after our last change",
    Reason.UNRESOLVED_ORDERS: "an order whose fate is unknown may already have done it",
    Reason.WOULD_OVERSHOOT: "the rest of the order would carry the delta past its target",
    Reason.PRICE_MOVED: "the best price moved away from the order",
    Reason.PAST_DEADLINE: "the order did not fill by its deadline",
    Reason.BELOW_MINIMUM: "the order would be smaller than the venue takes",
    Reason.NOT_HEDGING: "the mode does not allow new orders",
    Reason.NO_QUOTE: "prices or accounts have not been seen yet",
    Reason.QUOTE_AGE: "the best prices are too old",
    Reason.MARK_AGE: "the mark price is too old",
    Reason.ACCOUNT_AGE: "the account was read too long ago",
    Reason.MARK_COLLAR: "the order's price is too far from the mark price",
    Reason.INDEX_COLLAR: "the order's price is too far from the index price",
    Reason.SPREAD: "the spread is too wide",
    Reason.DEPTH: "too little rests at the best price",
    Reason.BASIS: "the future is too far from the index",
    Reason.BASIS_YEARLY: "the basis of the dated contract is too large a year",
    Reason.EXPIRING: "the contract is near its settlement, or in it",
    Reason.ADVERSE_FUNDING: "the hedge would pay too much funding",
    Reason.ORDERS_PER_MINUTE: "too many orders in a minute",
    Reason.ORDERS_PER_DAY: "too many orders today",
    Reason.ORDER_NOTIONAL: "the order is worth too much",
    Reason.DAILY_NOTIONAL: "too much was traded today",
    Reason.DAILY_COST: "today has cost too much",
    Reason.POSITION: "the position would be too large",
    Reason.FUTILE_HEDGES: "hedges filled without moving the delta: something is counted wrongly",
    Reason.LEVERAGE: "the venue's leverage differs from the configured one",
    Reason.MARGIN_MODE: "the venue's margin mode differs from the configured one",
    Reason.POSITION_MODE: "the account is not in one-way mode",
    Reason.MARGIN_RATIO: "the margin ratio is too high to add risk",
    Reason.LIQUIDATION_DISTANCE: "liquidation is too near to add risk",
    Reason.FREE_MARGIN: "the free margin is not enough for the order",
    Reason.INSTRUMENT_GONE: "the venue does not list the instrument any more",
    Reason.PRICE_SOURCES: "another venue, or the account itself, says that the price is wrong",
    Reason.RULES_CHANGED: "the instrument's rules changed under the order",
    Reason.FOREIGN_DRIFT: "others keep moving positions of the account",
    Reason.PRICE_DRIFT: "our own prices have ranged too far in ten minutes",
    Reason.CANCELS_PER_HOUR: "too many orders were canceled without a fill",
    Reason.SWITCH_LEASE: "the venue's dead man's switch is not armed, or was not extended in time",
    Reason.BREAKER: "the account's breaker is open after refusals or lost answers",
    Reason.RESTRICTED: "the venue lets the account reduce only",
    Reason.QUIET: "the venue asked for quiet",
    Reason.NUMERAIRE: "the book has contracts that settle in coins, and nobody said what wealth is counted in",
    Reason.DEPEG: "the money that the contract is in is away from its peg, or its price is not seen",
    Reason.OPTION_INPUT: "an option's price, volatility or time is missing or cannot be true",
    Reason.BAND_INPUT: "the volatility or gamma that the band is computed from is missing or cannot be true",
    Reason.TARGET_ENDED: "the option that the target replicates has expired",
}

ORDER_WORDS: dict[OrderStatus, str] = {
    OrderStatus.SENT: "sent",
    OrderStatus.OPEN: "working",
    OrderStatus.PENDING_CANCEL: "being canceled",
    OrderStatus.UNKNOWN: "outcome unknown",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.REJECTED: "rejected",
}


DOUBTED = "its readings lack our own fills; if the venue's own page shows that position"
LIFT_HALT, END_PAUSE = "`hedger resume --reason …`", "`hedger unpause --reason …`"
END_FLATTEN = f"{END_PAUSE} lets it hedge again"


def halt_words(halted: str) -> str:
    """A halt and the way out of it."""
    return f"{halted}; find the cause, then {LIFT_HALT}"


def ended_words(id: InstrumentId) -> str:
    """That a configured contract is over, as a sentence."""
    return (
        f"{id} expired on {expiry_day(id.symbol)} and is not listed any more: its hedge goes on with what is listed; "
        "take it out of the configuration"
    )


def way_out(state: State) -> str | None:
    """Who stopped it and what a person must type; None where nothing waits for a person."""
    told = []
    if state.halted is not None:
        told.append(f"halted: {halt_words(state.halted)}")
    if state.paused is not None:
        told.append(f"paused: {state.paused}; {END_PAUSE}")
    told += [f"{words}; {END_FLATTEN}" for words in flattened_words(state).values()]
    told += [f"account {name}: {DOUBTED}, {LIFT_HALT}" for name in doubted(state)]
    return "; and ".join(told) or None


def flattened_words(state: State) -> dict[str, str]:
    """What is to be said of each hedge that a person flattened, by its name."""
    told = {}
    for name, latched in state.flattening.items():
        how = "on its way to flat" if latched.works else "a later pause holds it; asked for again, it goes on"
        flat = f"{name} was flattened ({latched.reason}), is flat, and stays paused"
        told[name] = flat if latched.flat_at else f"{name} is being flattened ({latched.reason}): {how}"
    return told


def doubted(state: State) -> list[str]:
    """The accounts whose readings only a person's resume makes believed."""
    return [name for name, view in state.accounts.items() if wants_word(view, state.now)]


def target_words(target: Target) -> str:
    """A target as its owner would say it: `neutral`, `80 % hedged`, `0.5 coins`, `10,000.00 in quote`."""
    match target.kind:
        case TargetKind.NEUTRAL:
            return "neutral"
        case TargetKind.RATIO:
            return f"{percent(target.value, places=0)} hedged"
        case TargetKind.COINS:
            return f"{coins(target.value)} coins"
        case TargetKind.QUOTE:
            return f"{money(target.value)} in quote"
        case TargetKind.PROFILE:
            return _profile_words(target)
        case TargetKind.SYNTHETIC:
            return _synthetic_words(target)


def _profile_words(target: Target) -> str:
    points = target.profile.points if target.profile is not None else ()
    told = [f"{percent(point.ratio, places=0)} hedged at {coins(point.price)}" for point in points]
    return f"profile: {', '.join(told)}"


def _synthetic_words(target: Target) -> str:
    option = target.synthetic
    if option is None:
        return "synthetic option"
    side = "long" if option.long else "short"
    size = (
        f"{percent(option.ratio, places=0)} of the holding" if option.coins is None else f"{coins(option.coins)} coins"
    )
    return f"synthetic {side} {option.option_type} at {coins(option.strike)} on {size}"
