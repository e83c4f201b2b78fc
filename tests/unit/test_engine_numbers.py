"""Each number of each kind of news: what must be positive, what may be zero, and what may have either sign."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.news.sane import flaw_of
from hedger.model.message import Event, FillsRead, InstrumentsLoaded
from tests.support.engine_policies import ACCOUNT, instrument_of, perpetual
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    order_of,
    position_at,
    quote_at,
    read_at,
    reading_of,
    report_of,
)

NO_NUMBER = [D("NaN"), D("Infinity"), D("-Infinity")]
ORDER = order_of()
RULES = instrument_of()


def bent(made: Any, field: str, value: D) -> Any:
    return replace(made, **{field: value})


def named(event: Event) -> str:
    return flaw_of(event) or ""


@pytest.mark.parametrize("value", [*NO_NUMBER, D(0), D(-1)])
def test_what_must_be_positive_is_named_when_it_is_not(value: D) -> None:
    assert named(replace(fill_of(ORDER, "1"), quantity=value)) == f"quantity is {value}"
    assert named(replace(fill_of(ORDER, "1"), price=value)) == f"price is {value}"
    assert named(replace(report_of(ORDER), quantity=value)) == f"quantity is {value}"
    listed = FillsRead(id=ORDER.id, requested_at=NOW, since_at=0, fills=(fill_of(ORDER, "1"), fill_of(ORDER, value)))
    assert named(listed) == f"quantity is {value}"
    for field, name in {"tick_size": "tick", "lot_size": "lot", "contract_multiplier": "multiplier"}.items():
        loaded = InstrumentsLoaded(account=ACCOUNT, instruments=(RULES, bent(RULES, field, value)))
        assert named(loaded) == f"{name} is {value}"
    assert "is no market" not in named(quote_at("0.5", "0.6"))


@pytest.mark.parametrize("value", [*NO_NUMBER, D(-1)])
def test_what_may_be_zero_is_named_when_it_is_less_or_no_number(value: D) -> None:
    assert named(replace(report_of(ORDER), filled=value)) == f"filled is {value}"
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=(replace(RULES, min_notional=value),))
    assert named(loaded) == f"least notional is {value}"
    for field in ("maintenance_margin", "initial_margin"):
        margin = bent(reading_of().margin, field, value)
        assert named(read_at(NOW, reading_of(margin=margin)).event) == f"{field.replace('_', ' ')} is {value}"
    row = position_at("0", mark_price=value)
    assert named(read_at(NOW, reading_of(positions=(row,))).event) == f"{row.id}: mark price is {value}"
    row = position_at("0", liquidation_price=value)
    assert named(read_at(NOW, reading_of(positions=(row,))).event) == f"{row.id}: liquidation price is {value}"


@pytest.mark.parametrize("value", NO_NUMBER)
def test_what_may_have_either_sign_is_named_when_it_is_no_number(value: D) -> None:
    assert named(replace(fill_of(ORDER, "1"), fee=value)) == f"fee is {value}"
    for field in ("equity", "available"):
        margin = bent(reading_of().margin, field, value)
        assert named(read_at(NOW, reading_of(margin=margin)).event) == f"{field} is {value}"
    assert named(read_at(NOW, replace(reading_of(), spot={"BTC": value})).event) == f"BTC is {value}"
    assert named(read_at(NOW, reading_of(collateral={"USDT": value})).event) == f"USDT is {value}"
    for field, name in {"quantity": "position", "entry_price": "entry price"}.items():
        row = bent(position_at("0"), field, value)
        assert named(read_at(NOW, reading_of(positions=(row,))).event) == f"{row.id}: {name} is {value}"


def test_rebates_debts_and_empty_rows_can_be_true() -> None:
    assert named(replace(fill_of(ORDER, "1"), fee=D(-1))) == ""
    assert named(report_of(ORDER)) == ""
    free = replace(RULES, min_notional=D(0))
    assert named(InstrumentsLoaded(account=ACCOUNT, instruments=(free,))) == ""
    owing = reading_of(
        collateral={"USDT": D(-5)}, positions=(position_at("0", mark_price=D(0), liquidation_price=D(0)),)
    )
    assert named(read_at(NOW, owing).event) == ""


def test_only_a_position_that_is_held_must_be_priced() -> None:
    for field in ("mark_price", "contract_multiplier", "leverage"):
        row = bent(position_at("1"), field, D(0))
        assert named(read_at(NOW, reading_of(positions=(row,))).event).endswith(f"{words_of(field)} is 0")


def test_a_row_on_a_coin_that_nobody_hedges_here_need_not_be_priced() -> None:
    foreign = replace(position_at("1", mark_price=D(0)), underlying="DOGE", leverage=D(0))
    read = read_at(NOW, reading_of(positions=(foreign,))).event
    assert flaw_of(read, {"BTC"}) is None
    assert flaw_of(read, {"BTC", "DOGE"}) is not None
    for value in NO_NUMBER:
        row = replace(foreign, quantity=value)
        assert flaw_of(read_at(NOW, reading_of(positions=(row,))).event, {"BTC"}) is not None


def test_somebody_s_order_may_have_no_quantity_and_ours_may_not() -> None:
    for name in (None, "web_abc"):
        stop = replace(report_of(ORDER), client_order_id=name, quantity=D(0))
        assert named(stop) == ""
        assert named(read_at(NOW, replace(reading_of(), open_orders=(stop,))).event) == ""
        assert named(replace(stop, quantity=D("NaN"))) == "quantity is NaN"
    ours = replace(report_of(ORDER), quantity=D(0))
    assert "quantity is 0" in named(read_at(NOW, replace(reading_of(), open_orders=(ours,))).event)


def test_a_reading_with_a_foreign_row_without_a_price_is_believed_by_the_engine() -> None:
    state = hedging("1", "0")
    foreign = replace(position_at("5", mark_price=D(0)), id=perpetual("DOGE"), underlying="DOGE")
    good = reading_of("1", "0", at=NOW + 9_000)
    read = read_at(NOW + 10_000, replace(good, positions=(*good.positions, foreign)), requested_at=NOW + 9_000)
    after, _ = feed(state, read)
    assert after.accounts[ACCOUNT].believed_at == NOW + 9_000


def words_of(field: str) -> str:
    return field.replace("contract_", "").replace("_", " ")
