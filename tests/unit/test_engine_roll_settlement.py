"""When a contract has expired its position is gone because the venue settled it: nobody traded, no fill was missed."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.movement import Evidence
from hedger.engine.known.state import ChangeCause, Mode
from hedger.model.message import FillsRead, InstrumentsLoaded, ReadFills, TimePassed
from hedger.model.order import Fill, FillCause, Side
from tests.support.dated_worlds import FAR, NEAR, Desk, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import fill_of, order_of

MINUTE = 60_000


def expired(held: str = "-0.05") -> Desk:
    """A hedge whose near contract ends in ten seconds with a part of the position left, which the far one replaces."""
    instruments = {NEAR: future(NEAR, 10_000 / 86_400_000), FAR: future(FAR, 90)}
    positions = {NEAR: held, FAR: "-0.95"}
    policy = dated_policy(NEAR, FAR)
    return Desk(policy, world(policy, instruments, positions), positions)


def settle(it: Desk) -> None:
    """The contract ends: its position and its listing go, and no row of it is in a reading any more."""
    it.run(3)
    it.held[NEAR] = D(0)
    it.gone.add(NEAR)
    listed = InstrumentsLoaded(account=ACCOUNT, instruments=(it.state.instruments[FAR],))
    it.tell(it.state.now + 1, listed)


def test_what_was_left_is_settled_and_the_hedge_goes_on_with_the_next_contract() -> None:
    it = expired()
    settle(it)
    it.run(30)
    view = it.state.accounts[ACCOUNT]
    assert it.state.mode is Mode.HEDGING, it.state.mode_reason
    assert view.failures == 0, view.last_failure
    assert abs(it.delta) <= D("0.01"), "what the settlement took is hedged again"
    assert all(order.id == FAR for order in it.orders)


@pytest.mark.parametrize("answered", [True, False], ids=["the venue lists no execution", "the venue does not answer"])
def test_the_end_of_a_contract_is_told_as_a_settlement_and_is_no_drift(answered: bool) -> None:
    it = expired()
    settle(it)
    for _ in range(20):
        it.run(1)
        if answered:
            for command in it.asked:
                if isinstance(command, ReadFills) and command.id == NEAR:
                    told = FillsRead(id=NEAR, since_at=0, requested_at=it.state.now, fills=())
                    it.tell(it.state.now + 1, told)
                    break
    assert [(c.what, c.cause, c.quantity) for c in it.changes if c.what == NEAR.symbol] == [
        (NEAR.symbol, ChangeCause.SETTLEMENT, D("0.05"))
    ]
    assert not it.state.accounts[ACCOUNT].movement.drifted_at


def test_a_settlement_that_the_venue_lists_as_an_execution_is_told_once() -> None:
    it = expired()
    settle(it)
    it.run(2)
    it.tell(it.state.now + 1, FillsRead(id=NEAR, since_at=0, requested_at=it.state.now, fills=(execution(it),)))
    it.run(30)
    told = [c for c in it.changes if c.what == NEAR.symbol]
    assert [(c.cause, c.quantity) for c in told] == [(ChangeCause.SETTLEMENT, D("0.05"))]
    assert it.state.mode is Mode.HEDGING


def execution(it: Desk) -> Fill:
    made = fill_of(order_of(Side.BUY, "0.05"), "0.05", "settled", at=it.state.now - 12_000)
    return replace(made, id=NEAR, client_order_id=None, venue_order_id="9", cause=FillCause.SETTLEMENT)


def test_what_we_sold_shortly_before_does_not_keep_a_settlement_from_being_believed() -> None:
    """A reading that undoes our own sale is an old one, unless the contract has ended: then it is the truth."""
    it = expired()
    view = it.state.accounts[ACCOUNT]
    traded = replace(view, evidence=Evidence(traded={NEAR: (0, it.state.now - 30 * MINUTE)}))
    it.state = it.state._replace(accounts={ACCOUNT: traded})
    settle(it)
    it.run(10)
    assert not it.state.accounts[ACCOUNT].last_failure
    assert it.state.accounts[ACCOUNT].believed_at > it.state.now - 10_000


def test_before_its_end_a_missing_row_is_not_a_flat_position() -> None:
    instruments = {NEAR: future(NEAR, 1), FAR: future(FAR, 90)}
    policy = dated_policy(NEAR, FAR)
    it = Desk(policy, world(policy, instruments, {NEAR: "-1"}), {NEAR: "-1"})
    it.gone.add(NEAR)
    it.run(2)
    assert "missing row" in it.state.accounts[ACCOUNT].last_failure


def test_rules_of_what_expired_are_not_asked_for_every_minute() -> None:
    it = expired()
    settle(it)
    assert it.state.accounts[ACCOUNT].rules_due_at - it.state.now == 3_600_000


def test_after_its_end_a_contract_has_no_delta_even_while_a_reading_still_shows_it() -> None:
    it = expired()
    it.run(3)
    it.tell(it.state.now + 1, TimePassed())
    assert it.held[NEAR] == D("-0.05"), "the venue is late"
    it.run(3)
    assert it.held[FAR] <= D("-0.99"), "the hedge did not wait for it"
