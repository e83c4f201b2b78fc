"""Where a venue tells legs apart, one order closes a position or opens one, and never both."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.state import State
from hedger.model.message import TimePassed
from hedger.model.order import Side
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, placed

LEGS = instrument_of(turns_round=False)


def ordered(state: State) -> tuple[Side, D]:
    (order,) = placed(feed(state, (NOW + 1, TimePassed()), policy=POLICY)[1])
    return order.side, order.quantity


@pytest.mark.parametrize(
    ("spot", "position", "side", "quantity"),
    [
        ("0", "-0.2", Side.BUY, "0.2"),
        ("0.5", "0.2", Side.SELL, "0.2"),
        ("0.5", "-0.2", Side.SELL, "0.3"),
        ("0.5", "0", Side.SELL, "0.5"),
    ],
    ids=["a short closed", "a long closed, not turned", "a short grown", "a short opened"],
)
def test_an_order_stops_where_the_position_is_closed(spot: str, position: str, side: Side, quantity: str) -> None:
    assert ordered(hedging(spot, position, instrument=LEGS)) == (side, D(quantity))


def test_where_one_order_turns_a_position_round_it_does() -> None:
    turning = replace(LEGS, turns_round=True)
    assert ordered(hedging("0.5", "0.2", instrument=turning)) == (Side.SELL, D("0.7"))
