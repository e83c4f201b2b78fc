"""The hedge of least risk: its sign, its optimum, its no-trade zone, and a covariance that is fit to decide on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.formulas.cross_hedge import Matrix, betas, cheapest, covariance, excess, residual
from tests.support.textbook import least_risk

HOURS_A_YEAR = 365 * 24
seeds = st.integers(0, 10_000)


def world(seed: int, coins: int = 4) -> tuple[Matrix, Matrix]:
    """A covariance with one strong factor, and a book of dollars in each coin."""
    rng = np.random.default_rng(seed)
    loads, own = rng.uniform(0.3, 1.2, coins), rng.uniform(0.1, 0.6, coins)
    return np.outer(loads, loads) * 0.5 + np.diag(own**2), rng.normal(0, 100_000, coins)


def returns_of(matrix: Matrix, bars: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    moves: Matrix = rng.multivariate_normal(np.zeros(len(matrix)), matrix / HOURS_A_YEAR, bars)
    return moves


@given(seeds)
def test_a_long_coin_is_hedged_by_a_short_of_what_moves_with_it(seed: int) -> None:
    matrix, _ = world(seed)
    for sign in (1, -1):
        (held,) = least_risk(matrix, np.array([sign * 1e5, 0, 0, 0]), [1])
        assert held * sign < 0
        assert held == pytest.approx(-sign * 1e5 * matrix[0, 1] / matrix[1, 1])


@given(seeds)
def test_no_other_hedge_leaves_less_risk(seed: int) -> None:
    matrix, book = world(seed)
    held = least_risk(matrix, book, [1, 2])
    best = residual(matrix, book + np.array([0, held[0], held[1], 0]))
    rng = np.random.default_rng(seed)
    for _ in range(5):
        other = held + rng.normal(0, 5_000, 2)
        assert residual(matrix, book + np.array([0, other[0], other[1], 0])) >= best
    assert best <= residual(matrix, book)


@given(seeds)
def test_at_the_hedge_of_least_risk_the_book_moves_with_none_of_its_instruments(seed: int) -> None:
    matrix, book = world(seed)
    held = least_risk(matrix, book, [1, 3])
    whole = book + np.array([0, held[0], 0, held[1]])
    assert excess(matrix, whole, 1) == pytest.approx(0, abs=1e-6)
    assert excess(matrix, whole, 3) == pytest.approx(0, abs=1e-6)


def test_a_coin_is_its_own_perfect_hedge_with_a_beta_of_one() -> None:
    matrix, book = world(5)
    assert betas(matrix, 2)[2] == 1
    assert least_risk(matrix, np.array([0, 0, book[2], 0]), [2])[0] == pytest.approx(-book[2])


@given(seeds, st.floats(0, 5e-3))
def test_nothing_is_traded_exactly_while_the_gain_is_less_than_the_cost(seed: int, cost: float) -> None:
    matrix, book = world(seed)
    by, held, aversion = [1, 2], np.zeros(2), 1e-7
    costs = np.full(2, cost)
    wanted = cheapest(matrix, book, by, held, costs, aversion)
    pull = aversion * np.array([matrix[i] @ book for i in by])
    if (np.abs(pull) <= costs).all():
        assert (wanted == held).all()
    else:
        assert (wanted != held).any()


@given(seeds, st.floats(1e-6, 3e-3))
def test_what_is_traded_ends_where_the_last_dollar_earns_its_cost(seed: int, cost: float) -> None:
    matrix, book = world(seed)
    by, held, aversion = [0, 2], np.array([1e4, -2e4]), 1e-7
    wanted = cheapest(matrix, book, by, held, np.full(2, cost), aversion)
    whole = book + np.array([wanted[0], 0, wanted[1], 0])
    for k, coin in enumerate(by):
        pull = aversion * float(matrix[coin] @ whole)
        if wanted[k] == held[k]:
            assert abs(pull) <= cost + 1e-8
        else:
            assert abs(pull) == pytest.approx(cost, rel=1e-5, abs=1e-8)
            assert pull * (wanted[k] - held[k]) < 0, "it was traded against what the book does"


def test_without_costs_the_cheapest_hedge_is_that_of_least_risk() -> None:
    matrix, book = world(11)
    wanted = cheapest(matrix, book, [1, 2], np.zeros(2), np.zeros(2), 1e-6)
    assert wanted == pytest.approx(least_risk(matrix, book + np.zeros(4), [1, 2]), rel=1e-6)


def test_a_covariance_is_found_again_in_many_bars() -> None:
    matrix, _ = world(3)
    found = covariance("abcd", returns_of(matrix, 20_000, 1), per_year=HOURS_A_YEAR, halflife=20_000)
    assert found.matrix == pytest.approx(matrix, rel=0.06)


def test_shrinking_makes_better_hedges_of_few_bars() -> None:
    """Judged where it counts: by the true risk that the hedge leaves."""
    matrix, _ = world(8, coins=6)
    book, by, with_shrinking, without = np.array([1e5, 0, 0, 0, 0, 0]), [1, 2, 3, 4, 5], 0.0, 0.0
    for seed in range(60):
        moves = returns_of(matrix, 20, seed)
        shrunk = covariance("abcdef", moves, per_year=HOURS_A_YEAR, halflife=1e9)
        assert 0 <= shrunk.shrinkage <= 1
        for found, weight in ((shrunk.matrix, 1), (moves.T @ moves, 0)):
            left = residual(matrix, book + np.concatenate([[0], least_risk(found, book, by)])) ** 2
            with_shrinking, without = with_shrinking + weight * left, without + (1 - weight) * left
    assert with_shrinking < 0.95 * without


def test_much_data_is_left_as_it_is_and_little_is_drawn_to_one_factor() -> None:
    matrix, _ = world(8, coins=6)
    matrix[0, 1] = matrix[1, 0] = matrix[0, 1] * 1.2  # no one-factor world
    many = covariance("abcdef", returns_of(matrix, 20_000, 2), per_year=HOURS_A_YEAR, halflife=1e9).shrinkage
    few = covariance("abcdef", returns_of(matrix, 30, 2), per_year=HOURS_A_YEAR, halflife=1e9).shrinkage
    assert many < 0.2 < few


@given(seeds)
def test_a_covariance_can_always_be_inverted(seed: int) -> None:
    matrix, _ = world(seed)
    found = covariance("abcd", returns_of(matrix, 24, seed), per_year=HOURS_A_YEAR, halflife=12)
    assert np.linalg.eigvalsh(found.matrix).min() > 0
    assert (found.matrix == found.matrix.T).all()


def test_younger_bars_weigh_more() -> None:
    calm, wild = np.full((200, 2), 1e-4), np.full((50, 2), 1e-2)
    calm[::2], wild[::2] = -1e-4, -1e-2
    calm[:, 1] *= 0.5
    rising, falling = np.vstack([calm, wild]), np.vstack([wild, calm])
    now = covariance("ab", rising, per_year=1, halflife=20).matrix[0, 0]
    then = covariance("ab", falling, per_year=1, halflife=20).matrix[0, 0]
    assert now > 100 * then


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_a_return_that_is_missing_is_refused(spoiled: float) -> None:
    moves = returns_of(world(1)[0], 100, 1)
    moves[7, 2] = spoiled
    with pytest.raises(ValueError, match="missing"):
        covariance("abcd", moves, per_year=HOURS_A_YEAR, halflife=50)


def test_a_coin_that_does_not_move_and_too_few_bars_are_refused() -> None:
    moves = returns_of(world(1)[0], 100, 1)
    with pytest.raises(ValueError, match="too few"):
        covariance("abcd", moves[:5], per_year=HOURS_A_YEAR, halflife=50)
    moves[:, 1] = 0
    with pytest.raises(ValueError, match="does not move"):
        covariance("abcd", moves, per_year=HOURS_A_YEAR, halflife=50)
