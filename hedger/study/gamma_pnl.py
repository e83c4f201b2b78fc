"""The gamma identity: an interval earns ½·n·Γ·S²·[(ΔS/S)² − σ²Δt], against valuing the option anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.greeks import black76
from hedger.study.paths import Floats, prices

SPOT, STRIKE, SIGMA, YEARS = 60_000.0, 60_000.0, 0.6, 30 / 365


class Earned(NamedTuple):
    """Per path, in quote: by the identity and by valuing the option anew at each step. `size` n is signed."""

    identity: Floats
    revalued: Floats


def earned(size: float, *, realised: float = SIGMA, seed: int = 3, steps: int = 720, paths: int = 200) -> Earned:
    """What `size` calls, hedged at each step for the first third of their life, earned; `realised` moves the price."""
    held = YEARS / 3
    walk = prices(seed, spot=SPOT, sigma=realised, years=held, steps=steps, paths=paths)
    left = np.broadcast_to((YEARS - held * np.arange(steps + 1) / steps)[:, None], walk.shape)
    value, delta, gamma = valued(walk, left)
    moves = np.diff(walk, axis=0)
    revalued = size * (np.diff(value, axis=0) - delta[:-1] * moves).sum(axis=0)
    surprise = (moves / walk[:-1]) ** 2 - SIGMA**2 * held / steps
    identity = (0.5 * size * gamma[:-1] * walk[:-1] ** 2 * surprise).sum(axis=0)
    return Earned(identity, revalued)


def valued(walk: Floats, left: Floats) -> tuple[Floats, Floats, Floats]:
    """Value, delta and gamma of a call at each price and time to expiry."""
    ones = np.ones(walk.size)
    found = black76(walk.ravel(), STRIKE * ones, left.ravel(), SIGMA * ones, ones)
    value, delta, gamma = (part.reshape(walk.shape) for part in (found.value, found.delta, found.gamma))
    return value, delta, gamma


def noise(intervals: int, *, seed: int = 5, paths: int = 20_000) -> float:
    """The relative noise of a realised variance over so many intervals; theory says √(2/N)."""
    walk = prices(seed, spot=SPOT, sigma=SIGMA, years=YEARS, steps=intervals, paths=paths)
    measured = (np.diff(np.log(walk), axis=0) ** 2).sum(axis=0) / YEARS
    return float(np.std(measured) / np.mean(measured))
