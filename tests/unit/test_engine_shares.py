"""A position that is spread by weights: which instrument is next, how much of the order is its, and what stays put."""

from dataclasses import replace
from decimal import Decimal as D
from itertools import pairwise

import pytest

from hedger.engine.known.movement import PriceRange
from hedger.engine.known.state import State
from hedger.model.instrument import InstrumentId
from tests.support.engine_policies import instrument_of
from tests.support.engine_worlds import NOW
from tests.support.several_worlds import (
    AT_ONE,
    AT_THREE,
    AT_TWO,
    VAULT,
    at_hand,
    beat,
    reading_at,
    reads,
    sent,
    several,
    shared,
)

EVEN = several(shares=shared("1", "1"))
THREE_TO_ONE = several(shares=shared("3", "1"))


def last_at(state: State, id: InstrumentId, minutes_ago: int = 0) -> State:
    """The state in which the hedge's last order was on an instrument."""
    minute = NOW // 60_000 - minutes_ago
    memory = replace(state.hedges["btc"], prices=(PriceRange(minute, id, D(60_000), D(60_000)),))
    return state._replace(hedges={"btc": memory})


@pytest.mark.parametrize(
    ("spot", "held", "id", "side", "quantity"),
    [
        ("1", {}, AT_ONE, "sell", "0.75"),
        ("1", {AT_ONE: "-0.75"}, AT_TWO, "sell", "0.25"),
        ("1.4", {AT_ONE: "-0.75", AT_TWO: "-0.25"}, AT_ONE, "sell", "0.3"),
        ("1.4", {AT_ONE: "-1.05", AT_TWO: "-0.25"}, AT_TWO, "sell", "0.1"),
        ("0.6", {AT_ONE: "-0.75", AT_TWO: "-0.25"}, AT_ONE, "buy", "0.3"),
        ("0.6", {AT_ONE: "-0.45", AT_TWO: "-0.25"}, AT_TWO, "buy", "0.1"),
        ("0", {AT_ONE: "-0.1", AT_TWO: "-0.7"}, AT_TWO, "buy", "0.7"),
    ],
    ids=["from nothing", "the rest", "more", "more, the rest", "less", "less, the rest", "all of it"],
)
def test_an_order_goes_where_most_is_lacking_and_takes_no_more_than_that(
    spot: str, held: dict[InstrumentId, str], id: InstrumentId, side: str, quantity: str
) -> None:
    order = sent(beat(at_hand(THREE_TO_ONE, held, spot=spot), THREE_TO_ONE))
    assert order is not None
    assert (order.id, order.side.value, order.quantity) == (id, side, D(quantity))


def test_without_weights_the_first_of_the_list_takes_all_of_it() -> None:
    order = sent(beat(at_hand(several()), several()))
    assert order is not None
    assert (order.id, order.quantity) == (AT_ONE, D(1))


def test_weights_are_not_restored_while_the_delta_is_in_its_band() -> None:
    state = at_hand(EVEN, {AT_ONE: "-0.9", AT_TWO: "-0.1"})
    assert sent(beat(state, EVEN)) is None


@pytest.mark.parametrize(("held_two", "next_id"), [("-0.46", AT_ONE), ("-0.4", AT_TWO)], ids=["nearly", "clearly less"])
def test_the_last_one_goes_on_until_another_lacks_clearly_more(held_two: str, next_id: InstrumentId) -> None:
    state = last_at(at_hand(EVEN, {AT_ONE: "-0.5", AT_TWO: held_two}, spot="1.1"), AT_ONE)
    order = sent(beat(state, EVEN))
    assert order is not None
    assert order.id == next_id


def test_a_last_order_of_long_ago_holds_nobody() -> None:
    state = last_at(at_hand(EVEN, {AT_ONE: "-0.5", AT_TWO: "-0.46"}, spot="1.1"), AT_ONE, minutes_ago=11)
    order = sent(beat(state, EVEN))
    assert order is not None
    assert order.id == AT_TWO


def test_one_that_cannot_be_traded_leaves_its_share_to_the_others_by_their_weights() -> None:
    policy = several(AT_ONE, AT_TWO, AT_THREE, shares=shared("2", "1", "1"))
    state = at_hand(policy)
    quotes = {id: held for id, held in state.quotes.items() if id != AT_ONE}
    order = sent(beat(state._replace(quotes=quotes), policy))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D("0.5"))


def test_a_weight_of_nothing_is_traded_only_for_others() -> None:
    policy = several(shares=shared("0", "1"))
    assert sent(beat(at_hand(policy), policy)).id == AT_TWO  # type: ignore[union-attr]
    state = at_hand(policy)
    state = state._replace(quotes={AT_ONE: state.quotes[AT_ONE]})
    assert sent(beat(state, policy)).id == AT_ONE  # type: ignore[union-attr]


def test_a_share_below_the_smallest_order_is_one_smallest_order() -> None:
    policy = several(shares=shared("1", "1"))
    rules = {id: instrument_of(id=id, min_quantity=D("0.4"), lot_size=D("0.1")) for id in (AT_ONE, AT_TWO)}
    order = sent(beat(at_hand(policy, spot="0.6", rules=rules), policy))
    assert order is not None
    assert order.quantity == D("0.4")


def test_a_leg_on_the_wrong_side_is_closed_before_the_other_grows() -> None:
    state = at_hand(EVEN, {AT_ONE: "0.3", AT_TWO: "-0.3"})
    order = sent(beat(state, EVEN))
    assert order is not None
    assert (order.id, order.quantity, order.reduce_only) == (AT_ONE, D("0.3"), True)


def test_a_deposit_does_not_send_orders_to_and_fro() -> None:
    """Twenty deposits in a row, each order filled at once: the shares hold, and turns are few."""
    spot, held, turns, last = D(1), {AT_ONE: D(0), AT_TWO: D(0)}, [], None
    for n in range(20):
        state = at_hand(EVEN, {id: str(has) for id, has in held.items()}, spot=spot)
        state = last_at(state, last) if last is not None else state
        order = sent(reads(state, EVEN, reading_at(VAULT, spot, at=NOW), NOW))
        if order is not None:
            held[order.id] += order.side.sign * order.quantity
            turns.append(order.id)
            last = order.id
        spot += D("0.02") if n % 2 else D(0)
    assert abs(held[AT_ONE] - held[AT_TWO]) <= D("0.05") * spot + D("0.04")
    assert sum(a != b for a, b in pairwise(turns)) <= len(turns) // 2
