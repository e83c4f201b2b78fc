"""Every number of the examples in docs/carry.md, computed anew."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.carry import (
    basis_yearly,
    basis_yearly_simple,
    carry_to,
    expected_funding,
    fitted,
    per_interval,
    switch_gain,
    yearly,
)
from hedger.engine.known.ledger import basis_bps
from hedger.model.market import FundingRate
from hedger.model.spans import YEAR_MS
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import mark_at
from tests.support.textbook import funding_received

PAGE = (Path(__file__).resolve().parents[2] / "docs/carry.md").read_text(encoding="utf-8")
DAY, EIGHT_HOURS = 86_400_000, 28_800_000
INDEX, NINETY = D(60_000), 90 * DAY
SHORT = -1


def basis(price: int) -> float:
    value = basis_yearly(D(price), INDEX, NINETY)
    assert value is not None
    return value


def expected(rate: float) -> float:
    past = tuple(FundingRate(rate=D(repr(rate)), interval_ms=EIGHT_HOURS, settled_at=n) for n in range(90))
    return expected_funding(fitted(past, rate, EIGHT_HOURS), rate, 30 * DAY)


def example() -> list[str]:
    funding, dated = expected(0.0001), basis(61_500)
    cash = funding_received(instrument_of(), D(-1), mark_at())
    simple = basis_yearly_simple(D(61_500), INDEX, NINETY)
    assert simple is not None
    cost, better = 2 * 0.0002, basis(62_900) - funding
    years = 30 * DAY / YEAR_MS
    left = switch_gain(better, cost=cost, years=years) - 0.02
    pays = -carry_to(expected(-0.0001), SHORT), -carry_to(basis(59_500), SHORT)
    return [
        f"{carry_to(funding, SHORT):+.2%} a year, {cash:.2f} in quote every eight hours",
        f"{basis_bps(D(61_500), INDEX):.1f} bp: {dated:+.2%} a year, compounded ({simple:.2%} simple)",
        f"funding stays above {per_interval(dated, EIGHT_HOURS):+.4%} per 8 h",
        f"2 × 0.02 % over 30 days: {cost / years:.2%} a year",
        f"At 62,900 its basis is {basis(62_900):+.2%}, which is {better * 100:.2f} points",
        f"after {cost / years:.2%} of cost and 2 % of hysteresis {left * 100:.2f} points remain",
        f"the short pays either way: {pays[0]:.2%} a year in the perpetual, {pays[1]:.2%} in the dated contract",
        f"0.05 % over three hours is {0.0005 * YEAR_MS / (3 * 3_600_000):.0%}",
        f"At the usual +0.01 % every eight hours it is paid {yearly(0.0001, EIGHT_HOURS):.2%} a year",
    ]


@pytest.mark.parametrize("sentence", example())
def test_a_number_on_the_page_is_what_the_program_computes(sentence: str) -> None:
    page = " ".join(PAGE.split())
    assert sentence.replace("%", " %").replace("  %", " %") in page


def test_the_examples_come_out_as_the_page_says() -> None:
    assert basis(61_500) < expected(0.0001) < basis(62_900)
    assert carry_to(expected(-0.0001), SHORT) < carry_to(basis(59_500), SHORT) < 0
