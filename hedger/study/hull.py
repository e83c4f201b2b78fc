"""Hull's delta-hedging table: how well a call that was sold is hedged by a clock, as a share of its price.

Options, Futures, and Other Derivatives: a stock at 49, a call at 50 on 100,000 shares, 5 % interest, 20 % volatility,
20 weeks, a drift of 13 %. Performance is the standard deviation of the cost of writing and hedging over the price.
"""

from __future__ import annotations

from math import exp

import numpy as np

from hedger.engine.formulas.greeks import black76
from hedger.study.paths import Floats, prices

SPOT, STRIKE, RATE, SIGMA, WEEKS, DRIFT, SHARES = 49.0, 50.0, 0.05, 0.2, 20, 0.13, 100_000
YEARS = WEEKS / 52
PUBLISHED = {5.0: 0.43, 4.0: 0.39, 2.0: 0.26, 1.0: 0.19, 0.5: 0.14, 0.25: 0.09}


def performance(every_weeks: float, *, seed: int = 1, paths: int = 20_000) -> float:
    """The performance of a hedge every so many weeks."""
    steps = round(WEEKS / every_weeks)
    walk = prices(seed, spot=SPOT, sigma=SIGMA, years=YEARS, steps=steps, paths=paths, drift=DRIFT)
    costs = hedging_costs(walk, YEARS / steps)
    price = float(calls(np.array([SPOT]), YEARS)[0][0]) * SHARES
    return float(np.std(costs)) / price


def hedging_costs(walk: Floats, dt: float) -> Floats:
    """The present value of writing and hedging the call along prices of shape (steps + 1, paths), for each path."""
    steps = len(walk) - 1
    shares, owed = np.zeros(walk.shape[1]), np.zeros(walk.shape[1])
    for step in range(steps):
        wanted = SHARES * calls(walk[step], YEARS - step * dt)[1]
        owed = (owed + (wanted - shares) * walk[step]) * exp(RATE * dt)
        shares = wanted
    settled = owed - shares * walk[-1] + SHARES * np.maximum(walk[-1] - STRIKE, 0)
    present: Floats = settled * exp(-RATE * YEARS)
    return present


def calls(spots: Floats, years: float) -> tuple[Floats, Floats]:
    """Price and delta of a call at each spot, by Black-76 on the forward that the interest makes."""
    ones = np.ones(len(spots))
    found = black76(spots * exp(RATE * years), STRIKE * ones, years * ones, SIGMA * ones, ones)
    return found.value * exp(-RATE * years), found.delta
