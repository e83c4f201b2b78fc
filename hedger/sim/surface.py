"""What options are worth on the exchange: Black-76 in plain scalars, on a volatility surface that moves by itself.

This is the judge's own arithmetic: it shares nothing with what the hedger decides by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

YEAR_S = 365 * 86_400.0
LEAST_SIGMA, MOST_SIGMA = 0.05, 5.0
SHORTEST_YEARS = 1 / 365  # strikes are compared on no shorter a scale than a day's


class Valued(NamedTuple):
    """One European option on one coin: `value` in quote, `delta` (of the forward) in coins, `gamma` in coins per unit
    of price, `vega` in quote per 1.00 of volatility, `theta` in quote a year."""

    value: float
    delta: float
    gamma: float
    vega: float
    theta: float


def black76(forward: float, strike: float, years: float, sigma: float, sign: int) -> Valued:
    """Undiscounted; `sign` is +1 for a call and −1 for a put. Without time or volatility left it is the intrinsic."""
    root = sigma * math.sqrt(years) if years > 0 else 0.0
    if root <= 1e-12:
        gain = sign * (forward - strike)
        return Valued(max(0.0, gain), float(sign) if gain > 0 else 0.0, 0.0, 0.0, 0.0)
    d1 = math.log(forward / strike) / root + root / 2
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    first, second = _below(sign * d1), _below(sign * (d1 - root))
    return Valued(
        value=sign * (forward * first - strike * second),
        delta=sign * first,
        gamma=density / (forward * root),
        vega=forward * density * math.sqrt(years),
        theta=-forward * density * sigma / (2 * math.sqrt(years)),
    )


def _below(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


@dataclass(slots=True, kw_only=True)
class Surface:
    """The implied volatilities of one coin: σ(K, τ) = atm(τ)·(1 + skew·x + smile·x²), x = ln(K/F)/√τ.

    The short end of the at-the-money volatility is `level`, which wanders around `mean` (both a year, 0.5 is 50 %); the
    long end is `mean`. `pull` is how fast it returns, a year; `restlessness` the volatility of its logarithm, a year.
    """

    level: float = 0.55
    mean: float = 0.55
    skew: float = -0.03
    smile: float = 0.02
    pull: float = 12.0
    restlessness: float = 0.8

    def sigma(self, strike: float, forward: float, years: float) -> float:
        """The implied volatility of a strike."""
        x = math.log(strike / forward) / math.sqrt(max(years, SHORTEST_YEARS))
        bent = self.atm(years) * (1 + self.skew * x + self.smile * x * x)
        return min(MOST_SIGMA, max(LEAST_SIGMA, bent))

    def atm(self, years: float) -> float:
        """The at-the-money volatility to an expiry: what the level averages to until then."""
        span = self.pull * years
        share = -math.expm1(-span) / span if span > 1e-9 else 1.0
        return self.mean + (self.level - self.mean) * share

    def move(self, rng: Random, elapsed_s: float) -> None:
        """Let the level wander for that long."""
        years = elapsed_s / YEAR_S
        log = math.log(self.level) + self.pull * years * (math.log(self.mean) - math.log(self.level))
        self.level = math.exp(log + self.restlessness * math.sqrt(years) * rng.gauss(0.0, 1.0))
