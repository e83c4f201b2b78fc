"""The guards: each a named function of a proposed order, and the registry that proves which ones are evaluated.

A guard of kind FACT speaks of whether the numbers can be trusted at all, and stops every create. One of kind RISK
stops only what adds risk: an order that makes the hedge's position smaller passes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hedger.engine.formulas.carry import basis_yearly, yearly_funding
from hedger.engine.guards.conduct import cancels_in_vain, cost_today, price_range_bps
from hedger.engine.guards.gate import broken, no_lease, quiet, restricted
from hedger.engine.guards.margin import affordable, liquidation_distances, margin_ratios
from hedger.engine.guards.sources import contradicted
from hedger.engine.held.expiry import left_ms, refuses_more
from hedger.engine.held.exposure import coins_for, largest
from hedger.engine.held.freshness import Denied, stale_account, stale_input, venue_now
from hedger.engine.held.money import off_peg, uncounted
from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import HedgeState, Reason, Severity, State
from hedger.engine.wanted.quoting import joined_notional
from hedger.model.account import Position
from hedger.model.instrument import Instrument
from hedger.model.market import Mark, Quote
from hedger.model.numeric import BPS, ZERO
from hedger.model.order import Side
from hedger.model.spans import DAY_MS, MINUTE_MS, YEAR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An order that the engine would send, before the guards. `quantity` and `position` (signed) in units; one that
    `saves` reduces to save margin."""

    state: State
    hedge: Hedge
    memory: HedgeState
    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal
    position: Decimal
    quote: Quote
    mark: Mark
    saves: bool = False

    @property
    def notional(self) -> Decimal:
        """Quote value of the order."""
        return self.instrument.notional(self.quantity, self.price)

    @property
    def adds_risk(self) -> bool:
        """Whether a fill of it could do anything but make the position smaller."""
        return self.quantity > reducible(self.side, self.position)


def reducible(side: Side, position: Decimal) -> Decimal:
    """How much of a position, in units, an order on `side` can take off without turning it round."""
    return abs(position) if side.sign * position < 0 else ZERO


Guard = Callable[[Proposal], Denied | None]


class Kind(StrEnum):
    """What a guard is about. ENTRY guards are RISK guards that look at new orders only, not at resting ones; LEAVE
    guards look at new orders only too, but at each of them."""

    FACT = "fact"
    LEAVE = "leave"
    RISK = "risk"
    ENTRY = "entry"


def first_denial(proposal: Proposal, *, resting: bool = False) -> Denied | None:
    """The first guard that denies the proposal (or an order that rests already), None when all let it pass."""
    adds_risk = proposal.adds_risk
    for _, kind, guard in GUARDS:
        if _concerns(kind, adds_risk=adds_risk, resting=resting):
            denied = guard(proposal)
            if denied is not None:
                return denied
    return None


def _concerns(kind: Kind, *, adds_risk: bool, resting: bool) -> bool:
    if kind is Kind.FACT:
        return True
    if kind is Kind.LEAVE:
        return not resting
    return adds_risk and not (resting and kind is Kind.ENTRY)


def _quote_age(p: Proposal) -> Denied | None:
    return _of(Reason.QUOTE_AGE, stale_input(p.state, p.hedge, p.instrument.id, to_reduce=not p.adds_risk))


def _mark_age(p: Proposal) -> Denied | None:
    return _of(Reason.MARK_AGE, stale_input(p.state, p.hedge, p.instrument.id, to_reduce=not p.adds_risk))


def _account_age(p: Proposal) -> Denied | None:
    accounts = p.state.accounts_of_hedge[p.hedge.name] if p.adds_risk else (p.instrument.id.account,)
    return stale_account(p.state, p.hedge, accounts, p.instrument.id.account)


def _of(reason: Reason, denied: Denied | None) -> Denied | None:
    return denied if denied is not None and denied.reason is reason else None


def _mark_collar(p: Proposal) -> Denied | None:
    return _collar(Reason.MARK_COLLAR, p.price, p.mark.mark_price, p.hedge.guards.mark_collar)


def _price_sources(p: Proposal) -> Denied | None:
    """Margin is saved whoever contradicts: at a price that is wrong a post-only order is refused or never fills."""
    return None if p.saves else _because(Reason.PRICE_SOURCES, contradicted(p.state, p.hedge, p.instrument, p.mark))


def _index_collar(p: Proposal) -> Denied | None:
    """For a dated contract it is widened by the basis that `basis_yearly` allows over what is left of its life."""
    limit, left = p.hedge.guards.index_collar, left_ms(p.instrument, venue_now(p.state, p.instrument.id.account))
    if left is not None:
        limit += p.hedge.guards.basis_yearly * max(0, left) / YEAR_MS * BPS
    return _collar(Reason.INDEX_COLLAR, p.price, p.mark.index_price, limit)


def _collar(reason: Reason, price: Decimal, reference: Decimal, limit: Decimal) -> Denied | None:
    away = abs(price / reference - 1) * BPS
    return _above(reason, away, limit, f"price {price} is {away:.1f} bp from {reference}")


def _spread(p: Proposal) -> Denied | None:
    spread = (p.quote.ask - p.quote.bid) / p.quote.mid_price * BPS
    return _above(Reason.SPREAD, spread, p.hedge.guards.spread, f"the spread is {spread:.1f} bp")


def _depth(p: Proposal) -> Denied | None:
    joined = joined_notional(p.side, p.quote, p.instrument)
    if joined >= p.hedge.guards.depth:
        return None
    return Denied(Reason.DEPTH, f"only {joined:.0f} rests at the best price, the least is {p.hedge.guards.depth}")


def _basis(p: Proposal) -> Denied | None:
    if p.instrument.expiry_at is not None:
        return None  # a dated contract has one that is meant to be there, and a guard of its own
    basis = abs(basis_bps(p.mark.mark_price, p.mark.index_price))
    return _above(Reason.BASIS, basis, p.hedge.guards.basis, f"the basis is {basis:.1f} bp")


def _basis_yearly(p: Proposal) -> Denied | None:
    """The basis a year of a dated contract. Near the end every tick is much a year: then it must also be wide."""
    left = left_ms(p.instrument, venue_now(p.state, p.instrument.id.account))
    basis = None if left is None else basis_yearly(p.mark.mark_price, p.mark.index_price, left)
    if basis is None or abs(basis_bps(p.mark.mark_price, p.mark.index_price)) <= p.hedge.guards.basis:
        return None
    limit = p.hedge.guards.basis_yearly
    return _above(Reason.BASIS_YEARLY, Decimal(repr(abs(basis))), limit, f"the basis is {basis:+.3f} a year")


def _expiring(p: Proposal) -> Denied | None:
    return refuses_more(p.state, p.hedge, p.instrument)


def _adverse_funding(p: Proposal) -> Denied | None:
    paid = p.side.sign * yearly_funding(p.mark)
    return _above(Reason.ADVERSE_FUNDING, paid, p.hedge.guards.adverse_funding, f"it would pay {paid:.2f} a year")


def _orders_per_minute(p: Proposal) -> Denied | None:
    sent = sum(1 for at in p.memory.sent_at if at > p.state.now - MINUTE_MS)
    return _at_limit(Reason.ORDERS_PER_MINUTE, sent, p.hedge.guards.orders_per_minute, "orders in the last minute")


def _orders_per_day(p: Proposal) -> Denied | None:
    sent = p.memory.day_orders if p.memory.day == p.state.now // DAY_MS else 0
    return _at_limit(Reason.ORDERS_PER_DAY, sent, p.hedge.guards.orders_per_day, "orders today (UTC)")


def _order_notional(p: Proposal) -> Denied | None:
    text = f"the order is worth {p.notional:.0f}"
    return _above(Reason.ORDER_NOTIONAL, p.notional, p.hedge.guards.order_notional, text)


def _daily_notional(p: Proposal) -> Denied | None:
    traded = p.memory.day_notional if p.memory.day == p.state.now // DAY_MS else ZERO
    ours = (o for o in p.state.orders.values() if o.hedge == p.hedge.name)
    working = sum((p.state.instruments[o.id].notional(o.remaining, o.price) for o in ours), ZERO)
    total = traded + working + p.notional
    return _above(Reason.DAILY_NOTIONAL, total, p.hedge.guards.daily_notional, f"today would come to {total:.0f}")


def _daily_cost(p: Proposal) -> Denied | None:
    cost = cost_today(p.memory, p.state.ledgers[p.hedge.name], p.state.now)
    return _above(Reason.DAILY_COST, cost, p.hedge.guards.daily_cost, f"today has cost {cost:.2f}")


def _position(p: Proposal) -> Denied | None:
    """The hedge's positions together if this order fills, and with it every order on its side of unknown fate."""
    lost = (o for o in p.state.orders.values() if o.status is OrderStatus.UNKNOWN and o.id == p.instrument.id)
    quantity = p.quantity + sum((o.remaining for o in lost if o.side is p.side), ZERO)
    after = abs(coins_for(p.state, p.hedge, p.instrument, p.position + p.side.sign * quantity))
    for id in p.hedge.instruments:
        if id != p.instrument.id and id in p.state.instruments:
            after += largest(p.state, p.hedge, id)
    return _above(Reason.POSITION, after, p.hedge.guards.position, f"the position would be {after} coins")


def _futile_hedges(p: Proposal) -> Denied | None:
    text = "hedges in a row left the deviation where it was"
    return _at_limit(Reason.FUTILE_HEDGES, p.memory.futile, p.hedge.guards.futile_hedges, text)


def _leverage(p: Proposal) -> Denied | None:
    wanted = p.hedge.guards.leverage
    return _setting(p, Reason.LEVERAGE, lambda held: held.leverage == wanted, f"leverage is not {wanted}")


def _margin_mode(p: Proposal) -> Denied | None:
    wanted = p.hedge.guards.margin_mode
    return _setting(p, Reason.MARGIN_MODE, lambda held: held.margin_mode is wanted, f"margin mode is not {wanted}")


def _setting(p: Proposal, reason: Reason, holds: Callable[[Position], bool], text: str) -> Denied | None:
    reading = p.state.accounts[p.instrument.id.account].reading
    rows = [] if reading is None else [row for row in reading.positions if row.id == p.instrument.id]
    if rows and all(holds(row) for row in rows):
        return None
    return Denied(reason, f"{p.instrument.id}: {text}; set it on the venue, or restart the hedger to set it")


def _position_mode(p: Proposal) -> Denied | None:
    reading = p.state.accounts[p.instrument.id.account].reading
    if reading is not None and reading.one_way:
        return None
    text = f"account {p.instrument.id.account} is in hedge (two-way) mode; set it to one-way"
    return Denied(Reason.POSITION_MODE, text)


def _margin_ratio(p: Proposal) -> Denied | None:
    if p.memory.margin_severity < Severity.STOP or _stands_in(p, p.memory.short_of_margin):
        return _beside(p, Reason.MARGIN_RATIO, lambda memory: (memory.margin_severity, memory.short_of_margin))
    worst = max(margin_ratios(p.state, p.hedge), default=ZERO)
    levels = p.hedge.guards.margin_ratio
    return Denied(Reason.MARGIN_RATIO, f"margin ratio {worst:.3f}, stop at {levels.stop}, free below {levels.warn}")


def _liquidation_distance(p: Proposal) -> Denied | None:
    if p.memory.liquidation_severity < Severity.STOP or _stands_in(p, p.memory.near_liquidation):
        why = Reason.LIQUIDATION_DISTANCE
        return _beside(p, why, lambda memory: (memory.liquidation_severity, memory.near_liquidation))
    nearest = min(liquidation_distances(p.state, p.hedge), default=ZERO)
    levels = p.hedge.guards.liquidation_distance
    text = f"liquidation is {nearest:.3f} away, stop at {levels.stop}, free above {levels.warn}"
    return Denied(Reason.LIQUIDATION_DISTANCE, text)


def _free_margin(p: Proposal) -> Denied | None:
    added = p.quantity - reducible(p.side, p.position)
    most = affordable(p.state, p.hedge, p.instrument.id, p.price)
    text = f"the free margin is enough for {most:.6f} more, and this adds {added}"
    return Denied(Reason.FREE_MARGIN, text) if added > most else None


def _stands_in(p: Proposal, stopped: tuple[str, ...]) -> bool:
    """Whether the order is for an account that may stand in for those at their stop, and is none of them."""
    return p.hedge.failover.allowed and p.instrument.id.account not in stopped


def _beside(
    p: Proposal, reason: Reason, level: Callable[[HedgeState], tuple[Severity, tuple[str, ...]]]
) -> Denied | None:
    """A hedge that lacks margin is not helped by another one that uses more of it on the same account. `level` is how
    far a guard is crossed, and on which accounts where they are judged apart."""
    own = p.instrument.id.account
    accounts = {own} if p.hedge.failover.allowed else {id.account for id in p.hedge.instruments}
    for id, names in p.state.hedges_of_instrument.items():
        for name in names:
            severity, apart = level(p.state.hedges[name])
            if severity < Severity.STOP or name == p.hedge.name or id.account not in accounts:
                continue
            if not apart or id.account in apart:
                return Denied(reason, f"hedge {name} on the same account is at its stop")
    return None


def _switch_lease(p: Proposal) -> Denied | None:
    return None if p.saves else _because(Reason.SWITCH_LEASE, no_lease(p.state, p.instrument.id.account, p.state.now))


def _breaker(p: Proposal) -> Denied | None:
    return _because(Reason.BREAKER, broken(p.state, p.instrument.id, saves=p.saves))


def _restricted(p: Proposal) -> Denied | None:
    return _because(Reason.RESTRICTED, restricted(p.state, p.instrument.id))


def _quiet(p: Proposal) -> Denied | None:
    return _because(Reason.QUIET, quiet(p.state, p.instrument.id.account, p.state.now))


def _instrument_gone(p: Proposal) -> Denied | None:
    gone = p.instrument.id in p.state.delisted
    return _because(Reason.INSTRUMENT_GONE, f"the venue does not list {p.instrument.id} any more" if gone else None)


def _foreign_drift(p: Proposal) -> Denied | None:
    account = p.instrument.id.account
    left = p.state.accounts[account].movement.drifting_until - p.state.now
    text = f"others keep moving positions of account {account}; {left // MINUTE_MS + 1} quiet minutes are missing"
    return _because(Reason.FOREIGN_DRIFT, text if left > 0 else None)


def _depeg(p: Proposal) -> Denied | None:
    return _because(Reason.DEPEG, off_peg(p.state, p.hedge, (p.instrument.quote, p.instrument.settle)))


def _numeraire(p: Proposal) -> Denied | None:
    return _because(Reason.NUMERAIRE, uncounted(p.state, p.hedge))


def _price_drift(p: Proposal) -> Denied | None:
    ranged = price_range_bps(p.memory, p.instrument.id, p.price, p.state.now)
    text = f"our own prices of ten minutes would range over {ranged:.1f} bp"
    return _above(Reason.PRICE_DRIFT, ranged, p.hedge.guards.price_drift, text)


def _cancels_per_hour(p: Proposal) -> Denied | None:
    vain, limit = cancels_in_vain(p.memory, p.state.now), p.hedge.guards.cancels_per_hour
    return _at_limit(Reason.CANCELS_PER_HOUR, vain, limit, "cancels without a fill in the last hour")


def _because(reason: Reason, text: str | None) -> Denied | None:
    return None if text is None else Denied(reason, text)


def _above(reason: Reason, value: Decimal, limit: Decimal, text: str) -> Denied | None:
    return Denied(reason, f"{text}, the limit is {limit}") if value > limit else None


def _at_limit(reason: Reason, value: int, limit: int, text: str) -> Denied | None:
    return Denied(reason, f"{value} {text}, the limit is {limit}") if value >= limit else None


# The order is the order of evaluation: facts before risk. Each name is a field of policy.Guards, except the position
# mode, which has no setting because the program hedges in one-way mode only, what wealth and money are counted in,
# which are set elsewhere, and what shuts a whole account.
GUARDS: tuple[tuple[str, Kind, Guard], ...] = (
    ("quote_age", Kind.FACT, _quote_age),
    ("mark_age", Kind.FACT, _mark_age),
    ("account_age", Kind.FACT, _account_age),
    ("position_mode", Kind.FACT, _position_mode),
    ("instrument_gone", Kind.FACT, _instrument_gone),
    ("switch_lease", Kind.FACT, _switch_lease),
    ("breaker", Kind.FACT, _breaker),
    ("mark_collar", Kind.FACT, _mark_collar),
    ("price_sources", Kind.FACT, _price_sources),
    ("quiet", Kind.LEAVE, _quiet),
    ("expiring", Kind.RISK, _expiring),
    ("index_collar", Kind.RISK, _index_collar),
    ("numeraire", Kind.RISK, _numeraire),
    ("depeg", Kind.RISK, _depeg),
    ("restricted", Kind.RISK, _restricted),
    ("foreign_drift", Kind.RISK, _foreign_drift),
    ("futile_hedges", Kind.ENTRY, _futile_hedges),
    ("margin_ratio", Kind.RISK, _margin_ratio),
    ("liquidation_distance", Kind.RISK, _liquidation_distance),
    ("free_margin", Kind.ENTRY, _free_margin),
    ("leverage", Kind.RISK, _leverage),
    ("margin_mode", Kind.RISK, _margin_mode),
    ("spread", Kind.ENTRY, _spread),
    ("depth", Kind.ENTRY, _depth),
    ("basis", Kind.ENTRY, _basis),
    ("basis_yearly", Kind.ENTRY, _basis_yearly),
    ("adverse_funding", Kind.RISK, _adverse_funding),
    ("position", Kind.RISK, _position),
    ("order_notional", Kind.RISK, _order_notional),
    ("daily_notional", Kind.ENTRY, _daily_notional),
    ("daily_cost", Kind.ENTRY, _daily_cost),
    ("price_drift", Kind.ENTRY, _price_drift),
    ("cancels_per_hour", Kind.ENTRY, _cancels_per_hour),
    ("orders_per_minute", Kind.ENTRY, _orders_per_minute),
    ("orders_per_day", Kind.ENTRY, _orders_per_day),
)

_OF_ACCOUNT = frozenset({"switch_lease", "breaker", "restricted", "quiet", "foreign_drift", "free_margin"})
WITHOUT_SETTING = _OF_ACCOUNT | {"position_mode", "numeraire", "depeg", "instrument_gone", "price_sources"}
EVALUATED = frozenset(name for name, _, _ in GUARDS) - WITHOUT_SETTING
