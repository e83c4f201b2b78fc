"""Policies at equal residual on a contract whose gamma in money never changes, where theory's averages hold exactly.

Its delta is g·ln S, so that its target's variance rate is D = g²σ² along every path. One day of watching is far more
than a band of some standard deviations of a step needs to forget its start.
"""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.optimal import (
    aversion_of,
    band_residual,
    budget_width,
    clock_for,
    clock_residual,
    clock_turnover,
    target_variance,
    turnover,
    watched,
)
from hedger.study.banding import Outcome, band, clock, follow
from hedger.study.paths import prices

SEED = 4
SPOT = 60_000.0
SIGMA = 0.6
COINS = 10.0  # g: the delta moves by a tenth of a coin when the price moves by 1 %


class Ground(NamedTuple):
    """How long a study goes and how finely it looks: `steps` within `years`, over `paths`."""

    years: float
    steps: int
    paths: int

    @property
    def dt(self) -> float:
        """The span between two looks, in years."""
        return self.years / self.steps


GROUND = Ground(years=2 / 365, steps=4_000, paths=96)
HALF = 0.05  # coins: seven standard deviations of a step


class Row(NamedTuple):
    """One policy: its parameter, residual (quote per √year) and turnover (coins a year), measured and by theory."""

    policy: str
    parameter: float
    residual: float
    turnover: float
    orders: float
    theory_residual: float
    theory_turnover: float


def variance() -> float:
    """D of the contract, in coins² a year."""
    return target_variance(COINS / SPOT, SIGMA, SPOT)


@cache
def policies(residual: float, ground: Ground) -> tuple[Row, ...]:
    """Edge, trigger and reset, centre and clock, each set by theory to leave `residual` quote per √year."""
    walk = prices(SEED, spot=SPOT, sigma=SIGMA, years=ground.years, steps=ground.steps, paths=ground.paths)
    targets = COINS * np.log(walk / SPOT)
    half, d = budget_width(residual, SIGMA, SPOT), variance()
    rows = []
    for name, outer, inner in shapes(half):
        narrower = watched(outer, COINS / SPOT, SIGMA, SPOT, ground.dt)
        ends = min(inner, narrower)
        measured = follow(walk, targets, band(narrower, ends, ground.steps))
        theory = band_residual(outer, inner, SIGMA, SPOT), turnover(d, outer, inner)
        rows.append(_row(name, outer, measured, ground, theory))
    every = max(1, round(clock_for(half, d) / ground.dt))
    span = every * ground.dt
    theory = clock_residual(d, SIGMA, SPOT, span), clock_turnover(d, span)
    measured = follow(walk, targets, clock(every, ground.steps))
    rows.append(_row("clock", span, measured, ground, theory))
    return tuple(rows)


def shapes(half: float) -> tuple[tuple[str, float, float], ...]:
    """(name, trigger, reset) that leave the residual of `half` to each edge: A² + B² = 2H²."""
    between = half * sqrt(2 / (1 + 0.25))
    return ("edge", half, half), ("half-way", between, between / 2), ("centre", half * sqrt(2), 0.0)


def _row(name: str, parameter: float, measured: Outcome, ground: Ground, theory: tuple[float, float]) -> Row:
    return Row(
        name,
        parameter,
        sqrt(measured.variance / ground.years),
        measured.turnover / ground.years,
        measured.orders / ground.years,
        *theory,
    )


@cache
def watching(steps_per_width: tuple[float, ...], ground: Ground) -> tuple[tuple[float, float, float], ...]:
    """(H in standard deviations of a step, residual over the budget's as H stands, and corrected) for an edge."""
    walk = prices(SEED, spot=SPOT, sigma=SIGMA, years=ground.years, steps=ground.steps, paths=ground.paths)
    targets = COINS * np.log(walk / SPOT)
    step = sqrt(variance() * ground.dt)
    rows = []
    for width in steps_per_width:
        wanted = float(band_residual(width * step, width * step, SIGMA, SPOT))
        shares = []
        for half in (width * step, watched(width * step, COINS / SPOT, SIGMA, SPOT, ground.dt)):
            measured = follow(walk, targets, band(half, half, ground.steps))
            shares.append(sqrt(measured.variance / ground.years) / wanted)
        rows.append((width, shares[0], shares[1]))
    return tuple(rows)


# --- the best width -------------------------------------------------------------------------------------------------


class Point(NamedTuple):
    """What an edge at `half` coins came to: turnover in coins and variance in quote², both a year."""

    half: float
    turnover: float
    variance: float


class Best(NamedTuple):
    """The width that was measured to be best at a cost: with its turnover, and its cost and penalty in quote a year."""

    half: float
    turnover: float
    cost: float
    penalty: float


@cache
def curve(ground: Ground, widths: int = 7) -> tuple[Point, ...]:
    """Edges of several widths along the same prices, each narrowed for being watched at intervals."""
    walk = prices(SEED, spot=SPOT, sigma=SIGMA, years=ground.years, steps=ground.steps, paths=ground.paths)
    targets = COINS * np.log(walk / SPOT)
    points = []
    for place in range(widths):
        half = HALF * 2 ** ((place - widths // 2) / 3)
        narrower = watched(half, COINS / SPOT, SIGMA, SPOT, ground.dt)
        measured = follow(walk, targets, band(narrower, narrower, ground.steps))
        points.append(Point(half, measured.turnover / ground.years, measured.variance / ground.years))
    return tuple(points)


def best(points: tuple[Point, ...], cost: float) -> Best:
    """The best width at a proportional cost, for the risk aversion under which theory says HALF at 2 bp.

    Turnover and variance are smoothed as powers of the width, as they are in theory, and the minimum is read off.
    """
    aversion = aversion_of(HALF, 0.0002, variance(), SIGMA, SPOT)
    logs = np.log([point.half for point in points])
    of_turnover = np.polyfit(logs, np.log([point.turnover for point in points]), 1)
    of_variance = np.polyfit(logs, np.log([point.variance for point in points]), 1)
    fine = np.linspace(logs[0] - 1, logs[-1] + 1, 4_001)
    coins, risk = np.exp(np.polyval(of_turnover, fine)), np.exp(np.polyval(of_variance, fine))
    at = int(np.argmin(cost * SPOT * coins + aversion / 2 * risk))
    paid, penalty = float(cost * SPOT * coins[at]), float(aversion / 2 * risk[at])
    return Best(float(np.exp(fine[at])), float(coins[at]), paid, penalty)
