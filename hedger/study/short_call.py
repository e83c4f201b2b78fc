"""Policies for a book that is short a call: gamma comes and goes, and each policy is set for the same risk aversion."""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.greeks import black76
from hedger.engine.formulas.optimal import (
    aversion_of,
    best_centre,
    best_clock,
    budget_width,
    leland_variance,
    target_variance,
    trigger_and_reset,
    watched,
    whalley_wilmott,
    zakamouline,
    zakamouline_variance,
)
from hedger.study.banding import Discipline, Outcome, band, clock, follow
from hedger.study.paths import Floats, prices

SEED = 11
SPOT = STRIKE = 60_000.0
SIGMA = 0.6
COINS = 10.0  # calls sold, on a coin each
DAYS = 30
STEPS = 1_440  # half an hour each
PATHS = 64
RESIDUAL = 0.02  # a year, of the value of the coins: the risk aversion follows from it
COST = 0.0002
FIXED = 5.0  # quote an order


class Row(NamedTuple):
    """One policy over the life of the call: mean cost in quote, residual (quote per √year), orders, and the penalty
    with the risk aversion that all share, in quote."""

    policy: str
    cost: float
    residual: float
    orders: float
    penalty: float

    @property
    def total(self) -> float:
        """What the policies are compared by: cost and risk penalty, in quote."""
        return self.cost + self.penalty


class Scene(NamedTuple):
    """The prices, and at each the call's delta and gamma; `left` is the time to expiry at each step, in years."""

    walk: Floats
    delta: Floats
    gamma: Floats
    left: Floats
    dt: float
    aversion: float
    half: float


@cache
def scene(cost: float = COST) -> Scene:
    """The scene of a study at a proportional cost."""
    years = DAYS / 365
    walk = prices(SEED, spot=SPOT, sigma=SIGMA, years=years, steps=STEPS, paths=PATHS)
    left = years * (1 - np.arange(STEPS + 1) / STEPS)[:, None] + 0 * walk
    delta, gamma = greeks(walk, left, SIGMA)
    half = budget_width(RESIDUAL * COINS * SPOT, SIGMA, SPOT)
    typical = target_variance(float(COINS * gamma[0, 0]), SIGMA, SPOT)
    aversion = aversion_of(half, cost, typical, SIGMA, SPOT)
    return Scene(walk, delta, gamma, left, years / STEPS, aversion, half)


def greeks(walk: Floats, left: Floats, sigma: float | Floats) -> tuple[Floats, Floats]:
    """Delta and gamma of one call at each price, with a volatility that may differ at each."""
    flat, ones = walk.ravel(), np.ones(walk.size)
    sigmas = np.broadcast_to(sigma, walk.shape).ravel()
    found = black76(flat, STRIKE * ones, left.ravel(), np.ascontiguousarray(sigmas), ones)
    return found.delta.reshape(walk.shape), found.gamma.reshape(walk.shape)


@cache
def policies(fixed: float = FIXED, cost: float = COST) -> tuple[Row, ...]:
    """Every policy, each as its theory sets it for the same risk aversion."""
    at = scene(cost)
    gamma, spot = COINS * at.gamma[1:], at.walk[1:]
    variance = target_variance(gamma, SIGMA, spot)
    half = whalley_wilmott(cost, variance, SIGMA, spot, at.aversion)
    typical = target_variance(float(COINS * at.gamma[0, 0]), SIGMA, SPOT)
    span = best_clock(cost, typical, SIGMA, SPOT, at.aversion)
    every = max(1, round(span / at.dt))
    move = best_centre(at.half) / float(COINS * at.gamma[0, 0] * SPOT)
    trigger, reset = trigger_and_reset(np.maximum(half, 1e-9), fixed / (cost * spot))
    narrow = watched(half, gamma, SIGMA, spot, at.dt)
    zak, steepness = zakamouline(cost, np.maximum(gamma, 1e-12), SIGMA, spot, at.left[:-1], at.aversion)
    other = SIGMA * np.sqrt(zakamouline_variance(steepness, long=False))
    leland = SIGMA * sqrt(leland_variance(cost, SIGMA, every * at.dt, long=False))
    plain = COINS * at.delta
    first = plain[:1]
    shifted = np.concatenate((first, COINS * greeks(at.walk[1:], at.left[1:], other)[0]))
    return (
        _row("whalley_wilmott", at, plain, _band(narrow, narrow), cost, fixed),
        _row("whalley_wilmott, not corrected", at, plain, _band(half, half), cost, fixed),
        _row("fixed_cost", at, plain, _fixed(at, gamma, spot, trigger, reset), cost, fixed),
        _row("zakamouline", at, shifted, _band(zak, zak), cost, fixed),
        _row("price_move", at, plain, _band(gamma * spot * move, 0 * spot), cost, fixed),
        _row("clock", at, plain, clock(every, STEPS), cost, fixed),
        _row("leland", at, COINS * greeks(at.walk, at.left, leland)[0], clock(every, STEPS), cost, fixed),
    )


def _band(trigger: Floats, reset: Floats) -> Discipline:
    return band(trigger, reset, STEPS)


def _fixed(at: Scene, gamma: Floats, spot: Floats, trigger: Floats, reset: Floats) -> Discipline:
    corrected = watched(trigger, gamma, SIGMA, spot, at.dt)
    return _band(corrected, np.minimum(reset, corrected))


def _row(name: str, at: Scene, targets: Floats, policy: Discipline, cost: float, fixed: float) -> Row:
    """The risk is that of the deviation from the delta itself, whatever delta the policy follows."""
    measured: Outcome = follow(at.walk, targets, policy, risk_on=COINS * at.delta)
    years = DAYS / 365
    paid = cost * measured.cost + fixed * measured.orders
    return Row(name, paid, sqrt(measured.variance / years), measured.orders, at.aversion / 2 * measured.variance)
