"""Estimators of volatility against prices whose volatility is known: bias, efficiency, drift, gaps, and refusals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.formulas.volatility import (
    ESTIMATORS,
    Bars,
    VolatilityRule,
    bars_of,
    close_close,
    ewma,
    garman_klass,
    measure,
    parkinson,
    returns_of,
    rogers_satchell,
    yang_zhang,
)
from hedger.model.market import Candle
from hedger.model.spans import DAY_MS, HOUR_MS
from tests.support.price_paths import candle, candles_of, walks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "volatility.md"
RULE = VolatilityRule()
Estimator = Callable[[Bars], float]
RANGES: dict[str, Estimator] = {
    "parkinson": parkinson,
    "garman_klass": garman_klass,
    "rogers_satchell": rogers_satchell,
    "yang_zhang": yang_zhang,
}
ALL: dict[str, Estimator] = {"close_close": close_close, **RANGES, "ewma": lambda bars: ewma(bars, RULE.half_life_ms)}


def bars(candles: tuple[Candle, ...], interval_ms: int = HOUR_MS) -> Bars:
    found = bars_of(candles, interval_ms)
    assert isinstance(found, Bars), found
    return found


def variances(estimate: Estimator, **walk: float) -> np.ndarray:
    """What an estimator says of many paths of 60 bars at a volatility of 50 %, in shares of the true variance."""
    return np.array([estimate(path) ** 2 / 0.25 for path in walks(400, 60, sigma=0.5, **walk)])  # type: ignore[arg-type]


# --- what holds for any bars -----------------------------------------------------------------------------------------

MOVES = st.floats(min_value=-0.2, max_value=0.2)


@st.composite
def any_candles(draw: st.DrawFn) -> tuple[Candle, ...]:
    price, made = draw(st.floats(min_value=0.01, max_value=1e6)), []
    for place in range(draw(st.integers(min_value=3, max_value=12))):
        start = price * math.exp(draw(MOVES))
        price = start * math.exp(draw(MOVES))
        high = max(start, price) * math.exp(abs(draw(MOVES)))
        low = min(start, price) * math.exp(-abs(draw(MOVES)))
        made.append(candle(place * HOUR_MS, *(repr(value) for value in (start, high, low, price))))
    return tuple(made)


@given(any_candles())
def test_every_estimate_is_a_finite_number_of_nought_or_more(candles: tuple[Candle, ...]) -> None:
    found = measure(bars(candles), RULE, at=1, fresh_until=1, implied=None)
    assert all(math.isfinite(value) and value >= 0 for value in (getattr(found, name) for name in ESTIMATORS))


@given(any_candles(), st.sampled_from([D("0.001"), D(1000), D("7.3")]))
def test_the_unit_of_the_price_changes_no_estimate(candles: tuple[Candle, ...], scale: D) -> None:
    scaled = tuple(
        replace(c, open=c.open * scale, high=c.high * scale, low=c.low * scale, close=c.close * scale) for c in candles
    )
    for name, estimate in ALL.items():
        assert estimate(bars(scaled)) == pytest.approx(estimate(bars(candles)), rel=1e-6, abs=1e-9), name


@given(any_candles())
def test_the_length_of_a_bar_changes_an_estimate_by_the_root_of_the_time(candles: tuple[Candle, ...]) -> None:
    daily = tuple(replace(c, opened_at=place * DAY_MS) for place, c in enumerate(candles))
    for name, estimate in {"close_close": close_close, **RANGES}.items():
        assert estimate(bars(daily, DAY_MS)) * math.sqrt(24) == pytest.approx(estimate(bars(candles)), rel=1e-9), name


@given(any_candles())
def test_each_estimator_is_what_its_formula_says(candles: tuple[Candle, ...]) -> None:
    """Written out bar by bar with the logarithms of the standard library."""
    rows = [tuple(math.log(float(p)) for p in (c.open, c.high, c.low, c.close)) for c in candles]
    n, year = len(rows), 8_760
    inside = [(h - c) * (h - o) + (low - c) * (low - o) for o, h, low, c in rows]
    gaps = [rows[i][0] - rows[i - 1][3] for i in range(1, n)]
    bodies = [c - o for o, _, _, c in rows[1:]]
    moves = [rows[i][3] - rows[i - 1][3] for i in range(1, n)]
    m = n - 1
    k = 0.34 / (1.34 + (m + 1) / (m - 1))
    wanted = {
        "close_close": sum(x * x for x in moves) / m,
        "parkinson": sum((h - low) ** 2 for _, h, low, _ in rows) / n / (4 * math.log(2)),
        "garman_klass": sum((h - low) ** 2 / 2 - (2 * math.log(2) - 1) * (c - o) ** 2 for o, h, low, c in rows) / n,
        "rogers_satchell": sum(inside) / n,
        "yang_zhang": spread(gaps) + k * spread(bodies) + (1 - k) * sum(inside[1:]) / m,
    }
    for name, variance in wanted.items():
        assert ALL[name](bars(candles)) ** 2 == pytest.approx(variance * year, rel=1e-6, abs=1e-9), name


def spread(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


# --- on prices whose volatility is known -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_no_estimator_is_biased_on_a_price_without_drift_or_gaps(name: str) -> None:
    assert variances(ALL[name]).mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("parkinson", 4.2, 5.8), ("garman_klass", 6.0, 8.6), ("rogers_satchell", 5.0, 7.3), ("yang_zhang", 5.5, 9.0)],
)
def test_ranges_are_as_much_more_efficient_as_theory_says(name: str, least: float, most: float) -> None:
    """How many times smaller the variance of the estimated variance is than that of closes: 4.9, 7.4, 6 and about 7."""
    assert least < variances(close_close).var() / variances(RANGES[name]).var() < most


@pytest.mark.parametrize("drift", [-1.0, 1.0])
def test_drift_biases_closes_and_ranges_but_neither_rogers_satchell_nor_yang_zhang(drift: float) -> None:
    """As much drift as deviation in a bar: closes read twice the variance."""
    assert variances(close_close, drift=drift).mean() == pytest.approx(2, abs=0.06)
    assert variances(parkinson, drift=drift).mean() > 1.25
    assert variances(garman_klass, drift=drift).mean() > 1.08
    for unmoved in (rogers_satchell, yang_zhang, lambda path: close_close(path, mean=True)):
        assert variances(unmoved, drift=drift).mean() == pytest.approx(1, abs=0.04)


def test_gaps_between_bars_are_seen_by_closes_and_yang_zhang_only() -> None:
    """Leaps as large as what happens inside of a bar: the whole variance is twice that of the inside."""
    for seeing in (close_close, yang_zhang):
        assert variances(seeing, gap=1.0).mean() == pytest.approx(2, abs=0.08)
    for blind in (parkinson, garman_klass, rogers_satchell):
        assert variances(blind, gap=1.0).mean() == pytest.approx(1, abs=0.04)


def test_yang_zhang_withstands_drift_and_gaps_together() -> None:
    assert variances(yang_zhang, gap=1.0, drift=1.0).mean() == pytest.approx(2, abs=0.08)


def test_a_price_that_is_watched_seldom_shows_too_small_a_range() -> None:
    """Eight looks in a bar miss the extremes: that is how ranges lie on a price that is sampled."""

    def seldom(path: Bars) -> Bars:
        closes = path.close.reshape(-1, 8)
        opens = np.concatenate([path.open[:1], closes[:-1, -1]])
        high, low = np.maximum(opens, closes.max(axis=1)), np.minimum(opens, closes.min(axis=1))
        return Bars(opens, high, low, closes[:, -1], path.per_year / 8)

    paths = [seldom(path) for path in walks(200, 480, sigma=0.5, steps=1)]
    for low in RANGES.values():
        assert np.mean([low(path) ** 2 for path in paths]) < 0.25 * 0.85
    assert np.mean([close_close(path) ** 2 for path in paths]) == pytest.approx(0.25, rel=0.03)


# --- the weights of the EWMA -----------------------------------------------------------------------------------------


def test_a_move_weighs_half_after_its_half_life() -> None:
    """Two moves, a half-life apart: (1·x² + ½·0)/(1 + ½) and (1·0 + ½·x²)/(1 + ½)."""
    late = bars(
        (candle(0, *["100"] * 4), candle(HOUR_MS, *["100"] * 4), candle(2 * HOUR_MS, "100", "110", "100", "110"))
    )
    early = bars(
        (candle(0, *["100"] * 4), candle(HOUR_MS, "100", "110", "100", "110"), candle(2 * HOUR_MS, *["110"] * 4))
    )
    square = math.log(1.1) ** 2 * 8_760
    assert ewma(late, HOUR_MS) ** 2 == pytest.approx(square * 2 / 3)
    assert ewma(early, HOUR_MS) ** 2 == pytest.approx(square / 3)


def test_an_endless_half_life_weighs_all_moves_alike() -> None:
    (path,) = walks(1, 100, sigma=0.5)
    assert ewma(path, 10**15) == pytest.approx(close_close(path), rel=1e-6)


# --- bars that cannot be ---------------------------------------------------------------------------------------------

GOOD = candles_of(next(walks(1, 6, sigma=0.5)))
BAD: dict[str, tuple[Candle, ...]] = {
    "nothing": (),
    "too few": GOOD[:2],
    "a gap": (*GOOD[:2], *GOOD[3:]),
    "a bar twice": (*GOOD[:3], *GOOD[2:]),
    "the newest first": GOOD[::-1],
    "a price that is not a number": (*GOOD[:5], replace(GOOD[5], close=D("NaN"))),
    "an endless price": (*GOOD[:5], replace(GOOD[5], high=D("Infinity"))),
    "a signalling price": (*GOOD[:5], replace(GOOD[5], low=D("sNaN"))),
    "a price of nought": (*GOOD[:5], replace(GOOD[5], low=D(0))),
    "a negative price": (*GOOD[:5], replace(GOOD[5], low=D(-1))),
    "a price beyond all bounds": (*GOOD[:5], replace(GOOD[5], high=D("1E+400"))),
    "a high below the low": (*GOOD[:5], replace(GOOD[5], high=GOOD[5].low - 1)),
    "a close above the high": (*GOOD[:5], replace(GOOD[5], close=GOOD[5].high + 1)),
    "an open below the low": (*GOOD[:5], replace(GOOD[5], open=GOOD[5].low - 1)),
}


@pytest.mark.parametrize("row", BAD)
def test_bars_that_cannot_be_are_refused_in_words_and_never_measured(row: str) -> None:
    assert isinstance(bars_of(GOOD, HOUR_MS), Bars)
    assert isinstance(bars_of(BAD[row], HOUR_MS), str)


@pytest.mark.parametrize("interval_ms", [0, -HOUR_MS, HOUR_MS // 2])
def test_bars_of_another_length_than_they_say_are_refused(interval_ms: int) -> None:
    assert isinstance(bars_of(GOOD, interval_ms), str)


def test_returns_are_those_between_closes_to_seven_places() -> None:
    found = returns_of(bars(GOOD), 42)
    closes = [float(c.close) for c in GOOD]
    assert (found.last_at, found.interval_ms, len(found.values)) == (42, HOUR_MS, 5)
    assert found.values == tuple(round(math.log(b / a), 7) for a, b in pairwise(closes))


# --- the worked example of docs/volatility.md ------------------------------------------------------------------------


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_the_worked_example_of_the_page_is_what_the_program_computes() -> None:
    page = PAGE.read_text(encoding="utf-8").split("## A worked example")[1]
    rows = [cells(line) for line in page.splitlines() if line.startswith("|")]
    days = [row for row in rows if re.fullmatch(r"\d", row[0])]
    told = {row[0].strip("`"): float(row[-1].removesuffix(" %")) / 100 for row in rows if row[0].startswith("`")}
    candles = tuple(candle(place * DAY_MS, *row[1:]) for place, row in enumerate(days))
    found = measure(bars(candles, DAY_MS), replace(RULE, half_life_ms=2 * DAY_MS), at=0, fresh_until=0, implied=None)
    assert told.keys() == set(ESTIMATORS)
    for name, value in told.items():
        assert getattr(found, name) == pytest.approx(value, abs=5e-5), name
