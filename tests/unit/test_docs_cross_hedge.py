"""The numbers of docs/cross-hedge.md, reckoned again by the engine's own functions."""

from __future__ import annotations

import numpy as np
import pytest

from hedger.engine.formulas.cross_hedge import Matrix, betas, cheapest, excess, residual
from tests.support.configurations import ROOT
from tests.support.textbook import least_risk

PAGE = (ROOT / "docs" / "cross-hedge.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
VOLATILITIES = np.array([0.8, 0.6, 0.5])  # SOL, ETH, BTC
CORRELATIONS = np.array([[1, 0.75, 0.7], [0.75, 1, 0.8], [0.7, 0.8, 1]])
MATRIX = CORRELATIONS * np.outer(VOLATILITIES, VOLATILITIES)
HELD = 800 * 150.0
BAND = 0.04 * HELD
LEGS = (1, 2)


def book(held: float, *futures: float) -> Matrix:
    return np.array([held, *futures])


def traded(held: float, had: Matrix) -> Matrix:
    return cheapest(MATRIX, book(held, 0, 0), LEGS, had, np.diag(MATRIX)[1:] * BAND, 1.0) - had


def dollars(amount: float) -> str:
    return f"{round(amount):,}".replace("-", "−")


def test_the_table_of_betas_and_of_the_least_risk_is_right() -> None:
    alone = [book(HELD, 0, 0), book(HELD, 0, 0)]
    for row, leg in zip(alone, LEGS, strict=True):
        row[leg] = least_risk(MATRIX, book(HELD, 0, 0), [leg])[0]
    both = least_risk(MATRIX, book(HELD, 0, 0), LEGS)
    told = {
        "beta of SOL on it": [f"{betas(MATRIX, leg)[0]:.2f}" for leg in LEGS],
        "least risk with this one alone": [dollars(row[leg]) for row, leg in zip(alone, LEGS, strict=True)],
        "risk left of 96,000 a √year": [dollars(residual(MATRIX, row)) for row in alone],
        "least risk with both": [dollars(amount) for amount in both],
    }
    for words, cells in told.items():
        assert f"| {words} | {' | '.join(cells)} |" in PAGE
    assert residual(MATRIX, book(HELD, 0, 0)) == pytest.approx(96_000)


def test_what_is_left_with_both_and_with_betas_added_up_is_right() -> None:
    both = residual(MATRIX, book(HELD, *least_risk(MATRIX, book(HELD, 0, 0), LEGS)))
    assert f"{dollars(both)} a √year are left: {both / 96_000:.0%}".replace("%", " %") in PROSE
    twice = residual(MATRIX, book(HELD, *(-betas(MATRIX, leg)[0] * HELD for leg in LEGS)))
    assert f"count the market that they share twice, and leave {dollars(twice)}" in PROSE


def test_the_no_trade_zone_of_the_page_is_that_of_the_programme() -> None:
    first = traded(HELD, np.zeros(2))
    assert f"sells {dollars(-first[0])} of ETH and {dollars(-first[1])} of BTC" in PROSE
    at_edge = book(HELD, *first)
    assert [excess(MATRIX, at_edge, leg) for leg in LEGS] == pytest.approx([BAND, BAND])
    least = residual(MATRIX, book(HELD, *least_risk(MATRIX, book(HELD, 0, 0), LEGS)))
    left = residual(MATRIX, at_edge)
    assert f"{dollars(left)} are left: {dollars(left - least)} more than at the least" in PROSE
    sold, come = (book(HELD + change, *first) for change in (-3_000, 3_000))
    alike = [dollars(excess(MATRIX, sold, leg)) for leg in LEGS]
    assert f"behaves like {alike[0]} dollars of ETH or {alike[1]} of BTC, and nothing is traded" in PROSE
    assert traded(HELD - 3_000, first) == pytest.approx([0, 0], abs=1e-3)
    alike = [dollars(excess(MATRIX, come, leg)) for leg in LEGS]
    more = traded(HELD + 3_000, first)
    assert (
        f"it behaves like {alike[0]} or {alike[1]}, and {dollars(-more[0])} of ETH and {dollars(-more[1])} of BTC"
        in (PROSE)
    )
