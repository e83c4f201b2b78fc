"""What of a step goes into the journal."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.orders import OrderStatus
from hedger.engine.step import step
from hedger.model.message import FillsRead, PlaceOrder, Stamped
from hedger.runtime.record import must_be_durable, rows_of
from tests.support.engine_policies import perpetual
from tests.support.engine_worlds import NOW, POLICY, fill_of, hedging, order_of, quote_at


def test_a_fill_that_is_listed_twice_in_one_answer_is_written_once() -> None:
    fill = fill_of(order_of(), "0.2")
    other = replace(fill, trade_id="another", quantity=D("0.1"))
    state = hedging("1", "-0.5", orders=[order_of()])
    stamped = Stamped(NOW, FillsRead(id=perpetual(), requested_at=NOW, since_at=0, fills=(fill, other, fill)))
    rows = rows_of(state, stamped, step(state, stamped, POLICY))
    written = [row.key for row in rows if row.kind == "fill"]
    assert len(written) == len(set(written)) == 2


@pytest.mark.parametrize("kind", ["stream", "list"])
def test_a_fill_is_on_disk_before_anything_else_happens_although_nothing_leaves(kind: str) -> None:
    order = order_of(status=OrderStatus.OPEN, venue_order_id="v1")
    state, fill = hedging("1", "-1", orders=[order]), fill_of(order, "0.2")
    listed = FillsRead(id=perpetual(), requested_at=NOW, since_at=0, fills=(fill,))
    stamped = Stamped(NOW, fill if kind == "stream" else listed)
    result = step(state, stamped, POLICY)
    assert not any(isinstance(command, PlaceOrder) for command in result.commands)
    assert must_be_durable(result, rows_of(state, stamped, result))


def test_what_is_only_news_of_prices_need_not_be_on_disk() -> None:
    stamped = Stamped(NOW, quote_at())
    result = step(hedging("1", "-1"), stamped, POLICY)
    assert not must_be_durable(result, rows_of(hedging("1", "-1"), stamped, result))
