"""Made-up prices: geometric Brownian motion, seeded, so that a study says the same thing every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def prices(seed: int, *, spot: float, sigma: float, years: float, steps: int, paths: int, drift: float = 0.0) -> Floats:
    """Prices of shape (steps + 1, paths), the first of them `spot`, with a drift of the price of `drift` a year.

    Each path has its mirror image beside it: the first half of the paths take the steps up that the others take down.
    """
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((steps, (paths + 1) // 2))
    moves = np.concatenate((half, -half), axis=1)[:, :paths]
    dt = years / steps
    logs = np.cumsum((drift - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * moves, axis=0)
    walked: Floats = spot * np.exp(np.concatenate((np.zeros((1, paths)), logs)))
    return walked
