"""The numbers of docs/costs.md, recomputed by the engine."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.carry import yearly_funding
from hedger.engine.formulas.optimal import whalley_wilmott
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark

PROSE = " ".join((Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8").split())
COINS, PRICE, FEE, RATE = D(10), D(60_000), D("0.0002"), D("0.0001")
EIGHT_HOURS = 8 * 3_600_000


def mark(rate: D) -> Mark:
    return Mark(
        id=InstrumentId("main", "BTC/USDT:USDT"),
        mark_price=PRICE,
        index_price=PRICE,
        funding_rate=rate,
        funding_interval_ms=EIGHT_HOURS,
        next_funding_at=0,
        exchange_at=0,
    )


def test_a_short_of_ten_coins_receives_what_the_page_says() -> None:
    a_year = COINS * PRICE * yearly_funding(mark(RATE))
    assert f"receives {COINS * PRICE * RATE:.0f} each time, {a_year:,.0f} a year" in PROSE
    assert f"at a maker fee of {FEE:.2%} costs {COINS * PRICE * FEE:.0f}".replace("%", " %") in PROSE


def test_going_in_and_out_costs_as_many_days_of_funding_as_the_page_says() -> None:
    days = 2 * FEE / (yearly_funding(mark(RATE)) / 365)
    assert f"as much as {days:.1f} days of funding" in PROSE


def test_twice_the_fee_asks_for_a_band_a_quarter_wider() -> None:
    ratio = whalley_wilmott(0.0004, 1.0, 0.5, 60_000.0, 1e-6) / whalley_wilmott(0.0002, 1.0, 0.5, 60_000.0, 1e-6)
    assert ratio == pytest.approx(1.26, abs=0.005)
    assert "Twice the fee asks for a band about a quarter wider" in PROSE
