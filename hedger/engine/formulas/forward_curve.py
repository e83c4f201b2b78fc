"""Forwards where the venue gives none: between the dated futures on the same coin, by their yearly basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hedger.engine.formulas.normal import Floats
from hedger.model.spans import YEAR_MS

LEAST_LEFT_MS = 3_600_000  # in its last hour a future says little of a year, and at last nothing but its average

Curve = tuple[tuple[int, float], ...]
"""(expiry_at, forward over index) of dated futures."""


def forward_ratios(curve: Sequence[tuple[int, float]], expiry_at: Floats, now: Floats | float) -> Floats:
    """The forward over the index at each expiry, NaN without a curve.

    The logarithm of the ratio a year is interpolated linearly between the futures' expiries and is flat outside; where
    several futures expire together it is their mean.
    """
    moment = float(np.max(now))
    by_expiry: dict[int, list[float]] = {}
    for at, ratio in curve:
        if at - moment >= LEAST_LEFT_MS:
            by_expiry.setdefault(at, []).append(ratio)
    if not by_expiry:
        return np.full_like(expiry_at, np.nan)
    expiries = sorted(by_expiry)
    basis = np.array([np.mean(np.log(by_expiry[at])) for at in expiries])
    known = np.array([float(at) for at in expiries])
    yearly = np.interp(expiry_at, known, basis / ((known - moment) / YEAR_MS))
    ratios: Floats = np.exp(yearly * np.maximum(expiry_at - now, 0.0) / YEAR_MS)
    return ratios
