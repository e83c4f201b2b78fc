"""The numbers of docs/instruments.md, recomputed by the engine."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.liquidation import (
    liquidation_price,
    tiers_of,
)
from hedger.engine.held.exposure import delta_of
from hedger.engine.news.settled import coins_owned
from hedger.model.account import Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import floor_to
from tests.support.engine_policies import ACCOUNT, instrument_of
from tests.support.engine_worlds import NOW, position_at, reading_of
from tests.support.textbook import survives_inverse_short, survives_linear_short

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "instruments.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
CONTRACT = replace(instrument_of(multiplier="100"), payoff=Payoff.INVERSE, quote="USD", settle="BTC")
ENTRY = D(60_000)


def short(price: D) -> Position:
    return position_at(
        "-600",
        id=InstrumentId(ACCOUNT, "BTC/USD:BTC"),
        contract_multiplier=D(100),
        payoff=Payoff.INVERSE,
        entry_price=ENTRY,
        mark_price=price,
    )


@pytest.mark.parametrize("price", [40_000, 60_000, 80_000, 120_000])
def test_the_table_of_the_static_hedge_is_what_the_engine_counts(price: int) -> None:
    row = short(D(price))
    profit = -CONTRACT.coins(D(600), ENTRY) + CONTRACT.coins(D(600), D(price))
    equity = 1 + profit
    reading = reading_of("0", collateral={"BTC": D(1)}, unrealized={"BTC": profit}, positions=(row,))
    delta = coins_owned(reading, "BTC")
    assert round(delta, 9) == 0
    told = (f"{price:,}", *(f"{value:.4f}" for value in (profit, equity, row.delta, abs(delta))))
    assert f"| {' | '.join(told)} | {equity * price:,.0f} |" in PAGE
    if price == 80_000:
        assert f"holds {abs(profit):.2f} BTC too many" in PAGE


def test_the_fill_of_the_page_earns_what_the_ledger_books() -> None:
    assert f"= {CONTRACT.gain(D(500), D(49_990), D(50_000)):.4f} dollars" in PROSE


def test_a_thousand_coins_a_unit_make_the_units_and_the_price_of_the_page() -> None:
    pepe = instrument_of("PEPE", multiplier="1000")
    units = pepe.units(D(2_500_000), D("0.0115"))
    assert f"hedged by {units:,.0f} units" in PROSE
    assert f"worth {pepe.notional(units, D('0.0115')):.2f}, and a coin costs {pepe.coin_price(D('0.0115'))}" in PROSE


def test_a_dated_future_has_the_delta_of_the_page() -> None:
    row = position_at("1", mark_price=D(61_800), index_price=D(60_000), expiry_at=NOW + 10**10)
    delta = delta_of(row, NOW)
    assert f"its delta is {delta:.4f} and 1 BTC is hedged by {1 / delta:.4f} of it" in PROSE
    assert f"{floor_to(1 / delta, D('0.001'))} in lots of 0.001" in PROSE


@pytest.mark.parametrize(("ratio", "linear", "inverse"), [("1", "99.0", None), ("0.5", "49.3", "99.0")])
def test_the_distances_to_liquidation_are_those_of_the_identities(ratio: str, linear: str, inverse: str | None) -> None:
    flat, entry = tiers_of([(D(0), D("0.005"))]), D(100)
    price = liquidation_price(payoff=Payoff.LINEAR, size=D(-1), entry_price=entry, wallet=entry * D(ratio), tiers=flat)
    assert price is not None
    assert f"{(price / entry - 1) * 100:.1f}" == linear
    assert f"{linear} %" in PROSE
    in_coins = liquidation_price(payoff=Payoff.INVERSE, size=-entry, entry_price=entry, wallet=D(ratio), tiers=flat)
    assert (None if in_coins is None else f"{(in_coins / entry - 1) * 100:.1f}") == inverse
    assert survives_linear_short(D(ratio), D(linear) / 100 - D("0.001"), D("0.005"))
    assert survives_inverse_short(D(ratio), D("0.98"), D("0.005"))
