"""What holding a contract earns or costs: funding of a perpetual, basis of a dated contract, both as a ratio a year.

Everything is a plain float; a year has 365 days of 24 hours. A rate is what longs pay shorts: funding above 0, and a
future above its index (contango), are income of a short position and a cost of a long one. Sources: the exchanges'
funding documentation; Hull, Options, Futures, and Other Derivatives, for the basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import log, sqrt
from typing import NamedTuple

from hedger.model.market import FundingRate, Mark
from hedger.model.numeric import ZERO
from hedger.model.spans import HOUR_MS, YEAR_MS

PRIOR_WEIGHT = 10.0  # how many settlements the assumption weighs against what was seen
PRIOR_PERSISTENCE = 0.8
MOST_PERSISTENCE = 0.98


class FundingModel(NamedTuple):
    """A perpetual's funding as a first-order autoregression, in ratios a year.

    Rates fall back to `mean` and keep `persistence` (0 to 0.98) of their distance from it over one interval of
    `interval_ms`. `deviation` is the standard deviation of what funding comes to, per √year: over a horizon of T years
    it is `deviation`·√T of the notional. `seen` says how many settlements it was estimated from.
    """

    mean: float
    persistence: float
    deviation: float
    interval_ms: int
    seen: int


# --- basis ------------------------------------------------------------------------------------------------------------


def basis_yearly(mark_price: Decimal, index_price: Decimal, left_ms: int) -> float | None:
    """ln(F/S)/τ, the basis a year of a dated contract, compounded continuously; None once it has expired."""
    if left_ms <= 0 or mark_price <= 0 or index_price <= 0:
        return None
    return log(mark_price / index_price) * YEAR_MS / left_ms


def basis_yearly_simple(mark_price: Decimal, index_price: Decimal, left_ms: int) -> float | None:
    """(F/S − 1)/τ, the basis a year without compounding; None once it has expired."""
    if left_ms <= 0 or index_price <= 0:
        return None
    return float(mark_price / index_price - 1) * YEAR_MS / left_ms


# --- funding ----------------------------------------------------------------------------------------------------------


def yearly_funding(mark: Mark) -> Decimal:
    """The funding rate as a yearly ratio: positive means that longs pay shorts. A dated contract has none."""
    return mark.funding_rate * YEAR_MS / mark.funding_interval_ms if mark.funding_interval_ms else ZERO


def yearly(rate: float, interval_ms: int) -> float:
    """A rate for one interval as a ratio a year; a contract without funding has an interval of 0 and no rate."""
    return rate * YEAR_MS / interval_ms if interval_ms > 0 else 0.0


def per_interval(rate_yearly: float, interval_ms: int) -> float:
    """A yearly ratio as the rate of one interval: the break-even funding of a dated contract's basis."""
    return rate_yearly * interval_ms / YEAR_MS


def fitted(rates: Sequence[FundingRate], rate_now: float, interval_ms: int) -> FundingModel:
    """The model of a perpetual whose past `rates` (oldest first) had intervals of their own, and whose next one is
    `rate_now` for `interval_ms`.

    Mean and persistence are shrunk: without a history the mean is the present rate, and the persistence what is
    usual. A persistence that was measured over other intervals is brought to this one.
    """
    now = yearly(rate_now, interval_ms)
    past = [yearly(float(rate.rate), rate.interval_ms) for rate in rates if rate.interval_ms > 0]
    seen = len(past)
    mean = (sum(past) + PRIOR_WEIGHT * now) / (seen + PRIOR_WEIGHT)
    if seen < 3 or interval_ms <= 0:
        return FundingModel(mean, PRIOR_PERSISTENCE, 0.0, interval_ms, seen)
    centre = sum(past) / seen
    moves = [(before - centre, after - centre) for before, after in pairwise(past)]
    spread = sum(before * before for before, _ in moves)
    measured = sum(before * after for before, after in moves) / spread if spread > 0 else PRIOR_PERSISTENCE
    typical_ms = sum(rate.interval_ms for rate in rates if rate.interval_ms > 0) / seen
    measured = min(max(measured, 0.0), 1.0) ** (interval_ms / typical_ms)
    persistence = (len(moves) * measured + PRIOR_WEIGHT * PRIOR_PERSISTENCE) / (len(moves) + PRIOR_WEIGHT)
    persistence = min(persistence, MOST_PERSISTENCE)
    noise = sqrt(sum((after - measured * before) ** 2 for before, after in moves) / len(moves))
    deviation = noise / (1 - persistence) * sqrt(interval_ms / YEAR_MS)
    return FundingModel(mean, persistence, deviation, interval_ms, seen)


def projected(mean: float, persistence: float, last: float, steps: int) -> float:
    """E[Σ_{i≤n} f_i] = nμ + (f₀ − μ)ρ(1 − ρⁿ)/(1 − ρ): the sum of the next n rates, after `last`, in its unit."""
    if persistence >= 1:
        return steps * last
    return steps * mean + (last - mean) * persistence * (1 - persistence**steps) / (1 - persistence)


def expected_funding(model: FundingModel, rate_now: float, horizon_ms: int) -> float:
    """The mean funding a year over a horizon, the rate that is due next included."""
    now = yearly(rate_now, model.interval_ms)
    if model.interval_ms <= 0:
        return 0.0
    steps = max(1, round(horizon_ms / model.interval_ms))
    return (now + projected(model.mean, model.persistence, now, steps - 1)) / steps


# --- both -------------------------------------------------------------------------------------------------------------


def carry_to(rate_yearly: float, sign: int) -> float:
    """What a position earns a year (+) or pays (−): `sign` is +1 for a long position and −1 for a short one."""
    return -sign * rate_yearly


def switch_gain(gain: float, *, cost: float, years: float, premium: float = 0.0, deviation: float = 0.0) -> float:
    """What is left a year of an advantage `gain` when a switch has been paid for: above 0 the switch is worth it.

    A dated contract is taken if C_d − E[C_p] > λ/T − premium·σ_f·√T. `cost` is λ, the extra cost of getting there as a
    ratio of the notional, `years` the horizon T (> 0), `deviation` that of the funding per √year of which one is rid
    (negative: that one takes on), `premium` what one such standard deviation weighs, a year.
    """
    return gain - cost / years + premium * deviation * sqrt(years)


def breakeven_words(dated: str, basis: float, perpetual: str, interval_ms: int) -> str:
    """Above which funding the perpetual is the better one for a short position, in a sentence."""
    hours = interval_ms / HOUR_MS
    level = per_interval(basis, interval_ms)
    return (
        f"a short in {perpetual} earns more than one in {dated} while funding stays above "
        f"{level:+.4%} per {hours:g} h, which is {basis:+.2%} a year"
    )
