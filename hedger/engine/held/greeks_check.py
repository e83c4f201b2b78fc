"""The venue's deltas of options against ours: whose convention they follow, and whether they agree.

An alarm and never a guard: what is decided on is ours, and a venue that computes differently is for a person to see.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hedger.engine.formulas.forward_curve import Curve
from hedger.engine.formulas.greeks import black76
from hedger.engine.formulas.normal import Floats
from hedger.engine.formulas.overlay import ratios, volatilities
from hedger.engine.formulas.overlay_rows import Rows, rows_of_readings
from hedger.engine.held.dated_marks import curve_of
from hedger.engine.known.conventions import UNCHECKED, Convention, GreeksCheck
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.spans import YEAR_MS

LASTING_MS = 60_000

Conventions = tuple[tuple[str, Convention], ...]


def greeks_checked(state: State, policy: Policy) -> State:
    """The state with the options of every hedge compared anew on the believed readings."""
    memories = dict(state.hedges)
    for hedge in policy.hedges:
        before = memories[hedge.name]
        check = check_greeks(state, hedge, before.greeks)
        if check != before.greeks:
            memories[hedge.name] = replace(before, greeks=check)
    same = all(memory is state.hedges[name] for name, memory in memories.items())
    return state if same else state._replace(hedges=memories)


def check_greeks(state: State, hedge: Hedge, before: GreeksCheck) -> GreeksCheck:
    """What the believed readings say of the options of a hedge, each compared at the moment that it was read."""
    readings = (state.accounts[account].reading for account in state.accounts_of_hedge[hedge.name])
    held = tuple(reading for reading in readings if reading is not None and reading.options)
    rows = rows_of_readings(held, hedge.underlying) if held else None
    if rows is None or not rows.names:
        return UNCHECKED
    differences, conventions = differences_of(rows, curve_of(state, hedge))
    apart = np.abs(np.nan_to_num(differences, nan=0.0))
    differing = int((apart > float(hedge.greeks_tolerance)).sum())
    worst = int(apart.argmax())
    since = None if not differing else state.now if before.since is None else before.since
    return GreeksCheck(
        compared=int(np.isfinite(differences).sum()),
        differing=differing,
        worst=round(float(differences[worst]), 6) if apart[worst] else 0.0,
        option=str(rows.names[worst]) if differing else "",
        since=since,
        told=since is not None and state.now - since >= LASTING_MS,
        conventions=conventions,
    )


def differences_of(rows: Rows, curve: Curve) -> tuple[Floats, Conventions]:
    """The venue's deltas less ours at the index, forward and moment of the reading, NaN where it gives none; and what
    the deltas of coin-settled options are, by account.

    Both conventions are tried for each account, and the one with the smaller sum of differences is taken to be meant.
    Within the settlement average venues follow rules of their own: nothing is said of it.
    """
    left = rows.expiry_at - rows.read_at
    forward = ratios(rows, rows.read_at, curve) * rows.index
    greeks = black76(forward, rows.strike, left / YEAR_MS, volatilities(rows, curve), rows.sign)
    told = np.isfinite(rows.venue_delta) & np.isfinite(greeks.delta) & (left > rows.settlement_ms)
    told[list(rows.flaws)] = False
    differences = np.where(told, rows.venue_delta - greeks.delta, np.nan)
    with np.errstate(all="ignore"):
        adjusted = np.where(rows.inverse, differences + greeks.value / forward, differences)
    conventions: list[tuple[str, Convention]] = []
    for account in sorted(set(rows.accounts)):
        here = np.array([name == account for name in rows.accounts], dtype=bool)
        if (here & told & rows.inverse).any():
            fits = _fits(differences, adjusted, here)
            conventions.append((account, fits))
            if fits is Convention.PREMIUM_ADJUSTED:
                differences = np.where(here, adjusted, differences)
    return differences, tuple(conventions)


def _fits(plain: Floats, adjusted: Floats, here: NDArray[np.bool_]) -> Convention:
    """Options so far out of the money that both deltas are the same say nothing either way."""
    by_plain, by_adjusted = (float(np.nansum(np.abs(each[here]))) for each in (plain, adjusted))
    return Convention.PREMIUM_ADJUSTED if by_adjusted < by_plain else Convention.BLACK_SCHOLES
