"""What options' values did between two readings, by their greeks at the first: delta, gamma, theta and vega."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import nan
from typing import NamedTuple

import numpy as np

from hedger.engine.greeks import black76
from hedger.engine.normal import Floats
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition

YEAR_MS = 365 * 86_400_000


class Moves(NamedTuple):
    """Δ·dS, ½Γ·dS², Θ·dt and vega·dσ, in quote."""

    delta: Decimal = ZERO
    gamma: Decimal = ZERO
    theta: Decimal = ZERO
    vega: Decimal = ZERO


def moves(
    before: Sequence[OptionPosition], after: Sequence[OptionPosition], since_at: int, at: int
) -> dict[tuple[str, str], Moves]:
    """The four parts for the quantities held before, summed by (underlying, quote): Black-76 at the first reading's
    forward and volatility, the forward a constant multiple of the index. `after` has the same options in that order.

    An option with an input that is missing or impossible is left out. Floats are made Decimals once, here; whatever
    they miss is the residual's.
    """
    if not before:
        return {}
    parts = _parts(before, after, since_at, at)
    sound = np.isfinite(parts).all(axis=0)
    groups: dict[tuple[str, str], list[int]] = {}
    for row in np.flatnonzero(sound).tolist():
        groups.setdefault((before[row].underlying, _quote_of(before[row])), []).append(row)
    sums = {group: parts[:, rows].sum(axis=1).tolist() for group, rows in groups.items()}
    return {group: Moves(*(Decimal(repr(part)) for part in four)) for group, four in sums.items()}


def _quote_of(option: OptionPosition) -> str:
    return option.id.symbol.partition("/")[2].partition(":")[0]


def _parts(before: Sequence[OptionPosition], after: Sequence[OptionPosition], since_at: int, at: int) -> Floats:
    """An array of (4, n)."""
    forward = np.array([_number(option.forward_price) for option in before])
    sigma = np.array([_number(option.mark_sigma) for option in before])
    strike = np.array([float(option.strike) for option in before])
    years = np.array([(option.expiry_at - since_at) / YEAR_MS for option in before])
    sign = np.array([float(option.option_type.sign) for option in before])
    index = np.array([float(option.index_price) for option in before])
    step = np.array([float(option.index_price) for option in after]) - index
    change = np.array([_number(option.mark_sigma) for option in after]) - sigma
    coins = np.array([float(option.coins) for option in before])
    per_coin = black76(forward, strike, years, sigma, sign)
    with np.errstate(all="ignore"):
        tail = forward / index
        delta = coins * per_coin.delta * tail * step
        gamma = coins * per_coin.gamma * tail**2 * step**2 / 2
        theta = coins * per_coin.theta * ((at - since_at) / YEAR_MS)
        vega = coins * per_coin.vega * change
        return np.array([delta, gamma, theta, vega])


def _number(value: Decimal | None) -> float:
    return nan if value is None or value <= 0 else float(value)
