"""Prices that another source contradicts: nothing is created on them, on whichever side the mistake is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.guards.sources import contradicted
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Peg, Policy
from hedger.engine.known.state import Action, Reason, State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import CancelOrder
from tests.support.engine_policies import instrument_of, perpetual
from tests.support.engine_worlds import NOW, mark_at, order_of, quote_at
from tests.support.several_worlds import (
    AT_ONE,
    AT_THREE,
    AT_TWO,
    ONE,
    THREE,
    TWO,
    at_hand,
    beat,
    margin_of,
    reading_at,
    reads,
    sent,
    several,
)

POLICY = several()
THREE_OF_THEM = several(AT_ONE, AT_TWO, AT_THREE)


def lies(state: State, id: InstrumentId, factor: str, **changes: Any) -> State:
    """Quote, mark and index of one venue in other units, as they were never seen before: they bear each other out."""
    quote, mark = quote_at(id=id), mark_at(id=id, **changes)
    quote = replace(quote, bid=quote.bid * D(factor), ask=quote.ask * D(factor))
    mark = replace(mark, mark_price=mark.mark_price * D(factor), index_price=mark.index_price * D(factor))
    quotes, marks = {**state.quotes, id: (quote, NOW)}, {**state.marks, id: (mark, NOW)}
    return state._replace(quotes=quotes, marks=marks)


def reason_of(result: Result) -> Reason:
    assert sent(result) is None
    return result.decisions[-1].reason


def told(state: State, id: InstrumentId, policy: Policy = POLICY) -> str | None:
    return contradicted(state, policy.hedges[0], state.instruments[id], state.marks[id][0])


@pytest.mark.parametrize("factor", ["0.1", "10", "100", "0.8", "1.25"])
@pytest.mark.parametrize("liar", [AT_ONE, AT_TWO])
def test_of_two_venues_that_part_neither_is_traded(liar: InstrumentId, factor: str) -> None:
    result = beat(lies(at_hand(POLICY), liar, factor), POLICY)
    assert reason_of(result) is Reason.PRICE_SOURCES
    assert f"on {ONE}, " in result.decisions[-1].detail, "a person is told who says what"


def test_venues_that_part_by_less_than_a_tenth_from_their_middle_are_traded() -> None:
    assert sent(beat(lies(at_hand(POLICY), AT_TWO, "1.15"), POLICY)) is not None


def test_of_three_venues_the_odd_one_alone_is_not_traded() -> None:
    state = lies(at_hand(THREE_OF_THEM), AT_ONE, "0.1")
    assert told(state, AT_ONE, THREE_OF_THEM) == "the index of BTC in USDT is 6000 on one, 60000 on three, 60000 on two"
    assert told(state, AT_TWO, THREE_OF_THEM) is None
    assert told(state, AT_THREE, THREE_OF_THEM) is None


def test_two_contracts_of_one_account_are_one_voice() -> None:
    """Two lies of one venue would outvote the other one's truth."""
    again = perpetual("BTC/USDT:USDT-261225", ONE)
    state = lies(at_hand(POLICY), AT_ONE, "0.1")
    state = lies(state._replace(instruments={**state.instruments, again: instrument_of(id=again)}), again, "0.1")
    assert {id: told(state, id) is not None for id in (AT_ONE, again, AT_TWO)} == {
        AT_ONE: True,
        again: True,
        AT_TWO: True,
    }


def test_two_accounts_on_one_venue_are_one_voice() -> None:
    """They are told one index: its lie, told twice, would have the truth of the only other venue for the odd one."""
    on_venues = replace(THREE_OF_THEM, venues={ONE: "venue a", TWO: "venue a", THREE: "venue b"})
    state = lies(lies(at_hand(on_venues), AT_ONE, "0.1"), AT_TWO, "0.1")
    assert all(told(state, id, on_venues) is not None for id in (AT_ONE, AT_TWO, AT_THREE))
    assert told(state, AT_THREE, on_venues) == "the index of BTC in USDT is 6000 on venue a, 60000 on venue b"
    alone = replace(POLICY, venues={ONE: "venue a", TWO: "venue a"})
    assert told(lies(at_hand(alone), AT_ONE, "1.3"), AT_ONE, alone) is None, "and do not contradict each other"


def test_what_trades_no_more_says_nothing_of_a_price() -> None:
    """A venue may repeat the last index of a contract that has ended for ever, and with the time of now."""
    state = lies(at_hand(POLICY), AT_TWO, "2")
    assert told(state, AT_ONE) is not None
    assert told(state._replace(delisted=frozenset({AT_TWO})), AT_ONE) is None
    ended = instrument_of(id=AT_TWO, expiry_at=NOW)
    assert told(state._replace(instruments={**state.instruments, AT_TWO: ended}), AT_ONE) is None


@pytest.mark.parametrize(("age_ms", "heard"), [(60_000, True), (60_001, False)])
def test_a_price_contradicts_for_a_minute(age_ms: int, heard: bool) -> None:
    """Old enough to trade on no more, it still tells ten times from once."""
    state = lies(at_hand(POLICY), AT_ONE, "0.1")
    old = NOW - age_ms
    assert (
        told(state._replace(marks={**state.marks, AT_TWO: (mark_at(id=AT_TWO, at=old), old)}), AT_ONE) is not None
    ) is heard
    frozen = state._replace(marks={**state.marks, AT_TWO: (mark_at(id=AT_TWO, at=old), NOW)})
    assert (told(frozen, AT_ONE) is not None) is heard, "what a frozen venue repeats does not stop the others for ever"


def test_a_venue_whose_clock_is_not_known_yet_contradicts_all_the_same() -> None:
    state = lies(at_hand(POLICY), AT_ONE, "0.1")
    ahead = mark_at(id=AT_TWO, at=NOW + 3_600_000)
    assert told(state._replace(marks={**state.marks, AT_TWO: (ahead, NOW)}), AT_ONE) is not None


def test_indexes_are_compared_by_the_coin_and_by_the_money() -> None:
    """A thousand coins are a thousand times one, a euro is no dollar, and money that nobody pegged says nothing."""
    state = at_hand(POLICY)
    thousand = instrument_of(id=AT_TWO, contract_multiplier=D(1_000))
    with_thousand = state._replace(instruments={**state.instruments, AT_TWO: thousand})
    assert told(lies(with_thousand, AT_TWO, "1000"), AT_ONE) is None
    assert told(with_thousand, AT_ONE) is not None
    in_euros = lies(
        state._replace(instruments={**state.instruments, AT_TWO: instrument_of(id=AT_TWO, quote="EUR")}), AT_TWO, "0.5"
    )
    assert told(in_euros, AT_ONE) is None, "no peg"
    pegged = several(
        pegs=tuple(Peg(asset=asset, par=D(par), limit=D(100)) for asset, par in (("USDT", "1"), ("EUR", "2")))
    )
    assert told(in_euros, AT_ONE, pegged) is None
    assert told(lies(in_euros, AT_TWO, "1"), AT_ONE, pegged) is not None
    inverse = instrument_of(id=AT_TWO, quote="USD", settle="BTC", payoff=Payoff.INVERSE, contract_multiplier=D(100))
    assert told(state._replace(instruments={**state.instruments, AT_TWO: inverse}), AT_ONE, pegged) is None


def test_another_coin_says_nothing() -> None:
    state = lies(at_hand(POLICY), AT_TWO, "0.05")
    ether = instrument_of(id=AT_TWO, underlying="ETH")
    assert told(state._replace(instruments={**state.instruments, AT_TWO: ether}), AT_ONE) is None


@pytest.mark.parametrize(
    ("factor", "believed"), [("0.1", False), ("10", False), ("1.16", False), ("1.14", True), ("0.86", True)]
)
def test_the_mark_of_the_account_s_own_position_contradicts_the_market(factor: str, believed: bool) -> None:
    alone = several(AT_ONE)
    state = lies(at_hand(alone, {AT_ONE: "-0.3"}), AT_ONE, factor)
    result = beat(state, alone)
    assert (sent(result) is not None) is believed
    assert believed or reason_of(result) is Reason.PRICE_SOURCES
    assert told(lies(at_hand(alone), AT_ONE, factor), AT_ONE, alone) is None, (
        "what is not held may be marked at nothing"
    )


def test_a_resting_order_goes_when_its_price_is_contradicted() -> None:
    resting = order_of(quantity="1", id=AT_ONE, status=OrderStatus.OPEN, venue_order_id="7")
    state = lies(at_hand(POLICY, orders=(resting,)), AT_TWO, "10")
    result = beat(state, POLICY)
    (cancel,) = (command for command in result.commands if isinstance(command, CancelOrder))
    assert cancel.client_order_id == resting.client_order_id
    assert (result.decisions[-1].action, result.decisions[-1].reason) == (Action.CANCEL, Reason.PRICE_SOURCES)
    assert beat(at_hand(POLICY, orders=(resting,)), POLICY).commands == (), "and stays where it is not"


def test_margin_is_saved_whoever_contradicts() -> None:
    """That another venue lies is no reason to wait for a liquidation."""
    state = lies(at_hand(POLICY, {AT_ONE: "-1"}), AT_TWO, "10")
    reading = reading_at(ONE, position="-1", at=NOW + 5, margin=margin_of("0.9"))
    order = sent(reads(state, POLICY, reading, NOW + 5))
    assert order is not None
    assert (order.id, order.reduce_only) == (AT_ONE, True)
