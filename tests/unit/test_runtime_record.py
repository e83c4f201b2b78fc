"""What of a step goes into the journal."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.step import Result, step
from hedger.model.account import FundingPayment
from hedger.model.message import FillsRead, FundingRead, OrderRejected, PlaceOrder, Stamped, TimePassed
from hedger.model.order import RejectReason
from hedger.runtime.journal import Row
from hedger.runtime.record import must_be_durable, rows_of
from tests.support.engine_policies import ACCOUNT, perpetual
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


def payment(id: str = "p1", amount: str = "-3") -> FundingPayment:
    return FundingPayment(id=perpetual(), payment_id=id, amount=D(amount), asset="USDT", exchange_at=NOW)


def funding_read(*payments: FundingPayment) -> Stamped:
    return Stamped(NOW, FundingRead(account=ACCOUNT, requested_at=NOW, since_at=0, payments=payments))


def test_a_payment_that_is_listed_twice_in_one_answer_is_booked_and_written_once() -> None:
    before = hedging("1", "-1")
    stamped = funding_read(payment(), payment("p2", "-1"), payment())
    result = step(before, stamped, POLICY)
    assert result.state.ledgers["btc"].funding == D(-4)
    keys = [row.key for row in rows_of(before, stamped, result) if row.kind == "funding"]
    assert keys == [f"{ACCOUNT}/p1", f"{ACCOUNT}/p2"]
    again = step(result.state, stamped, POLICY)
    assert again.state.ledgers["btc"].funding == D(-4)
    assert rows_of(result.state, stamped, again) == []


def test_a_payment_that_was_refused_is_not_written_as_if_it_had_been_booked() -> None:
    before, stamped = hedging("1", "-1"), funding_read(payment(), payment("p2", "NaN"))
    result = step(before, stamped, POLICY)
    assert result.state.ledgers["btc"].funding == 0
    assert [row for row in rows_of(before, stamped, result) if row.kind == "funding"] == []


def test_a_breaker_that_trips_is_on_disk_at_once_and_only_when_it_trips() -> None:
    order = order_of()
    before = hedging("1", "-0.5", orders=[order])
    refused = OrderRejected(client_order_id=order.client_order_id, reason=RejectReason.NOT_AUTHORISED, text="")
    result = step(before, Stamped(NOW, refused), POLICY)
    rows = rows_of(before, Stamped(NOW, refused), result)
    assert [row.key for row in rows if row.kind == "trip"] == [ACCOUNT]
    assert must_be_durable(result, [row for row in rows if row.kind == "trip"])
    later = step(result.state, Stamped(NOW + 1_000, TimePassed()), POLICY)
    assert [row for row in rows_of(result.state, Stamped(NOW, TimePassed()), later) if row.kind == "trip"] == []


def test_what_is_only_news_of_prices_need_not_be_on_disk() -> None:
    stamped = Stamped(NOW, quote_at())
    result = step(hedging("1", "-1"), stamped, POLICY)
    assert not must_be_durable(result, rows_of(hedging("1", "-1"), stamped, result))


@pytest.mark.parametrize("kind", ["fill", "halt", "funding", "operator", "resume", "quiet"])
def test_what_a_start_must_know_is_on_disk_before_anything_else_happens(kind: str) -> None:
    nothing = Result(hedging("1", "-1"), (), ())
    assert must_be_durable(nothing, [Row(NOW, "ledger", "", {}), Row(NOW, kind, "", {})])
    assert not must_be_durable(nothing, [Row(NOW, "ledger", "", {}), Row(NOW, "change", "", {})])
