"""Levelled guards with hysteresis: margin ratio and liquidation distance, and what their severities mean."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.exposure import position_of
from hedger.engine.policy import Hedge, Levels
from hedger.engine.state import HedgeState, Severity, State
from hedger.model.account import Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO


def judge_margin(state: State, hedge: Hedge, memory: HedgeState) -> HedgeState:
    """The hedge's memory with both severities judged anew on the believed readings."""
    ratio = max(margin_ratios(state, hedge), default=None)
    distance = min(liquidation_distances(state, hedge), default=None)
    margin = memory.margin_severity
    if ratio is not None:
        margin = severity(margin, ratio, hedge.guards.margin_ratio, rising_is_worse=True)
    liquidation = Severity.CLEAR
    if distance is not None:
        levels = hedge.guards.liquidation_distance
        liquidation = severity(memory.liquidation_severity, distance, levels, rising_is_worse=False)
    if margin is memory.margin_severity and liquidation is memory.liquidation_severity:
        return memory
    return replace(memory, margin_severity=margin, liquidation_severity=liquidation)


def severity(before: Severity, value: Decimal, levels: Levels, *, rising_is_worse: bool) -> Severity:
    """How far a guard is crossed: raised at once, lowered only past the threshold of the level beneath."""
    thresholds = (levels.clear, levels.warn, levels.stop, levels.reduce)
    crossed = [value >= t if rising_is_worse else value <= t for t in thresholds]
    reached = Severity(max((level for level in range(1, 4) if crossed[level]), default=0))
    held = Severity(max((level for level in range(1, before + 1) if crossed[level - 1]), default=0))
    return max(reached, held)


def margin_ratios(state: State, hedge: Hedge) -> list[Decimal]:
    """The margin ratio of each derivatives account of the hedge that has been read."""
    readings = (state.accounts[account].reading for account in dict.fromkeys(id.account for id in hedge.instruments))
    return [reading.margin.margin_ratio for reading in readings if reading is not None]


def liquidation_distances(state: State, hedge: Hedge) -> list[Decimal]:
    """|liquidation price ÷ mark − 1| of each open position of the hedge for which the venue names one."""
    distances = (_distance(position) for position in _positions(state, hedge))
    return [distance for distance in distances if distance is not None]


def _distance(position: Position) -> Decimal | None:
    if not position.quantity or position.liquidation_price is None or position.mark_price <= 0:
        return None
    return abs(position.liquidation_price / position.mark_price - 1)


def affordable(state: State, hedge: Hedge, id: InstrumentId, price: Decimal) -> Decimal:
    """How many units at `price` the account's free margin lets the hedge add, at its leverage; the venue refuses more.

    After a liquidation there is no position, and a margin ratio of nothing says that all is well: this says it is not.
    """
    reading = state.accounts[id.account].reading
    return ZERO if reading is None else max(ZERO, reading.margin.available) * hedge.guards.leverage / price


def endangered_position(state: State, hedge: Hedge) -> Position | None:
    """The position to reduce first: the one nearest to its liquidation, the larger where two are as near."""
    held = [p for p in _positions(state, hedge) if position_of(state, p.id) and p.id not in state.delisted]
    return max(held, key=lambda p: (_danger(state, hedge, p), abs(p.delta)), default=None)


def _danger(state: State, hedge: Hedge, position: Position) -> Decimal:
    """How near to liquidation a position is, by its account's margin ratio and its own distance: 1 at their levels of
    reduction, and nothing below the stop level, where its size matters more."""
    reading, distance = state.accounts[position.id.account].reading, _distance(position)
    ratios, distances = hedge.guards.margin_ratio, hedge.guards.liquidation_distance
    danger = ZERO
    if reading is not None and reading.margin.margin_ratio >= ratios.stop:
        danger = reading.margin.margin_ratio / ratios.reduce
    if distance is not None and distance <= distances.stop:
        danger = max(danger, distances.reduce / distance if distance else Decimal("Infinity"))
    return danger


def _positions(state: State, hedge: Hedge) -> list[Position]:
    wanted = frozenset(hedge.instruments)
    readings = (state.accounts[account].reading for account in dict.fromkeys(id.account for id in hedge.instruments))
    return [p for reading in readings if reading is not None for p in reading.positions if p.id in wanted]
