"""What of a step goes into the journal."""

from dataclasses import replace
from decimal import Decimal as D

from hedger.engine.step import step
from hedger.model.message import FillsRead, Stamped
from hedger.runtime.record import rows_of
from tests.support.engine_policies import perpetual
from tests.support.engine_worlds import NOW, POLICY, fill_of, hedging, order_of


def test_a_fill_that_is_listed_twice_in_one_answer_is_written_once() -> None:
    fill = fill_of(order_of(), "0.2")
    other = replace(fill, trade_id="another", quantity=D("0.1"))
    state = hedging("1", "-0.5", orders=[order_of()])
    stamped = Stamped(NOW, FillsRead(id=perpetual(), requested_at=NOW, since_at=0, fills=(fill, other, fill)))
    rows = rows_of(state, stamped, step(state, stamped, POLICY))
    written = [row.key for row in rows if row.kind == "fill"]
    assert len(written) == len(set(written)) == 2
