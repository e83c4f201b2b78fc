"""Hedging a coin that has no future with futures on others: covariance of returns, shrunk, and what is worth its cost.

Everything is float: what leaves is rounded to lots by whoever trades. Dollars here are quote, of one price for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
SWEEPS = 200
STILL = 1e-12


class Covariance(NamedTuple):
    """What moves together: `matrix` is the yearly covariance of returns of `coins`, in their order.

    `shrinkage` is how far the sample was drawn towards one common factor, 0 to 1.
    """

    coins: tuple[str, ...]
    matrix: Matrix
    shrinkage: float


class Crossing(NamedTuple):
    """A covariance as it is kept: `rows` of `Covariance.matrix`, adopted when it was last measured to differ; `at` (ms)
    is when the newest bar closed that it was last measured on."""

    coins: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    shrinkage: float
    at: int


def covariance(coins: Sequence[str], returns: Matrix, *, per_year: float, halflife: float) -> Covariance:
    """The exponentially weighted covariance of returns of shape (bars, coins), oldest first, shrunk to one factor.

    `per_year` is how many bars a year has, `halflife` in how many bars a return loses half of its weight. No mean is
    taken off: over an hour it is far below its own error. The target is the single-factor model whose factor is the
    equally weighted market, and the intensity the estimate of Ledoit and Wolf (2003, "Improved estimation of the
    covariance matrix of stock returns", eq. 14-17) with the weights in place of 1/T. Raises ValueError where numbers
    are missing or a coin does not move.
    """
    if returns.ndim != 2 or returns.shape[1] != len(coins) or len(returns) < 2 * len(coins) + 2:
        raise ValueError(f"{returns.shape[0]} bars of {', '.join(coins)} are too few")
    if not np.isfinite(returns).all():
        raise ValueError(f"a return of {', '.join(coins)} is missing")
    weights = 0.5 ** (np.arange(len(returns))[::-1] / halflife)
    weights /= weights.sum()
    sample = (returns * weights[:, None]).T @ returns
    if (np.diag(sample) <= 0).any():
        raise ValueError(f"one of {', '.join(coins)} does not move")
    with np.errstate(all="ignore"):  # coins that undo each other make a market that stands still
        target, intensity = _one_factor(returns, weights, sample)
        shrunk = (intensity * target + (1 - intensity) * sample) * per_year
    if not np.isfinite(shrunk).all():
        raise ValueError(f"{', '.join(coins)} have no common factor")
    return Covariance(tuple(coins), (shrunk + shrunk.T) / 2, intensity)


def betas(matrix: Matrix, of: int) -> Matrix:
    """What each coin moves, in dollars a dollar, when coin `of` moves by one: C_ci / C_ii. Its own is 1."""
    row: Matrix = matrix[:, of] / matrix[of, of]
    return row


def excess(matrix: Matrix, book: Matrix, of: int) -> float:
    """How many dollars of coin `of` the whole book (its hedges included) behaves like: Σ β_c·w_c.

    Selling exactly that much of it is the best that this one coin can do: the derivative of the variance by it is
    2·C_ii times this. A sequence of such steps, each coin to its band, is coordinate descent on `cheapest`.
    """
    return float((betas(matrix, of) * book).sum())


def residual(matrix: Matrix, book: Matrix) -> float:
    """What risk is left: the standard deviation of the book's value, in dollars per √year."""
    variance = float((book * (matrix @ book)).sum())
    return variance**0.5 if variance > 0 else 0.0


def cheapest(matrix: Matrix, book: Matrix, by: Sequence[int], held: Matrix, costs: Matrix, aversion: float) -> Matrix:
    """The hedge that pays for its own trading: min over h of ½·γ·(b + Ah)ᵀC(b + Ah) + Σ cᵢ|hᵢ − hᵢ⁰|.

    `book` is without hedges, `held` are the dollars held of each coin in `by`, `costs` one-way, per dollar. Solved by
    coordinate descent with soft thresholds, which converges because the cost is separable (Tseng 2001). Nothing is
    traded in a coin while |γ(AᵀC(b + Ah⁰))ᵢ| ≤ cᵢ.
    """
    wanted, whole = held.astype(float).copy(), book.astype(float).copy()
    for k, coin in enumerate(by):
        whole[coin] += wanted[k]
    for _ in range(SWEEPS):
        moved = 0.0
        for k, coin in enumerate(by):
            free = wanted[k] - excess(matrix, whole, coin)
            slack = costs[k] / (aversion * matrix[coin, coin])
            best = held[k] + _soft(free - held[k], slack)
            moved = max(moved, abs(best - wanted[k]))
            whole[coin] += best - wanted[k]
            wanted[k] = best
        if moved <= STILL * (1 + float(np.abs(wanted).max(initial=0.0))):
            break
    return wanted


def _soft(x: float, slack: float) -> float:
    return (abs(x) - slack) * (1 if x > 0 else -1) if abs(x) > slack else 0.0


def _one_factor(returns: Matrix, weights: Matrix, sample: Matrix) -> tuple[Matrix, float]:
    """The single-factor target of a sample covariance, and how far to shrink towards it."""
    market = returns.mean(axis=1)
    with_market = (returns * weights[:, None]).T @ market
    variance = float(weights @ market**2)
    target: Matrix = np.outer(with_market, with_market) / variance
    np.fill_diagonal(target, np.diag(sample))
    products = returns[:, :, None] * returns[:, None, :] - sample
    noise = np.einsum("t,tij->ij", weights**2, products**2)  # variance of each entry of the sample
    with_target = _noise_with_target(returns, weights, market, with_market, variance, products)
    wrong = float(((target - sample) ** 2).sum())
    if wrong <= 0:
        return target, 0.0
    return target, float(np.clip((noise.sum() - with_target.sum()) / wrong, 0.0, 1.0))


def _noise_with_target(
    returns: Matrix, weights: Matrix, market: Matrix, with_market: Matrix, variance: float, products: Matrix
) -> Matrix:
    """The covariance of each entry's error with that of the target's entry; on the diagonal they are one."""
    errors = returns * market[:, None] - with_market
    spread = market**2 - variance
    one = np.einsum("t,ti,tij->ij", weights**2, errors, products) * with_market[None, :] / variance
    both = np.einsum("t,t,tij->ij", weights**2, spread, products) * np.outer(with_market, with_market) / variance**2
    shared: Matrix = one + one.T - both
    np.fill_diagonal(shared, np.diag(np.einsum("t,tij->ij", weights**2, products**2)))
    return shared
