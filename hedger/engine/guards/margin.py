"""Levelled guards with hysteresis: margin ratio and liquidation distance, and what their severities mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from hedger.engine.formulas.liquidation import distance_by_equity, notional_of
from hedger.engine.held.expiry import has_expired
from hedger.engine.held.exposure import position_of
from hedger.engine.known.policy import Hedge, Levels
from hedger.engine.known.state import HedgeState, Severity, State
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.numeric import ZERO

DOUBTED = Decimal("0.02")


def judge_margin(state: State, hedge: Hedge, memory: HedgeState) -> HedgeState:
    """The hedge's memory with both severities judged anew on the believed readings."""
    ratio = max(margin_ratios(state, hedge), default=None)
    distance = min(liquidation_distances(state, hedge), default=None)
    margin = memory.margin_severity
    if ratio is not None:
        margin = severity(margin, ratio, hedge.guards.margin_ratio, rising_is_worse=True)
    liquidation = memory.liquidation_severity
    if distance is not None:
        liquidation = severity(liquidation, distance, hedge.guards.liquidation_distance, rising_is_worse=False)
    elif liquidation_known(state, hedge):  # what a venue leaves out of one reading does not make the last one untrue
        liquidation = Severity.CLEAR
    if hedge.failover.allowed:
        memory = _apart(state, hedge, memory)
    if margin is memory.margin_severity and liquidation is memory.liquidation_severity:
        return memory
    return replace(memory, margin_severity=margin, liquidation_severity=liquidation)


def _apart(state: State, hedge: Hedge, memory: HedgeState) -> HedgeState:
    """The memory with each account judged by itself, so that one may stand in for another that is at its stop."""
    ratios, distances = hedge.guards.margin_ratio, hedge.guards.liquidation_distance
    short, near = [], []
    for account in dict.fromkeys(id.account for id in hedge.instruments):
        worst = max(margin_ratios(state, hedge, account), default=ZERO)
        before = Severity.STOP if account in memory.short_of_margin else Severity.CLEAR
        if severity(before, worst, ratios, rising_is_worse=True) >= Severity.STOP:
            short.append(account)
        nearest = min(liquidation_distances(state, hedge, account), default=None)
        before = Severity.STOP if account in memory.near_liquidation else Severity.CLEAR
        if nearest is None:
            now = Severity.CLEAR if liquidation_known(state, hedge, account) else before
        else:
            now = severity(before, nearest, distances, rising_is_worse=False)
        if now >= Severity.STOP:
            near.append(account)
    if (memory.short_of_margin, memory.near_liquidation) == (tuple(short), tuple(near)):
        return memory
    return replace(memory, short_of_margin=tuple(short), near_liquidation=tuple(near))


def at_their_stop(hedge: Hedge, memory: HedgeState) -> frozenset[str]:
    """The accounts on which a hedge's margin lets nothing be added: each by itself where one may stand in for another,
    else all of them together."""
    if memory.severity < Severity.STOP:
        return frozenset()
    if hedge.failover.allowed:
        return frozenset(memory.short_of_margin + memory.near_liquidation)
    return frozenset(id.account for id in hedge.instruments)


def severity(before: Severity, value: Decimal, levels: Levels, *, rising_is_worse: bool) -> Severity:
    """How far a guard is crossed: raised at once, lowered only past the threshold of the level beneath."""
    thresholds = (levels.clear, levels.warn, levels.stop, levels.reduce)
    crossed = [value >= t if rising_is_worse else value <= t for t in thresholds]
    reached = Severity(max((level for level in range(1, 4) if crossed[level]), default=0))
    held = Severity(max((level for level in range(1, before + 1) if crossed[level - 1]), default=0))
    return max(reached, held)


def margin_ratios(state: State, hedge: Hedge, account: str | None = None) -> list[Decimal]:
    """The margin ratio of each wallet that backs the hedge's contracts, and of its coin's, on which options hang, on
    each of their accounts (or on one) that has been read.

    Money does not defend a position that is margined in coins, nor coins one that is margined in money, nor a money
    one that settles in another where each backs only its own.
    """
    readings = _readings(state, hedge, account)
    return [margin.margin_ratio for reading in readings for margin in _margins(state, reading, hedge)]


def _margins(state: State, reading: AccountReading, hedge: Hedge) -> Iterator[Margin]:
    for id in hedge.instruments:
        if id.account == reading.account:
            rules = state.instruments.get(id)
            yield reading.margin if rules is None else backing(reading, rules) or reading.margin
    if hedge.underlying in reading.coin_margins:
        yield reading.coin_margins[hedge.underlying]


def backing(reading: AccountReading, rules: Instrument) -> Margin | None:
    """The margin of the wallet that backs a contract: its coin's, that of the money which it settles in where each
    money backs only its own, else the account's. None for a coin whose wallet the venue does not tell."""
    if rules.payoff is Payoff.INVERSE:
        return reading.coin_margins.get(rules.underlying)
    return reading.coin_margins.get(rules.settle, reading.margin)


def liquidation_distances(state: State, hedge: Hedge, account: str | None = None) -> list[Decimal]:
    """How far the mark of each open position of the hedge (or of one account's) is from its liquidation: |liquidation
    price ÷ mark − 1| where the venue names that price, and where it names none, what equity and maintenance margin let
    the price move."""
    distances = (distance_of(state, position) for position in _positions(state, hedge, account))
    return [distance for distance in distances if distance is not None]


def distance_of(state: State, position: Position) -> Decimal | None:
    """One position's distance to its liquidation, as a ratio of its mark; None where no price would liquidate it."""
    if not position.quantity or position.mark_price <= 0:
        return None
    if position.liquidation_price is not None:
        return abs(position.liquidation_price / position.mark_price - 1)
    margin = _margin_of(state, position)
    return None if margin is None else distance_by_equity(position, margin, _beside(state, position))


def _beside(state: State, position: Position) -> Decimal:
    """What else is held on a position's coin out of the same margin, signed, in the asset that this is in."""
    reading, margin = state.accounts[position.id.account].reading, _margin_of(state, position)
    others = (
        row
        for row in (() if reading is None else reading.positions)
        if row.quantity and row.id != position.id and row.underlying == position.underlying
        if row.payoff is position.payoff and row.margin_mode is not MarginMode.ISOLATED
    )
    return sum((notional_of(row) for row in others if _margin_of(state, row) is margin), ZERO)


def liquidation_known(state: State, hedge: Hedge, account: str | None = None) -> bool:
    """Whether of each open position (or of one account's) it is known where it is liquidated, or that no price would do
    it: where nothing has a distance then, there is none. False where an account was not read, or a position's own
    margin is all that counts and its venue names no price."""
    accounts = {id.account for id in hedge.instruments if account in (None, id.account)}
    if any(state.accounts[name].reading is None for name in accounts):
        return False
    return all(_is_known(state, position) for position in _positions(state, hedge, account) if position.quantity)


def _is_known(state: State, position: Position) -> bool:
    if position.mark_price <= 0:
        return False
    if position.liquidation_price is not None:
        return True
    return position.margin_mode is not MarginMode.ISOLATED and _margin_of(state, position) is not None


def _margin_of(state: State, position: Position) -> Margin | None:
    """The margin of the wallet that backs a position."""
    reading, rules = state.accounts[position.id.account].reading, state.instruments.get(position.id)
    if reading is None or rules is not None:
        return None if reading is None or rules is None else backing(reading, rules)
    return reading.coin_margins.get(position.underlying) if position.payoff is Payoff.INVERSE else reading.margin


def liquidation_doubts(state: State, hedge: Hedge) -> list[str]:
    """The positions, alone on their wallet, whose liquidation price the venue names more than 2 % of the mark away from
    where their account's equity meets its maintenance margin: one of the two is not understood."""
    doubts = []
    for position in _positions(state, hedge):
        margin, told = _margin_of(state, position), position.liquidation_price
        if margin is None or told is None or position.mark_price <= 0 or not _is_alone(state, position):
            continue
        ours = distance_by_equity(position, margin)
        if ours is not None and abs(ours - abs(told / position.mark_price - 1)) > DOUBTED:
            way = 1 - ours if position.quantity > 0 else 1 + ours
            doubts.append(f"{position.id}: the venue says {told}, equity says {position.mark_price * way:.2f}")
    return doubts


def _is_alone(state: State, position: Position) -> bool:
    reading = state.accounts[position.id.account].reading
    rows = () if reading is None else reading.positions
    inverse = position.payoff is Payoff.INVERSE
    beside = (p for p in rows if p.quantity and p.id != position.id and (p.payoff is Payoff.INVERSE) is inverse)
    return not any(not inverse or p.underlying == position.underlying for p in beside)


def affordable(state: State, hedge: Hedge, id: InstrumentId, price: Decimal) -> Decimal:
    """How many units at `price` the account's free margin lets the hedge add, at its leverage; the venue refuses more.

    Of a contract that settles in coins that is free coins × price × leverage ÷ its value, and nothing where the venue
    does not tell that wallet. After a liquidation there is no position, and a margin ratio of nothing says that all is
    well: this says it is not.
    """
    reading, rules = state.accounts[id.account].reading, state.instruments[id]
    margin = None if reading is None else backing(reading, rules)
    if margin is None:
        return ZERO
    worth = max(ZERO, margin.available) * hedge.guards.leverage
    return rules.units(worth, price) if rules.payoff is Payoff.INVERSE else worth / price


def endangered_position(state: State, hedge: Hedge) -> Position | None:
    """The position to reduce first: the one nearest to its liquidation, the larger where two are as near."""
    held = [p for p in _positions(state, hedge) if position_of(state, p.id) and _can_be_traded(state, p)]
    if hedge.failover.allowed:  # what is taken off where margin is not short would only have to come back
        stopped = at_their_stop(hedge, state.hedges[hedge.name])
        held = [p for p in held if p.id.account in stopped]
    return max(held, key=lambda p: (_danger(state, hedge, p), abs(p.delta)), default=None)


def _can_be_traded(state: State, position: Position) -> bool:
    """Not what is delisted, nor what has expired and is still told: they would stand before a position that can."""
    return position.id not in state.delisted and not has_expired(state, position.id)


def _danger(state: State, hedge: Hedge, position: Position) -> Decimal:
    """How near to liquidation a position is, by its wallet's margin ratio and its own distance: 1 at their levels of
    reduction, and nothing below the stop level, where its size matters more."""
    margin, distance = _margin_of(state, position), distance_of(state, position)
    ratios, distances = hedge.guards.margin_ratio, hedge.guards.liquidation_distance
    danger = ZERO
    if margin is not None and margin.margin_ratio >= ratios.stop:
        danger = margin.margin_ratio / ratios.reduce
    if distance is not None and distance <= distances.stop:
        danger = max(danger, distances.reduce / distance if distance else Decimal("Infinity"))
    return danger


def _positions(state: State, hedge: Hedge, account: str | None = None) -> list[Position]:
    wanted, readings = frozenset(hedge.instruments), _readings(state, hedge, account)
    return [position for reading in readings for position in reading.positions if position.id in wanted]


def _readings(state: State, hedge: Hedge, only: str | None = None) -> Iterator[AccountReading]:
    for account in dict.fromkeys(id.account for id in hedge.instruments if only in (None, id.account)):
        reading = state.accounts[account].reading
        if reading is not None:
            yield reading
