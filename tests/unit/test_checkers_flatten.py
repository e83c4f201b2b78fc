"""The checker of I8 after a flatten: what a flattened hedge sends takes its position off, and nothing else is taken."""

from decimal import Decimal as D

import pytest

from hedger.engine.known.latch import Flatten
from hedger.model.order import Side
from hedger.sim.checkers.exposure import ExposureChecker
from tests.support.checker_stand import Stand, found, order_id

LATCHED = {"btc": Flatten(reason="out", asked_at=1)}


@pytest.mark.parametrize(
    ("side", "quantity", "reduce_only", "flattens", "expected"),
    [
        (Side.BUY, "0.5", True, True, []),
        (Side.BUY, "0.5", False, True, ["I8"]),
        (Side.BUY, "0.5", True, False, ["I8"]),
        (Side.SELL, "0.5", False, False, ["I8", "I8"]),
        (Side.BUY, "0.6", False, True, ["I8", "I8"]),
    ],
)
def test_after_a_flatten_an_order_that_may_do_more_than_reduce_breaks_i8(
    side: Side, quantity: str, reduce_only: bool, flattens: bool, expected: list[str]
) -> None:
    stand = Stand()
    stand.trade(Side.SELL, "0.5", order_id(9))
    order = stand.order(side=side, quantity=D(quantity), reduce_only=reduce_only)
    after = stand.state(stand.held(order, flatten=flattens), flattening=LATCHED)
    checker = ExposureChecker(stand.witness)
    assert found(checker, [stand.stepped(order, after=after), stand.accepted(order)]) == expected
