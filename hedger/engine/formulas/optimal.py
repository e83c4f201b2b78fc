"""The theory of bands: how wide one should be, given costs, volatility and gamma, and what it then costs and leaves.

Units: prices in quote per coin, widths in coins, gamma in coins per unit of price, volatilities a year, spans in years
of 365 days. `cost` is a proportional one-way cost per unit of notional (0.0002 is 2 bp), `variance` the variance rate
of the frictionless target in coins² a year, `aversion` the absolute risk aversion a per quote. Every formula takes
arrays as well as numbers, so that the studies use these and no others.

Sources: Whalley & Wilmott 1997; Davis, Panas & Zariphopoulou 1993; Zakamouline 2006; Leland 1985; Broadie, Glasserman &
Kou 1997 (the shift of a barrier that is watched at intervals); Henrotte 1993; Martellini & Priaulet 2002.
"""

from __future__ import annotations

from decimal import Decimal
from math import pi, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

X = TypeVar("X", float, NDArray[np.float64])
Q = TypeVar("Q", Decimal, NDArray[np.float64])

WATCHED = 0.5826  # −ζ(½)/√(2π): how far a walk oversteps a barrier on average, in standard deviations of one step
_NEWTON_STEPS = 40
_HALVINGS = 80


def target_variance(gamma: X, sigma: float, spot: X, jump_rate: float = 0.0, jump: float = 0.0) -> X:
    """D: the variance rate of the frictionless target, of its diffusion and of `jump_rate` jumps a year of `jump`
    coins each (root mean square), such as deposits."""
    return gamma**2 * sigma**2 * spot**2 + jump_rate * jump**2


# --- from what a person can answer ----------------------------------------------------------------------------------


def budget_width(residual: float, sigma: float, spot: float) -> float:
    """The half width H = √3·s/(σS) whose residual volatility is s (`residual`, in quote per √year)."""
    return sqrt(3) * residual / (sigma * spot)


def aversion_of(width: float, cost: float, variance: float, sigma: float, spot: float) -> float:
    """The risk aversion under which `width` is the best half width: Whalley and Wilmott's formula read backwards."""
    return 1.5 * cost * variance / (sigma**2 * spot * width**3)


# --- half widths ----------------------------------------------------------------------------------------------------


def whalley_wilmott(cost: float, variance: X, sigma: float, spot: X, aversion: float, discount: float = 1.0) -> X:
    """H with H³ = (3/2)·e^(−rτ)·λ·D/(a σ² S); an option book has D = Γ²σ²S². `discount` is e^(−rτ). Costs are ≥ 0."""
    width: X = (1.5 * discount * cost * variance / (aversion * sigma**2 * spot)) ** (1 / 3)
    return width


def no_diffusion(cost: float, sigma: float, spot: X, years: X, aversion: float) -> X:
    """H₀ = λ/(a S σ² τ): how far a deviation that does not move by itself may lie for `years`."""
    return cost / (aversion * spot * sigma**2 * years)


def watched(width: X, gamma: X, sigma: float, spot: X, years: float) -> X:
    """A half width for a band that is looked at every `years`: H − 0.5826·|Γ|Sσ√Δt, and not under 0."""
    narrower = width - overstep(gamma, sigma, spot, years)
    return (narrower + abs(narrower)) / 2


def overstep(gamma: X, sigma: float, spot: X, years: float) -> X:
    """How far on average the deviation is past a barrier when that is next looked at, in coins."""
    return WATCHED * abs(gamma) * spot * (sigma * sqrt(years))


def trigger_and_reset(width: X, break_even: X) -> tuple[X, X]:
    """Where to trade (A) and where to end (B), given what the half width H would be without a fixed cost.

    A·B·(A+B) = 2H³ = 3λSΓ²/a and (A+B)(A−B)³ = 8bH³ = 12κΓ²/a, with b = κ/(λS), `break_even`, the order in coins whose
    fixed cost is as much as its proportional one. Without a fixed cost A = B = H.
    """
    trigger, reset = solve_fixed(0 * width + 2, 8 * break_even / width)  # in units of H, so that no power underflows
    return width * trigger, width * reset


def solve_fixed(p: X, q: X) -> tuple[X, X]:
    """A ≥ B ≥ 0 with A·B·(A+B) = p and (A+B)(A−B)³ = q, for p, q ≥ 0 that are not both 0.

    The sum m = A+B solves m³ − q^⅔·m^⅓ = 4p. The left side is convex and rising from q^¼ on, where A−B = m, so that
    Newton's steps from a point above the root fall to it without a bracket.
    """
    m = q**0.25 + (4 * p) ** (1 / 3)
    two_thirds = q ** (2 / 3)
    for _ in range(_NEWTON_STEPS):
        third = m ** (1 / 3)
        m = m - (m**3 - two_thirds * third - 4 * p) / (3 * m**2 - two_thirds * third / (3 * m))
    difference = (q / m) ** (1 / 3)
    reset = (m - difference + abs(m - difference)) / 4
    return m - reset, reset


def fixed_cost_width(width: float, break_even: float) -> float:
    """The half width H without a fixed cost whose trigger A and reset B leave as much residual as `width` would.

    The residual of a trigger and a reset is (A² + B²)/6, that of one edge H²/3; so A² + B² = 2·`width`². With d = A − B
    and m² = 4·`width`² − d², the two equations for A and B come to d³ = b·(m² − d²); their 2H³ is A·B·(A+B).
    """
    if not break_even:
        return width
    low, high = 0.0, sqrt(2) * width
    for _ in range(_HALVINGS):
        d = (low + high) / 2
        low, high = (d, high) if d**3 < break_even * (4 * width**2 - 2 * d**2) else (low, d)
    m = sqrt(4 * width**2 - low**2)
    product = m * (4 * width**2 - 2 * low**2) if break_even < width else m * low**3 / break_even
    return float((product / 8) ** (1 / 3))


# --- policies that shift the delta that they hold ---------------------------------------------------------------------


def zakamouline(
    cost: float, gamma: X, sigma: float, spot: X, years: X, aversion: float, discount: float = 1.0
) -> tuple[X, X]:
    """(H, K): the half width H = H₀ + H₁ around the Black-Scholes delta at σ_m, and K of σ_m² = σ²(1 ∓ K), − if short.

    Zakamouline's fit to the numerical optimum; at costs of 2 to 5 bp it was 15 to 55 % too narrow against it.
    """
    per_sigma = (discount / sigma) ** 0.25
    moving = 1.12 * cost**0.31 * years**0.05 * per_sigma * (abs(gamma) / aversion) ** 0.5
    steepness = -4.76 * cost**0.78 / years**0.02 * per_sigma * (aversion * spot**2 * abs(gamma)) ** 0.15
    return no_diffusion(cost, sigma, spot, years, aversion) + moving, steepness


def zakamouline_variance(steepness: X, *, long: bool) -> X:
    """σ_m²/σ² = 1 + K if long gamma, 1 − K if short: K is negative, so that it is below 1 for a long option."""
    return 1 + steepness if long else 1 - steepness


def leland_variance(cost: float, sigma: float, years: float, *, long: bool) -> float:
    """σ_L²/σ² = 1 ± √(2/π)·2λ/(σ√Δt) for a hedge every `years`: + if short. Not positive: too often to be worth it."""
    share = sqrt(2 / pi) * 2 * cost / (sigma * sqrt(years))
    return 1 - share if long else 1 + share


# --- what a policy comes to -----------------------------------------------------------------------------------------


def turnover(variance: X, trigger: X, reset: X) -> X:
    """Coins traded a year between trigger A and reset B: D/(A+B); D/(2H) at one edge, D/H back to the centre."""
    return variance / (trigger + reset)


def trades(variance: X, trigger: X, reset: X) -> X:
    """Trades a year between trigger A and reset B < A: D/(A² − B²)."""
    return variance / (trigger**2 - reset**2)


def band_residual(trigger: X, reset: X, sigma: float, spot: X) -> X:
    """The residual volatility in quote per √year: σS·√((A² + B²)/6); σSH/√3 at one edge."""
    residual: X = sigma * spot * ((trigger**2 + reset**2) / 6) ** 0.5
    return residual


def clock_turnover(variance: X, years: float) -> X:
    """Coins traded a year by a hedge to the target every `years`: √(2D/(πΔt))."""
    coins: X = (2 * variance / (pi * years)) ** 0.5
    return coins


def clock_residual(variance: float, sigma: float, spot: float, years: float) -> float:
    """The residual volatility in quote per √year of a hedge to the target every `years`: σS·√(DΔt/2)."""
    return sigma * spot * sqrt(variance * years / 2)


def best_clock(cost: float, variance: float, sigma: float, spot: float, aversion: float) -> float:
    """The span in years at which a clock's cost and risk penalty together are least; its cost is twice the penalty."""
    return float((2 * cost * sqrt(2 * variance / pi) / (aversion * sigma**2 * spot * variance)) ** (2 / 3))


def best_centre(half: float) -> float:
    """The trigger of a band that rebalances to its centre whose cost and penalty together are least: A³ = 4H³."""
    return float(4 ** (1 / 3) * half)


def clock_for(width: float, variance: float) -> float:
    """The span in years after which a clock leaves the residual of a band that is `width` to each edge: 2H²/(3D)."""
    return 2 * width**2 / (3 * variance)


# --- the one decision -------------------------------------------------------------------------------------------------


def traded(low: Q, high: Q, edges: tuple[Q, Q], resets: tuple[Q, Q]) -> Q:
    """The signed quantity to trade when the deviation may be anywhere in [low, high], 0 unless all of it is outside.

    `edges` are (upper, lower) and `resets` where the near end of the interval goes from each, all as distances.
    """
    return (high < -edges[1]) * (-resets[1] - high) - (low > edges[0]) * (low - resets[0])
