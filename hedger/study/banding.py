"""Policies followed along prices: when to trade, how much, what it cost and what risk was left.

A policy here is the engine's: `formulas.optimal.traded` decides, and the widths are that module's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.optimal import traded
from hedger.study.paths import Floats


class Discipline(NamedTuple):
    """The band at each step: its trigger A and reset B in coins, of shape (steps, paths) or less, and whether a clock
    strikes at it (`strikes`, of shape (steps,)): then all is traded."""

    trigger: Floats
    reset: Floats
    strikes: Floats


class Outcome(NamedTuple):
    """What a policy came to. `turnover` and `orders` are means over the paths of coins and trades; `cost` the mean in
    quote at a cost of 1 per unit of notional; `variance` the mean of Σ (x·ΔS)² in quote²."""

    turnover: float
    orders: float
    cost: float
    variance: float


def band(trigger: float | Floats, reset: float | Floats, steps: int) -> Discipline:
    """A band that is always watched; the clock never strikes."""
    shape = (steps, 1)
    return Discipline(
        np.broadcast_to(np.asarray(trigger, dtype=np.float64), np.broadcast_shapes(np.shape(trigger), shape)),
        np.broadcast_to(np.asarray(reset, dtype=np.float64), np.broadcast_shapes(np.shape(reset), shape)),
        np.zeros(steps),
    )


def clock(every: int, steps: int) -> Discipline:
    """To the target at every `every`-th step, and at no other."""
    never = np.broadcast_to(np.float64(np.inf), (steps, 1))
    strikes = (np.arange(1, steps + 1) % every == 0).astype(np.float64)
    return Discipline(never, np.zeros((steps, 1)), strikes)


def follow(walk: Floats, targets: Floats, policy: Discipline, risk_on: Floats | None = None) -> Outcome:
    """Follow a policy along prices of shape (steps + 1, paths), the wanted delta `targets` of the same shape.

    It starts on the target. The deviation is what is held less what is wanted; it bears the price's next move, and then
    is looked at. Where another delta than the wanted one bears the risk, it is `risk_on`, of the same shape.
    """
    apart = np.zeros_like(targets) if risk_on is None else targets - risk_on
    deviation = np.zeros(walk.shape[1])
    turnover = orders = cost = variance = 0.0
    for step, strike in enumerate(policy.strikes):
        variance += float(np.mean(((deviation + apart[step]) * (walk[step + 1] - walk[step])) ** 2))
        deviation = deviation - (targets[step + 1] - targets[step])
        trigger, reset = _edges(policy, step, bool(strike))
        coins = traded(deviation, deviation, (trigger, trigger), (reset, reset))
        deviation = deviation + coins
        size = np.abs(coins)
        turnover += float(np.mean(size))
        orders += float(np.mean(size > 0))
        cost += float(np.mean(size * walk[step + 1]))
    return Outcome(turnover, orders, cost, variance)


def _edges(policy: Discipline, step: int, strike: bool) -> tuple[Floats, Floats]:
    if strike:
        return np.zeros(1), np.zeros(1)
    return policy.trigger[step], policy.reset[step]
