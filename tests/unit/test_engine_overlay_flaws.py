"""Law 9 for options: on an input that is missing or impossible nothing is created, and margin is saved all the same."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Action, Reason, Severity, State
from hedger.engine.news.sane import flaw_of
from hedger.engine.step import step
from hedger.model.message import AccountRead, CancelOrder, Stamped
from hedger.model.option import OptionPosition
from hedger.model.order import Side
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, order_of, placed, quote_at, reading_of
from tests.support.option_books import CALL, option_of

NO_SIGMA = option_of(CALL, "-1", mark_sigma=None)
SOLD = option_of(CALL, "-1")
BAD: tuple[dict[str, Any], ...] = (
    {"mark_sigma": None},
    {"mark_sigma": D("NaN")},
    {"forward_price": None},
    {"forward_price": D("Infinity")},
    {"expiry_at": NOW},
    {"mark_price": D(-1)},
    {"mark_sigma": None, "mark_price": D("0.1"), "strike": D(40_000)},
)


def holding(state: State, *options: OptionPosition) -> State:
    view = state.accounts[ACCOUNT]
    reading = replace(view.reading or reading_of(), options=options)
    return state._replace(accounts={ACCOUNT: replace(view, reading=reading)})


def endangered(state: State) -> State:
    memory = replace(state.hedges["btc"], liquidation_severity=Severity.REDUCE)
    return state._replace(hedges={"btc": memory})


def test_a_sound_option_is_hedged_with_its_delta() -> None:
    """One coin less the delta of the call that was sold on it: an order of about half a coin."""
    result = step(holding(hedging("1"), SOLD), Stamped(NOW, quote_at()), POLICY)
    (order,) = placed([result])
    assert D("0.4") < order.quantity < D("0.5")


@pytest.mark.parametrize("changes", BAD)
def test_nothing_is_created_while_an_option_s_input_is_missing_or_impossible(changes: dict[str, Any]) -> None:
    bad = option_of(CALL, "-1", **changes)
    result = step(holding(hedging("1"), SOLD, bad), Stamped(NOW, quote_at()), POLICY)
    (decision,) = result.decisions
    assert (decision.action, decision.reason) == (Action.DENY, Reason.OPTION_INPUT)
    assert str(bad.id) in decision.detail
    assert not result.commands


@pytest.mark.parametrize("changes", BAD)
def test_an_order_that_rests_is_taken_off_the_book(changes: dict[str, Any]) -> None:
    resting = order_of(quantity="0.5", status=OrderStatus.OPEN)
    state = holding(hedging("1", orders=[resting]), option_of(CALL, "-1", **changes))
    result = step(state, Stamped(NOW, quote_at()), POLICY)
    (command,) = result.commands
    assert isinstance(command, CancelOrder)
    assert command.client_order_id == resting.client_order_id
    assert result.decisions[0].reason is Reason.OPTION_INPUT


def test_the_same_order_rests_on_while_the_option_is_sound() -> None:
    resting = order_of(quantity="0.4", status=OrderStatus.OPEN)
    result = step(holding(hedging("1", orders=[resting]), SOLD), Stamped(NOW, quote_at()), POLICY)
    assert not result.commands


@pytest.mark.parametrize("changes", BAD)
def test_a_margin_reduction_leaves_whatever_the_options_lack(changes: dict[str, Any]) -> None:
    state = endangered(holding(hedging("1", "-1"), option_of(CALL, "-1", **changes)))
    result = step(state, Stamped(NOW, quote_at()), POLICY)
    (order,) = placed([result])
    assert order.reduce_only
    assert result.decisions[0].reason is Reason.MARGIN_REDUCTION


def test_a_margin_reduction_that_rests_stays_in_the_book() -> None:
    saving = order_of(side=Side.BUY, quantity="0.25", status=OrderStatus.OPEN, reduce_only=True, margin_reduction=True)
    state = endangered(holding(hedging("1", "-1", orders=[saving]), NO_SIGMA))
    result = step(state, Stamped(NOW, quote_at()), POLICY)
    assert not result.commands
    assert result.decisions[0].reason is Reason.ORDER_WORKING


def test_hedging_goes_on_once_the_input_is_there() -> None:
    state, refused = feed(holding(hedging("1"), NO_SIGMA), (NOW, quote_at()))
    assert not placed(refused)
    state, taken = feed(holding(state, SOLD), (NOW + 1, quote_at(at=NOW + 1)))
    assert placed(taken)


def test_an_expired_option_stops_until_the_reading_no_longer_has_it() -> None:
    expired = option_of(CALL, "-1", expiry_at=NOW)
    state, refused = feed(holding(hedging("1"), expired), (NOW, quote_at()))
    assert "still listed" in refused[0].decisions[0].detail
    assert placed(feed(holding(state), (NOW + 1, quote_at(at=NOW + 1)))[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": D("NaN")},
        {"quantity": D("Infinity")},
        {"strike": D(0)},
        {"strike": D("-Infinity")},
        {"strike": D("NaN")},
        {"contract_multiplier": D(0)},
        {"contract_multiplier": D("NaN")},
        {"expiry_at": 0},
    ],
)
def test_a_reading_with_an_option_that_has_no_terms_is_refused_whole(changes: dict[str, Any]) -> None:
    reading = reading_of(options=(SOLD, option_of(CALL, **changes)))
    read = AccountRead(requested_at=NOW, reading=reading)
    assert flaw_of(read, {"BTC"}) is not None
    assert flaw_of(read, {"ETH"}) is None
    state = hedging("1")
    after, _ = feed(state, (NOW, read), policy=POLICY)
    view = after.accounts[ACCOUNT]
    assert view.reading == state.accounts[ACCOUNT].reading
    assert "refused" in view.last_failure


def test_what_an_option_is_priced_with_may_be_missing_in_a_reading_that_is_believed() -> None:
    for changes in BAD:
        read = AccountRead(requested_at=NOW, reading=reading_of(options=(option_of(CALL, **changes),)))
        assert flaw_of(read, {"BTC"}) is None


def test_what_a_filled_hedge_did_is_not_judged_on_numbers_that_leave_an_option_out() -> None:
    """Three hedges that seem to have done nothing halt; an option that is out of the numbers is no such proof."""
    state = holding(hedging("1"), NO_SIGMA)
    memory = replace(state.hedges["btc"], effect_due=(D(1), D("0.5"), D(1), D(0)), futile=2)
    after, _ = feed(state._replace(hedges={"btc": memory}), (NOW, quote_at()))
    assert after.halted is None
    assert after.hedges["btc"].effect_due == memory.effect_due
    judged, _ = feed(holding(after), (NOW + 1, quote_at(at=NOW + 1)))
    assert judged.hedges["btc"].futile == 3
    assert judged.halted is not None
