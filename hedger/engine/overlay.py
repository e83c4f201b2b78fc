"""The options of a book: their greeks by Black-76 at the live index, with the venue's forward and volatility."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import erf, exp, log, pi, sqrt
from typing import NamedTuple

from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition

YEAR_MS = 365 * 86_400_000


class Bucket(NamedTuple):
    """The greeks of the options that expire together, in the units of `Overlay`."""

    expiry_at: int
    delta: float
    gamma: float
    vega: float
    theta: float


class Overlay(NamedTuple):
    """The greeks of all options of one underlying, of the whole position and in the view of the book's dollars.

    `delta` in coins, the value of coin-settled options left out of cash (Black-Scholes, not premium-adjusted); `gamma`
    in coins per unit of price; `vega` in quote per vol point; `theta` in quote per day; `premium` what the options are
    worth, in coins. `flaw` says which input is missing or impossible: then the numbers leave that option out, and
    nothing may be traded on them.
    """

    delta: Decimal
    gamma: float
    vega: float
    theta: float
    premium: float
    buckets: tuple[Bucket, ...]
    flaw: str | None


NO_OPTIONS = Overlay(ZERO, 0.0, 0.0, 0.0, 0.0, (), None)


def overlay(options: Sequence[OptionPosition], index_price: Decimal, now: int) -> Overlay:
    """The greeks of `options`, all of one underlying, at an index price in quote per coin."""
    if not options:
        return NO_OPTIONS
    delta = gamma = vega = theta = premium = 0.0
    flaw = None
    for option in options:
        spot, n = float(index_price), float(option.coins)
        years = (option.expiry_at - now) / YEAR_MS
        if option.forward_price is None or option.mark_sigma is None or years <= 0:
            flaw = f"{option.id}: no forward, no volatility, or it has expired"
            continue
        forward = float(option.forward_price / option.index_price) * spot
        sigma, strike, sign = float(option.mark_sigma), float(option.strike), option.option_type.sign
        root = sigma * sqrt(years)
        d1 = log(forward / strike) / root + root / 2
        density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
        cdf1, cdf2 = _cdf(sign * d1), _cdf(sign * (d1 - root))
        delta += n * sign * cdf1 * forward / spot
        gamma += n * density / (forward * root) * (forward / spot) ** 2
        vega += n * forward * density * sqrt(years) / 100
        theta -= n * forward * density * sigma / (2 * sqrt(years)) / 365
        premium += n * sign * (forward * cdf1 - strike * cdf2) / spot
    return Overlay(Decimal(repr(delta)), gamma, vega, theta, premium, (), flaw)


def _cdf(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
