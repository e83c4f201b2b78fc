"""The delta of a dated contract: its basis, its settlement average, and the index that its venue does not tell."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.held.exposure import coins_of, delta_of, exposure, unsettled
from hedger.engine.known.state import State
from hedger.model.account import Position
from tests.support.engine_policies import instrument_of, perpetual
from tests.support.engine_worlds import NOW, POLICY, hedging, mark_at, position_at

END, AVERAGE_MS = NOW + 3_600_000, 1_800_000
ID = perpetual()


def dated(**changes: Any) -> Position:
    """A short of one coin that ends in an hour, at a mark of 60,600 where the index is 60,000."""
    made = position_at("-1", expiry_at=END, mark_price=D(60_600), index_price=D(60_000))
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("at", "share"),
    [
        (END - AVERAGE_MS - 1, "1"),
        (END - AVERAGE_MS, "1"),
        (END - AVERAGE_MS + 1, "0.99999944"),
        (END - AVERAGE_MS // 2, "0.5"),
        (END - 1, "0.00000056"),
        (END, "0"),
        (END + 1, "0"),
    ],
)
def test_what_is_open_of_a_contract_goes_to_nothing_over_its_average(at: int, share: str) -> None:
    assert round(unsettled(END, AVERAGE_MS, at), 8) == D(share)


def test_a_contract_without_an_average_is_open_until_its_last_moment() -> None:
    assert (unsettled(END, 0, END - 1), unsettled(END, 0, END)) == (D(1), D(0))


def test_a_dated_contract_is_worth_its_basis_more_than_its_coins() -> None:
    assert delta_of(dated(), NOW, AVERAGE_MS) == D("-1.01")
    assert delta_of(dated(), END - AVERAGE_MS // 4, AVERAGE_MS) == D("-0.2525")
    assert delta_of(dated(index_price=None), NOW, AVERAGE_MS) == -1
    assert delta_of(dated(expiry_at=None), NOW, AVERAGE_MS) == -1


def held(position: Position) -> State:
    """Two coins, hedged with a dated contract whose last mark was 61,200 over an index of 60,000."""
    rules = instrument_of(expiry_at=END, settlement_ms=AVERAGE_MS)
    state = hedging("2", instrument=rules)
    view = state.accounts[ID.account]
    assert view.reading is not None
    reading = replace(view.reading, positions=(position,))
    marks = {ID: (mark_at("61200", index_price=D(60_000)), NOW)}
    return state._replace(accounts={ID.account: replace(view, reading=reading)}, marks=marks)


def test_an_index_that_the_venue_does_not_tell_beside_a_position_is_that_of_its_last_mark() -> None:
    hedge = POLICY.hedges[0]
    told, untold = (exposure(held(position), hedge) for position in (dated(), dated(index_price=None)))
    assert told is not None
    assert untold is not None
    assert (told.futures, untold.futures) == (D("-1.01"), D("-1.02"))
    assert told.low == told.high == D("0.99")


def test_what_an_order_would_add_is_counted_as_what_is_held_is() -> None:
    state = held(dated())
    rules = state.instruments[ID]
    assert coins_of(state, rules, D(-1)) == D("-1.02")
    assert coins_of(state._replace(marks={}), rules, D(-1)) == -1
    halfway = state._replace(now=END - AVERAGE_MS // 2)
    assert coins_of(halfway, rules, D(-1)) == D("-0.51")
