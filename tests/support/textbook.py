"""Formulas of the pages that the program itself has no use for: the engine's own are held against them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from hedger.engine.formulas.cross_hedge import Matrix
from hedger.model.instrument import Instrument
from hedger.model.market import Mark
from hedger.model.numeric import ONE


def funding_received(instrument: Instrument, units: Decimal, mark: Mark) -> Decimal:
    """What the next settlement pays to a holder of `units` (signed), in what the contract settles in: coins of an
    inverse contract, quote of a linear one. A long position pays a rate above 0."""
    size = instrument.coins(units, mark.mark_price)
    if instrument.settle != instrument.underlying:
        size *= instrument.coin_price(mark.mark_price)
    return -size * mark.funding_rate


def least_risk(matrix: Matrix, book: Matrix, by: Sequence[int]) -> Matrix:
    """The dollars to hold of each coin in `by` so that `book` (dollars of each coin) has the least variance:
    h = −C_II⁻¹ C_I· b. Raises LinAlgError where two of them cannot be told apart."""
    rows = list(by)
    return np.asarray(-np.linalg.solve(matrix[np.ix_(rows, rows)], matrix[rows] @ book), dtype=np.float64)


def survives_linear_short(collateral_ratio: Decimal, gain: Decimal, rate: Decimal) -> bool:
    """Whether a short whose equity is so many times its notional survives a rise of `gain` (0.5: 50 %)."""
    return collateral_ratio >= gain * (ONE + rate) + rate


def survives_inverse_short(collateral_ratio: Decimal, gain: Decimal, rate: Decimal) -> bool:
    """The same of an inverse short: E·P/N ≥ 1 − (1 − m)/(1 + g). With as many coins as it is short, it always does."""
    return collateral_ratio >= ONE - (ONE - rate) / (ONE + gain)
