"""Black-76 for whole arrays of options: value, delta, gamma, vega, theta, and the volatility behind a price.

Arrays of shape (n,), one row an option: `forward` F and `strike` K in quote per coin (> 0), `years` τ of 365 days,
`sigma` σ a year (0.5 is 50 %), `sign` ω = +1 for a call and −1 for a put. What is no number stays none. Nothing is
discounted: the forward carries the rate, and a coin-settled option is worth its value over the forward in coins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.normal import Floats, distribution

CHUNK = 8192  # rows at a time, so that the intermediate arrays stay in the processor's cache
FEW = 1024
MOST_ROOT = 40.0  # σ√τ above which no price is told from its upper bound
_TURNS = 100


class Greeks(NamedTuple):
    """Per coin of each option. `value` in quote, `delta` Δ_F in coins of the forward, `gamma` in coins per unit of
    price, `vega` in quote per 1.00 of volatility, `theta` in quote per year."""

    value: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def black76(forward: Floats, strike: Floats, years: Floats, sigma: Floats, sign: Floats) -> Greeks:
    """The greeks of each option. At σ√τ = 0 they are those of the payoff: no gamma, no theta, and half a delta where
    the forward is the strike. A negative time counts as none."""
    rows = len(forward)
    greeks = Greeks(*(np.empty(rows) for _ in Greeks._fields))
    with np.errstate(all="ignore"):
        for start in range(0, rows, CHUNK):
            part = slice(start, start + CHUNK)
            _fill(greeks, part, forward[part], strike[part], years[part], sigma[part], sign[part])
    return greeks


def _fill(
    greeks: Greeks, part: slice, forward: Floats, strike: Floats, years: Floats, sigma: Floats, sign: Floats
) -> None:
    """V = ω[FΦ(ωd₁) − KΦ(ωd₂)], Δ = ωΦ(ωd₁), Γ = φ(d₁)/(Fσ√τ), vega = Fφ(d₁)√τ, Θ = −Fφ(d₁)σ/(2√τ)."""
    time = np.sqrt(np.maximum(years, 0.0))
    root = sigma * time
    apart = np.log(forward / strike)
    d1 = apart / root
    d1 += 0.5 * root
    ended = not root.all()
    if ended:  # 0/0 at the strike is half a delta
        d1 = np.where((root == 0) & (apart == 0), 0.0, d1)
    at1, density, at2 = _distributions(sign * d1, sign * (d1 - root))
    density *= forward
    delta, vega, theta, gamma = greeks.delta[part], greeks.vega[part], greeks.theta[part], greeks.gamma[part]
    np.multiply(sign, at1, out=delta)
    at2 *= strike
    at2 *= sign
    np.multiply(delta, forward, out=greeks.value[part])
    greeks.value[part] -= at2
    np.multiply(density, time, out=vega)
    np.divide(density, forward * forward, out=gamma)
    gamma /= root
    np.multiply(density, sigma, out=theta)
    theta /= time
    theta *= -0.5
    if ended:
        gamma[root == 0] = theta[root == 0] = 0.0


def _distributions(x1: Floats, x2: Floats) -> tuple[Floats, Floats, Floats]:
    """Φ and φ of the first, and Φ of the second: of few in one go, where numpy's calls cost more than the numbers."""
    few = len(x1)
    if few > FEW:
        return *distribution(x1), distribution(x2)[0]
    both, density = distribution(np.concatenate((x1, x2)))
    return both[:few], density[:few], both[few:]


def premium_adjusted(forward: Floats, strike: Floats, years: Floats, sigma: Floats, sign: Floats) -> Floats:
    """Δ_PA = Δ_BS − V/F of coin-settled options: (K/F)Φ(d₂) for a call, −(K/F)Φ(−d₂) for a put.

    Unlike Δ_BS it does not rise with the forward all the way: that of a call goes back to nothing deep in the money.
    """
    with np.errstate(all="ignore"):
        root = sigma * np.sqrt(np.maximum(years, 0.0))
        apart = np.log(forward / strike)
        d2 = np.where((root == 0) & (apart == 0), 0.0, apart / root - 0.5 * root)
        return sign * strike / forward * distribution(sign * d2)[0]


def implied_volatility(value: Floats, forward: Floats, strike: Floats, years: Floats, sign: Floats) -> Floats:
    """The volatility at which each option is worth `value` (quote per coin, undiscounted).

    NaN where there is none: a value at or below what the option is worth without time, at or above what it can be worth
    at all (the forward for a call, the strike for a put), no time left, or an input that is no number.
    """
    with np.errstate(all="ignore"):
        middle = np.sqrt(forward * strike)
        apart = -np.abs(np.log(forward / strike))
        intrinsic = np.maximum(sign * (forward - strike), 0.0)
        wanted = (value - intrinsic) / middle  # of the option out of the money with the same strike: put-call parity
        most = np.where(sign > 0, forward, strike)
        possible = (wanted > 0) & (value < most) & (wanted < np.exp(0.5 * apart)) & (years > 0)
        root = _root(np.where(possible, wanted, np.nan), apart)
        return np.where(root < MOST_ROOT, root / np.sqrt(np.maximum(years, 0.0)), np.nan)


def _root(wanted: Floats, apart: Floats) -> Floats:
    """σ√τ of options out of the money: `wanted` is the value over √(FK), `apart` −|ln F/K|.

    Newton's steps on the logarithm of the value, which is concave and never flat, from the point of inflection of the
    value; a step that leaves what is known to enclose the answer is replaced by halving.
    """
    low, high = np.zeros_like(wanted), np.full_like(wanted, MOST_ROOT)
    root = np.minimum(np.maximum(np.sqrt(-2 * apart), 1e-3), MOST_ROOT)
    target = np.log(wanted)
    for _ in range(_TURNS):
        at1, density = distribution(apart / root + 0.5 * root)
        at2, _ = distribution(apart / root - 0.5 * root)
        half = np.exp(0.5 * apart)
        value = half * at1 - at2 / half
        slope = half * density
        above = value > wanted
        high, low = np.where(above, root, high), np.where(above, low, root)
        step = (np.log(value) - target) * value / slope
        step = np.where(wanted > 0.5 * half, (value - wanted) / slope, step)
        turned = root - step
        turned = np.where((turned > low) & (turned < high), turned, 0.5 * (low + high))
        moved = (np.abs(turned - root) > 1e-11 * root) & (wanted > 0)
        root = turned
        if not moved.any():
            break
    return np.where(np.isnan(wanted), np.nan, root)
