"""The normal distribution, of a number and of whole arrays: each tail to its own last digits."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FARTHEST = 40.0  # beyond it a tail is no number of 64 bits any more
_DENSITY = 1 / sqrt(2 * pi)
# (x + 1) · Φ(−x) · exp(x²/2) as a polynomial in 1 − 8/(x + 4), fitted to 7e-15 of its value for every x ≥ 0; the
# highest power first. One formula for all x: a choice between several would cost more than its terms.
_TAIL = (
    9.105788940457742e-09,
    9.01812078060818e-11,
    -9.086533862890039e-08,
    -3.3691901925220567e-08,
    5.254715307653397e-07,
    4.424103786735723e-07,
    -2.591413516020681e-06,
    -3.4584573368193915e-06,
    1.361578928512412e-05,
    2.1261825810359784e-05,
    -8.78495572526773e-05,
    -9.443361185793757e-05,
    0.0006948963767097066,
    -0.0002856225186970992,
    -0.005002378508209655,
    0.01793609742477556,
    -0.03219783743262719,
    0.028600364055918388,
    0.013999634724501966,
    -0.0967034773265556,
    0.4720532065098454,
)


def cumulative(x: float) -> float:
    """Φ of one number."""
    return 0.5 * erfc(-x / sqrt(2))


def density(x: float) -> float:
    """φ of one number."""
    return _DENSITY * exp(-0.5 * x * x)


def distribution(x: Floats) -> tuple[Floats, Floats]:
    """Φ(x) and φ(x) of each x. A small tail keeps its relative precision, and what is no number stays none."""
    away = np.abs(x)
    np.minimum(away, FARTHEST, out=away)
    bell = away * away
    bell *= -0.5
    np.exp(bell, out=bell)
    tail = _mills(away)
    tail *= bell
    bell *= _DENSITY
    return np.where(x < 0, tail, 1.0 - tail), bell


def _mills(x: Floats) -> Floats:
    """Φ(−x)/exp(−x²/2) for x ≥ 0."""
    at = x + 4.0
    np.divide(-8.0, at, out=at)
    at += 1.0
    total = at * _TAIL[0]
    total += _TAIL[1]
    for coefficient in _TAIL[2:]:
        total *= at
        total += coefficient
    total /= x + 1.0
    return total
