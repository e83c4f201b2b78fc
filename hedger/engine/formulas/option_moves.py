"""What options' values did between two readings, by their greeks at the first: delta, gamma, theta and vega."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hedger.engine.formulas.normal import Floats
from hedger.engine.formulas.option_columns import Columns, columns
from hedger.engine.formulas.overlay import each
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.spans import DAY_MS


class Moves(NamedTuple):
    """Δ·dS, ½Γ·dS², Θ·dt and vega·dσ, in quote."""

    delta: Decimal = ZERO
    gamma: Decimal = ZERO
    theta: Decimal = ZERO
    vega: Decimal = ZERO


def moves(
    before: tuple[OptionPosition, ...], after: tuple[OptionPosition, ...], since_at: int, at: int
) -> dict[tuple[str, str], Moves]:
    """The four parts for the quantities held before, summed by (underlying, quote), with the greeks of `overlay.py` at
    the first reading's index, forward and volatility: those of the value in quote, which for a coin-settled option is
    its coins at the index. `after` has the same options in that order.

    An option with an input that is missing or impossible is left out. Floats are made Decimals once, here; whatever
    they miss is the residual's.
    """
    if not before:
        return {}
    was = columns(before)
    parts = _parts(was, columns(after), since_at, at)
    sound = np.isfinite(parts).all(axis=0) & (was.forward > 0) & (was.sigma > 0)
    groups: dict[tuple[str, str], list[int]] = {}
    for row in np.flatnonzero(sound).tolist():
        groups.setdefault((before[row].underlying, _quote_of(before[row].id.symbol)), []).append(row)
    sums = {group: parts[:, rows].sum(axis=1).tolist() for group, rows in groups.items()}
    return {group: Moves(*(Decimal(repr(part)) for part in four)) for group, four in sums.items()}


@lru_cache(maxsize=4_096)
def _quote_of(symbol: str) -> str:
    return symbol.partition("/")[2].partition(":")[0]


def _parts(was: Columns, now: Columns, since_at: int, at: int) -> Floats:
    """An array of (4, n)."""
    with np.errstate(all="ignore"):
        greeks = each(was, was.index, since_at, was.forward / was.index, was.sigma)
        step, change = now.index - was.index, np.where(now.sigma > 0, now.sigma, np.nan) - was.sigma
        gamma = greeks.gamma * step**2 / 2
        return np.array(
            [greeks.delta * step, gamma, greeks.theta * ((at - since_at) / DAY_MS), greeks.vega * change * 100]
        )
