"""The studies say what theory says: which policy costs least, Hull's table, the gamma identity; seeded and quick."""

from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from hedger.engine.formulas.optimal import band_residual, budget_width
from hedger.study import gamma_pnl, hull, short_call
from hedger.study.banding import band, clock, follow
from hedger.study.log_contract import (
    COINS,
    GROUND,
    HALF,
    SIGMA,
    SPOT,
    best,
    curve,
    policies,
    shapes,
    variance,
    watching,
)
from hedger.study.page import BEGIN, END, LOOKS, measured
from hedger.study.paths import prices


def test_prices_are_the_same_each_time_and_move_as_told() -> None:
    walk = prices(1, spot=100.0, sigma=0.5, years=1.0, steps=100, paths=2_000, drift=0.1)
    again = prices(1, spot=100.0, sigma=0.5, years=1.0, steps=100, paths=2_000, drift=0.1)
    assert np.array_equal(walk, again)
    assert walk.shape == (101, 2_000)
    assert np.mean(walk[-1]) == pytest.approx(100 * np.exp(0.1), rel=0.03)
    assert np.std(np.log(walk[-1])) == pytest.approx(0.5, rel=0.03)


def test_following_trades_to_the_reset_and_pays_for_it() -> None:
    walk = np.array([[100.0], [101.0], [102.0], [103.0]])
    targets = np.array([[0.0], [3.0], [3.0], [-2.0]])
    outcome = follow(walk, targets, band(2.0, 1.0, 3))
    assert outcome.turnover == 2 + 3, "up from −3 to −1, later down from 4 to 1"
    assert outcome.orders == 2
    assert outcome.cost == 2 * 101 + 3 * 103
    assert outcome.variance == 0 + 1 + 1
    struck = follow(walk, targets, clock(2, 3))
    assert (struck.turnover, struck.orders, struck.variance) == (3, 1, 9)


def test_an_edge_costs_least_then_trigger_and_reset_then_a_centre_then_a_clock() -> None:
    left = float(band_residual(HALF, HALF, SIGMA, SPOT))
    rows = {row.policy: row for row in policies(left, GROUND)}
    for row in rows.values():
        assert row.residual == pytest.approx(row.theory_residual, rel=0.05)
        assert row.turnover == pytest.approx(row.theory_turnover, rel=0.05)
    cost = {name: row.turnover * row.residual for name, row in rows.items()}  # a width less costs as much more
    edge = cost["edge"]
    assert cost["half-way"] / edge == pytest.approx(sqrt(2 * 1.25) / 1.5, rel=0.03)
    assert cost["centre"] / edge == pytest.approx(sqrt(2), rel=0.03)
    assert cost["clock"] / edge == pytest.approx(1.954, rel=0.03)
    assert edge < cost["half-way"] < cost["centre"] < cost["clock"]


def test_all_shapes_leave_the_residual_of_their_edge() -> None:
    for _, trigger, reset in shapes(2.0):
        assert trigger**2 + reset**2 == pytest.approx(8)
    assert budget_width(float(band_residual(HALF, HALF, SIGMA, SPOT)), SIGMA, SPOT) == pytest.approx(HALF)


def test_the_best_width_goes_with_the_cube_root_of_cost_and_pays_twice_its_penalty() -> None:
    measured = curve(GROUND)
    found = [best(measured, cost) for cost in (0.0001, 0.0002, 0.0004, 0.0008)]
    for less, more in pairwise(found):
        assert more.half / less.half == pytest.approx(2 ** (1 / 3), rel=0.06)
        assert more.turnover / less.turnover == pytest.approx(2 ** (-1 / 3), rel=0.06)
    for one in found:
        assert one.cost / one.penalty == pytest.approx(2, rel=0.1)


def test_a_band_that_is_watched_at_times_leaves_too_much_unless_it_is_narrowed() -> None:
    for steps, plain, corrected in watching(LOOKS, GROUND)[1:3]:
        assert plain > 1 + 0.4 / steps, "the walk oversteps what it is looked at too seldom for"
        assert abs(corrected - 1) < (plain - 1) / 2
        assert corrected == pytest.approx(1, abs=0.05)


def test_a_short_call_is_hedged_best_by_the_rules_that_know_its_gamma() -> None:
    free = {row.policy: row.total for row in short_call.policies(0.0)}
    assert free["whalley_wilmott"] < free["zakamouline"] < free["price_move"] < free["clock"]
    dear = {row.policy: row for row in short_call.policies()}
    assert dear["fixed_cost"].total == min(row.total for row in dear.values())
    assert dear["fixed_cost"].orders < dear["whalley_wilmott"].orders / 10


@pytest.mark.parametrize(("weeks", "published"), hull.PUBLISHED.items())
def test_hulls_table_of_delta_hedging_comes_out(weeks: float, published: float) -> None:
    assert hull.performance(weeks, paths=4_000) == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize("size", [10.0, -10.0])
@pytest.mark.parametrize("realised", [0.4, 0.8])
def test_the_gamma_identity_is_what_full_revaluation_finds(size: float, realised: float) -> None:
    identity, revalued = gamma_pnl.earned(size, realised=realised)
    assert np.mean(identity) == pytest.approx(np.mean(revalued), rel=0.005)
    assert np.corrcoef(identity, revalued)[0, 1] > 0.999
    gains = size * (realised - gamma_pnl.SIGMA) > 0
    assert bool(np.mean(revalued) > 0) is gains, "long gamma earns when prices move more than was paid for"


@pytest.mark.parametrize("intervals", [20, 80, 320])
def test_a_realised_variance_is_as_noisy_as_its_count_says(intervals: int) -> None:
    assert gamma_pnl.noise(intervals, paths=4_000) == pytest.approx(sqrt(2 / intervals), rel=0.05)


def test_the_contract_of_the_study_has_the_variance_rate_that_is_claimed() -> None:
    walk = prices(2, spot=SPOT, sigma=SIGMA, years=1 / 365, steps=500, paths=500)
    moved = np.diff(COINS * np.log(walk / SPOT), axis=0)
    assert np.sum(moved**2, axis=0).mean() * 365 == pytest.approx(variance(), rel=0.02)


def test_the_page_shows_what_the_studies_measure() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/bands.md").read_text()
    shown = page.split(BEGIN)[1].split(END)[0].strip()
    assert shown == measured(), "run `make study`"
