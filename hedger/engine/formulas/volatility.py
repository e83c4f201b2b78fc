"""How much the price of a coin moves: realised volatility by several estimators, and what options imply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hedger.model.market import Candle
from hedger.model.spans import YEAR_MS

LEAST_BARS = 3
ESTIMATORS = ("close_close", "parkinson", "garman_klass", "rogers_satchell", "yang_zhang", "ewma")
_CLOSE_TO_CLOSE = 2 * log(2) - 1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityRule:
    """How volatility is measured: what happened `half_life_ms` ago weighs half in the EWMA, and an estimate is fresh
    for `fresh_ms` after it was made."""

    half_life_ms: int = 5 * 86_400_000
    fresh_ms: int = 3 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """Annual volatilities of one underlying (0.5 is 50 %; a year has 365 days of 24 hours), None where not known.

    The realised ones are estimated from closed bars of the index up to `at` (ms, the venue's time) and are fresh until
    `fresh_until` (ms, our clock); `implied` is that of the options held, weighted by their vega. `flaw` says what was
    wrong with what came last, and is None where nothing was. Decisions ask `history.fresh_volatility`, which knows age.
    """

    at: int
    close_close: float | None = None
    parkinson: float | None = None
    garman_klass: float | None = None
    rogers_satchell: float | None = None
    yang_zhang: float | None = None
    ewma: float | None = None
    implied: float | None = None
    fresh_until: int = 0
    flaw: str | None = None

    @property
    def realized(self) -> float | None:
        """The estimate that decisions use: Yang-Zhang, which knows of jumps between bars and of drift."""
        return self.yang_zhang if self.yang_zhang is not None else self.close_close

    @property
    def gap(self) -> float | None:
        """Implied less realised: what a seller of options is paid beyond what happens."""
        if self.implied is None or self.realized is None:
            return None
        return self.implied - self.realized


class Returns(NamedTuple):
    """The logarithmic returns of one underlying between the closes of successive bars, oldest first, to seven places.

    The last bar closed at `last_at` (venue's time, ms); each is `interval_ms` long.
    """

    last_at: int
    interval_ms: int
    values: tuple[float, ...]


# --- bars -------------------------------------------------------------------------------------------------------------


class Bars(NamedTuple):
    """Closed bars without a gap as arrays of one length: the logarithms of their prices, and how many make a year."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    per_year: float


def bars_of(candles: Sequence[Candle], interval_ms: int) -> Bars | str:
    """The bars of `candles`, oldest first, or in words why nothing may be measured on them.

    Too few of them, a gap, a price that is none, a range that does not hold its own open and close.
    """
    if interval_ms <= 0:
        return f"a bar of {interval_ms} ms is none"
    if len(candles) < LEAST_BARS:
        return f"{len(candles)} bars are too few to measure on"
    for place, candle in enumerate(candles):
        due_at = candles[0].opened_at + place * interval_ms
        if candle.opened_at != due_at:
            return f"where the bar of {due_at} is due, that of {candle.opened_at} stands"
    rows = [(c.open, c.high, c.low, c.close) for c in candles]
    if not all(price.is_finite() for row in rows for price in row):
        return "a price is no number"
    prices = np.array(rows, dtype=np.float64)
    if not (np.isfinite(prices) & (prices > 0)).all():
        return "a price is zero, negative or beyond all bounds"
    if (prices.max(axis=1) > prices[:, 1]).any() or (prices.min(axis=1) < prices[:, 2]).any():
        return "a bar opens or closes outside of its range, or has none"
    logs = np.log(prices)
    return Bars(logs[:, 0], logs[:, 1], logs[:, 2], logs[:, 3], YEAR_MS / interval_ms)


# --- estimators: each takes bars and returns the volatility of a year -------------------------------------------------


def close_close(bars: Bars, *, mean: bool = False) -> float:
    """From the moves between closes, around zero, or with `mean` around their mean.

    Zero is the default: the mean of a month is mostly noise, and subtracting it costs more than it mends. Under a real
    drift of m a bar it reads √(σ² + m²). Hull, *Options, Futures, and Other Derivatives*, "Estimating volatility".
    """
    moves = np.diff(bars.close)
    variance = float(np.var(moves, ddof=1)) if mean else float(np.mean(moves * moves))
    return sqrt(variance * bars.per_year)


def parkinson(bars: Bars) -> float:
    """From the range, √(mean ln²(H/L) / (4 ln 2)): about five times as efficient as closes; a drift biases it upwards.

    Parkinson, "The Extreme Value Method for Estimating the Variance of the Rate of Return", Journal of Business, 1980.
    """
    return sqrt(float(np.mean((bars.high - bars.low) ** 2)) / (4 * log(2)) * bars.per_year)


def garman_klass(bars: Bars) -> float:
    """From range and body, mean(½ ln²(H/L) − (2 ln 2 − 1) ln²(C/O)): about seven times as efficient; drift biases it.

    Garman and Klass, "On the Estimation of Security Price Volatilities from Historical Data", Journal of Business 1980.
    """
    spread, body = bars.high - bars.low, bars.close - bars.open
    return sqrt(float(np.mean(spread**2 / 2 - _CLOSE_TO_CLOSE * body**2)) * bars.per_year)


def rogers_satchell(bars: Bars) -> float:
    """From range and body, mean(ln(H/C) ln(H/O) + ln(L/C) ln(L/O)): right under any drift, blind to gaps between bars.

    Rogers and Satchell, "Estimating Variance from High, Low and Closing Prices", Annals of Applied Probability, 1991.
    """
    return sqrt(_rogers_satchell(bars) * bars.per_year)


def yang_zhang(bars: Bars) -> float:
    """σ_o² + k σ_c² + (1 − k) σ_rs² with k = 0.34/(1.34 + (n + 1)/(n − 1)): right under drift and gaps between bars.

    σ_o² is the variance of the gaps from each close to the next open, σ_c² that of the moves from open to close, each
    around its mean. Yang and Zhang, "Drift-Independent Volatility Estimation Based on High, Low, Open, and Close
    Prices", Journal of Business, 2000.
    """
    gaps = bars.open[1:] - bars.close[:-1]
    inside = Bars(bars.open[1:], bars.high[1:], bars.low[1:], bars.close[1:], bars.per_year)
    n = len(gaps)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    over, body = float(np.var(gaps, ddof=1)), float(np.var(inside.close - inside.open, ddof=1))
    return sqrt((over + k * body + (1 - k) * _rogers_satchell(inside)) * bars.per_year)


def ewma(bars: Bars, half_life_ms: int) -> float:
    """From the moves between closes, around zero, each weighing half as much as one that is `half_life_ms` younger.

    J.P. Morgan/Reuters, *RiskMetrics Technical Document*, 1996, with weights that sum to one.
    """
    moves = np.diff(bars.close)
    halvings = np.arange(len(moves) - 1, -1, -1) * (YEAR_MS / bars.per_year / half_life_ms)
    weights = 0.5**halvings
    return sqrt(float(np.sum(weights * moves * moves) / np.sum(weights)) * bars.per_year)


def _rogers_satchell(bars: Bars) -> float:
    """The variance of a bar; rounding may take that of bars without a range below zero."""
    up = (bars.high - bars.close) * (bars.high - bars.open)
    down = (bars.low - bars.close) * (bars.low - bars.open)
    return max(0.0, float(np.mean(up + down)))


def measure(bars: Bars, rule: VolatilityRule, *, at: int, fresh_until: int, implied: float | None) -> Volatility:
    """Every estimate from bars of which the last closed at `at`, beside what is implied."""
    return Volatility(
        at=at,
        close_close=_short(close_close(bars)),
        parkinson=_short(parkinson(bars)),
        garman_klass=_short(garman_klass(bars)),
        rogers_satchell=_short(rogers_satchell(bars)),
        yang_zhang=_short(yang_zhang(bars)),
        ewma=_short(ewma(bars, rule.half_life_ms)),
        implied=implied,
        fresh_until=fresh_until,
    )


def _short(value: float) -> float:
    """Eight places: more is noise, and processors differ in the last ones."""
    return round(value, 8)


def returns_of(bars: Bars, last_at: int) -> Returns:
    """The returns between the closes of bars of which the last closed at `last_at` (ms)."""
    values: list[float] = np.round(np.diff(bars.close), 7).tolist()
    return Returns(last_at, round(YEAR_MS / bars.per_year), tuple(values))
