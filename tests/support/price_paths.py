"""Bars of a price that is known: geometric Brownian motion with drift and with gaps between bars, extremes exact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from hedger.engine.formulas.volatility import Bars, Floats
from hedger.model.market import Candle
from hedger.model.spans import HOUR_MS, YEAR_MS

STEPS = 32


def walks(
    count: int, bars: int, *, sigma: float, drift: float = 0.0, gap: float = 0.0, seed: int = 7, steps: int = STEPS
) -> Iterator[Bars]:
    """`count` paths of hourly bars with the annual volatility `sigma` inside of the bars.

    `drift` is how far the logarithm goes in a bar, in standard deviations of a bar; `gap` how far it leaps between two
    bars, likewise. The extremes between two points are drawn from a Brownian bridge, so none is missed.
    """
    rng = np.random.default_rng(seed)
    hourly = sigma * math.sqrt(HOUR_MS / YEAR_MS)
    step = hourly / math.sqrt(steps)
    for _ in range(count):
        moves = rng.normal(drift * hourly / steps, step, (bars, steps))
        inside = np.concatenate([np.zeros((bars, 1)), np.cumsum(moves, axis=1)], axis=1)
        starts, ends = inside[:, :-1], inside[:, 1:]
        high = _bridge(rng, starts, ends, step).max(axis=1)
        low = -_bridge(rng, -starts, -ends, step).max(axis=1)
        leaps = rng.normal(0.0, gap * hourly, bars) if gap else np.zeros(bars)
        opens = np.log(60_000) + np.concatenate([[0.0], np.cumsum(inside[:-1, -1] + leaps[1:])])
        yield Bars(opens, opens + high, opens + low, opens + inside[:, -1], YEAR_MS / HOUR_MS)


def _bridge(rng: np.random.Generator, starts: Floats, ends: Floats, step: float) -> Floats:
    reach = (ends - starts) ** 2 - 2 * step**2 * np.log(1 - rng.random(starts.shape))
    highest: Floats = (starts + ends + np.sqrt(reach)) / 2
    return highest


def candles_of(bars: Bars, *, first_at: int = 0, interval_ms: int = HOUR_MS, scale: float = 1.0) -> tuple[Candle, ...]:
    """Bars as a venue would send them, with eight decimals."""
    rows = np.exp(np.column_stack([bars.open, bars.high, bars.low, bars.close])) * scale
    return tuple(
        candle(first_at + place * interval_ms, *(f"{price:.8f}" for price in row)) for place, row in enumerate(rows)
    )


def candle(opened_at: int, open: str, high: str, low: str, close: str) -> Candle:
    return Candle(opened_at=opened_at, open=Decimal(open), high=Decimal(high), low=Decimal(low), close=Decimal(close))
