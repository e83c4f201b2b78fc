"""The options of a book: their greeks by Black-76 at the live index, added up for one coin and for each expiry.

The view is that of the book's dollars with the options' value left out of cash: a coin-settled option enters with Δ_BS,
and the coins that it is worth (c = V/F of each) stand in no equity. It is the same number as with them in the equity
and the premium-adjusted delta: cash + Σ nΔ_BS + Σ N/P = E + Σ n(Δ_BS − c) + Σ N/P.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.forward_curve import Curve, forward_ratios
from hedger.engine.formulas.greeks import black76, implied_volatility
from hedger.engine.formulas.normal import Floats
from hedger.engine.formulas.option_columns import Terms
from hedger.engine.formulas.overlay_rows import MOST_APART, Rows, rows_of, told
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.spans import YEAR_MS

DAYS = 365
_EXPIRED = (
    "it has expired and is still listed, so nobody knows whether its payoff is booked; "
    "wait until the venue takes it off the account, or ask the venue"
)
_NO_FORWARD = "the venue gives no forward and there is no dated future on its coin; close it, or configure a future"
_NO_SIGMA = "the venue gives no volatility and its mark price implies none; wait for a mark, or close it"


class Bucket(NamedTuple):
    """The greeks of the options that expire together, in the units of `Overlay`."""

    expiry_at: int
    delta: float
    gamma: float
    vega: float
    theta: float
    premium: float = 0.0


class Overlay(NamedTuple):
    """The greeks of all options of one underlying, of the whole position and in the view of the book's dollars.

    `delta` in coins, the value of coin-settled options left out of cash (Black-Scholes, not premium-adjusted); `gamma`
    in coins per unit of price; `vega` in quote per vol point; `theta` in quote per day; `premium` what the options are
    worth, in coins. `flaw` says which input is missing or impossible: then the numbers leave that option out, and
    nothing may be traded on them. `sigma` is the volatility a year, weighted by vega; `gamma_1pct` the coins of delta
    that a rise of 1 % brings; `options` how many there are.
    """

    delta: Decimal
    gamma: float
    vega: float
    theta: float
    premium: float
    buckets: tuple[Bucket, ...]
    flaw: str | None
    sigma: float | None = None
    gamma_1pct: float = 0.0
    options: int = 0

    @property
    def break_even(self) -> float | None:
        """The move x a day, as a ratio, at which gamma earns what theta costs, ½ΓS²x² = −Θ: σ/√365 of one option alone.

        None for a book that has no such move: bought and sold options of other volatilities may both earn, or both pay.
        """
        if self.gamma_1pct == 0 or self.gamma * self.theta >= 0:
            return None
        return sqrt(-2 * self.theta * self.gamma) / abs(100 * self.gamma_1pct)


NO_OPTIONS = Overlay(ZERO, 0.0, 0.0, 0.0, 0.0, (), None)


class Sums(NamedTuple):
    """What each option of the book adds, arrays of shape (n,) in the units of `Overlay`."""

    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    premium: Floats


def overlay(
    options: Sequence[OptionPosition], index_price: Decimal, now: int, *, curve: Curve = (), read_at: int | None = None
) -> Overlay:
    """The greeks of `options`, all of one underlying, at an index price in quote per coin.

    Where the venue gives no forward it is taken from the `curve`: (expiry_at, forward over index) of dated futures.
    """
    if not options:
        return NO_OPTIONS
    rows = rows_of((option, now if read_at is None else read_at) for option in options)
    return summed(rows, index_price, now, curve)


@lru_cache(maxsize=32)
def summed(rows: Rows, index_price: Decimal, now: int, curve: Curve) -> Overlay:
    """The greeks of rows at a price and a moment; the same question is asked by the decision, the metrics, the view."""
    spot = float(index_price)
    with np.errstate(all="ignore"):
        ratio, sigma = ratios(rows, now, curve), volatilities(rows, curve)
        flaws = _flaws(rows, spot, now, ratio, sigma)
        if flaws:
            sound = np.ones(len(rows.names), dtype=bool)
            sound[list(flaws)] = False
            ratio, sigma = np.where(sound, ratio, 1.0), np.where(sound, sigma, 1.0)
            sums = Sums(*(np.where(sound, one, 0.0) for one in each(rows, spot, now, ratio, sigma)))
        else:
            sums = each(rows, spot, now, ratio, sigma)
        return _overlay(rows, spot, sums, sigma, flaws)


def _overlay(rows: Rows, spot: float, sums: Sums, sigma: Floats, flaws: dict[int, str]) -> Overlay:
    flaw = told(rows.names, flaws)
    totals = [_short(float(one.sum())) for one in sums]
    if not all(isfinite(total) for total in totals):
        flaw = flaw or f"the greeks of {len(rows.names)} options are no numbers; see what the venue says of them"
        return NO_OPTIONS._replace(flaw=flaw, options=len(rows.names))
    delta, gamma, vega, theta, premium = totals
    weights = np.abs(sums.vega)
    weight = float(weights.sum())
    by_expiry = [np.bincount(rows.bucket, one, len(rows.expiries)).tolist() for one in sums]
    return Overlay(
        delta=Decimal(repr(delta)),
        gamma=gamma,
        vega=vega,
        theta=theta,
        premium=premium,
        buckets=tuple(Bucket(at, *(_short(one[place]) for one in by_expiry)) for place, at in enumerate(rows.expiries)),
        flaw=flaw,
        sigma=_short(float((weights * sigma).sum()) / weight) if weight > 0 else None,
        gamma_1pct=_short(gamma * spot / 100),
        options=len(rows.names),
    )


def each(rows: Terms, spot: float | Floats, now: int, ratio: Floats, sigma: Floats) -> Sums:
    """What each option adds, at an index price `spot` and a forward `ratio` times it. `today` turns Black-76's value at
    expiry into dollars of today: a coin-settled option is worth V/F coins, so V·S/F; its delta is then Δ_F, where that
    of a linear one is Δ_F·F/S."""
    years = (rows.expiry_at - now) / YEAR_MS
    greeks = black76(ratio * spot, rows.strike, years, sigma, rows.sign)
    today = np.where(rows.inverse, rows.coins / ratio, rows.coins)
    delta = today * greeks.delta * ratio
    gamma = today * greeks.gamma * ratio * ratio
    vega, theta = today * greeks.vega / 100, today * greeks.theta / DAYS
    premium = today * greeks.value / spot
    sums = Sums(delta, gamma, vega, theta, premium)
    return _settling(rows, now, sums) if (rows.expiry_at - rows.settlement_ms < now).any() else sums


def _settling(rows: Terms, now: int, sums: Sums) -> Sums:
    """Within the settlement average each part that is fixed moves no more: the greeks shrink linearly. What is left of
    the delta of a coin-settled option is its coins, which the equity will hold in its place."""
    left = np.clip(np.nan_to_num((rows.expiry_at - now) / rows.settlement_ms, nan=1.0, posinf=1.0), 0.0, 1.0)
    fixed = np.where(rows.inverse, sums.premium, 0.0)
    delta = left * sums.delta + (1 - left) * fixed
    return Sums(delta, left * sums.gamma, left * sums.vega, left * sums.theta, sums.premium)


def ratios(rows: Rows, now: Floats | int, curve: Curve) -> Floats:
    """Each forward over the index: the venue's as it was read, or that of the curve."""
    lacks = np.isnan(rows.ratio)
    if not lacks.any():
        return rows.ratio
    return np.where(lacks, forward_ratios(curve, rows.expiry_at, now), rows.ratio)


@lru_cache(maxsize=32)
def volatilities(rows: Rows, curve: Curve) -> Floats:
    """Each option's volatility: the venue's, or what its mark implied when it was read; NaN where there is neither."""
    lacks = np.isnan(rows.sigma)
    if not lacks.any():
        return rows.sigma
    forward = ratios(rows, rows.read_at, curve) * rows.index
    value = np.where(rows.inverse, rows.mark * forward, rows.mark)
    years = (rows.expiry_at - rows.read_at) / YEAR_MS
    implied = implied_volatility(value, forward, rows.strike, years, rows.sign)
    return np.where(lacks, implied, rows.sigma)


def _flaws(rows: Rows, spot: float, now: int, ratio: Floats, sigma: Floats) -> dict[int, str]:
    """What is wrong with which row, at this moment and price."""
    apart = rows.index / spot
    units = (apart > MOST_APART) | (apart < 1 / MOST_APART)
    live = f"its index is not in the units of the live one, {spot:g}; report it"
    kinds = ((rows.expiry_at <= now, _EXPIRED), (units, live), (np.isnan(ratio), _NO_FORWARD))
    flaws = dict(rows.flaws)
    for wrong, text in (*kinds, (np.isnan(sigma), _NO_SIGMA)):
        if wrong.any():
            for place in np.flatnonzero(wrong):
                flaws.setdefault(int(place), text)
    return flaws


def _short(value: float) -> float:
    """Twelve digits: processors may differ in the last ones, and a decision must replay to the byte."""
    return float(f"{value:.12g}")
