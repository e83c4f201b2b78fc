"""News that comes late, without a name, or against what was said before: it is counted once, and blinds nobody."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.held.exposure import position_of
from hedger.engine.known.breaker import BreakerStatus
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.state import AccountView, Change, ChangeCause, State
from hedger.engine.news.changes import EXPLAINED_WITHIN_MS
from hedger.engine.news.reconcile import SILENCE_MS
from hedger.engine.step import Result
from hedger.model.message import CancelOrder, FillsRead, OrderAccepted, ReadFills, Stamped, TimePassed
from hedger.model.order import Fill, RejectReason, ReportStatus, Side
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, fill_of, hedging, order_of, read_at, reading_of, report_of

WIDE = policy_of(hedge_of(band=band("5")))
TICK = TimePassed()
LATER = NOW + 3_000


def quiet(position: str = "-1", orders: Sequence[Order] = ()) -> State:
    """Readings have been believed for a while, nothing of ours ended lately, and nothing is to be traded."""
    state = hedging("1", position, policy=WIDE, orders=orders)
    view = replace(state.accounts[ACCOUNT], barrier_at=NOW - 60_000)
    view = replace(view, evidence=replace(view.evidence, begun_at=NOW - 600_000))
    return state._replace(accounts={ACCOUNT: view})


def watched(
    state: State, begin: int, end: int, position: str, fills: Sequence[Fill] = (), *, lists: bool = True
) -> tuple[State, list[Change]]:
    """What comes of a reading and a beat each second, and where `lists` a list of executions whenever one is asked."""
    told: list[Change] = []
    for at in range(begin, end, 1_000):
        state, results = feed(state, read_at(at, reading_of("1", position, at=at)), (at + 1, TICK), policy=WIDE)
        asked = [command for result in results for command in result.commands if isinstance(command, ReadFills)]
        if lists and asked:
            state, more = feed(state, answer(at + 50, *fills), policy=WIDE)
            results += more
        told += changes_of(results)
    return state, told


def answer(at: int, *fills: Fill) -> Stamped:
    return Stamped(at, FillsRead(id=perpetual(), requested_at=at, since_at=0, fills=fills))


def changes_of(results: Sequence[Result]) -> list[Change]:
    return [change for result in results for change in result.changes]


def by_hand(side: Side, quantity: str, trade: str, at: int) -> Fill:
    return fill_of(order_of(side), quantity, trade, at, client_order_id=None, venue_order_id=f"x{trade}")


def view(state: State) -> AccountView:
    return state.accounts[ACCOUNT]


def assert_sees(state: State, position: str) -> None:
    """The newest reading is believed, and nothing is counted beside it."""
    assert (view(state).last_failure, view(state).settled) == ("", True)
    assert position_of(state, perpetual()) == D(position)
    assert view(state).believed_at > state.now - 10_000


# --- executions without a name ----------------------------------------------------------------------------------------


def lost_and_filled() -> tuple[Order, Fill]:
    """An order whose answer was lost, and its execution as lists tell it that name no client's id."""
    order = order_of(Side.SELL, "0.3", status=OrderStatus.UNKNOWN, changed_at=NOW)
    return order, fill_of(order, "0.3", "7", at=NOW + 2_200, client_order_id=None, venue_order_id="v9")


def test_an_execution_of_ours_that_was_heard_of_as_a_stranger_s_does_not_blind_us() -> None:
    order, nameless = lost_and_filled()
    state, _ = feed(quiet(orders=[order]), answer(NOW + 4_000, nameless), policy=WIDE)
    record = replace(report_of(order, ReportStatus.FILLED, "0.3"), venue_order_id="v9")
    state, _ = feed(state, (NOW + 5_000, record), policy=WIDE)
    state, _ = watched(state, NOW + 9_000, NOW + 30_000, "-1.3", [nameless])
    assert_sees(state, "-1.3")
    assert state.orders[order.client_order_id].booked == D("0.3")


def test_what_a_reading_showed_ahead_of_its_news_may_be_ours_although_the_execution_has_no_name() -> None:
    order, nameless = lost_and_filled()
    state, _ = feed(quiet(), read_at(NOW, reading_of("1", "-1")), policy=WIDE)
    state = state._replace(orders={order.client_order_id: order})
    state, _ = feed(state, read_at(NOW + 2_600, reading_of("1", "-1.3", at=NOW + 2_600)), policy=WIDE)
    state, _ = feed(state, answer(NOW + 2_700, nameless), policy=WIDE)
    record = replace(report_of(order, ReportStatus.FILLED, "0.3"), venue_order_id="v9")
    state, _ = feed(state, (NOW + 2_800, record), policy=WIDE)
    state, _ = watched(state, NOW + 7_000, NOW + 30_000, "-1.3", [nameless])
    assert_sees(state, "-1.3")


def test_an_execution_that_was_told_as_another_s_and_is_ours_is_taken_back() -> None:
    """Nobody knew the order's own id at the venue when the execution was told; a record that came late names it."""
    order, nameless = lost_and_filled()
    state, told = watched(quiet(), NOW + 1_000, NOW + 9_000, "-1.3", [nameless])
    assert [(change.cause, change.quantity) for change in told] == [(ChangeCause.FOREIGN_TRADE, D("-0.3"))]
    forgotten = replace(order, status=OrderStatus.REJECTED, presumed=True)
    state = state._replace(orders={order.client_order_id: forgotten})
    record = replace(report_of(order, ReportStatus.FILLED, "0.3"), venue_order_id="v9")
    state, _ = feed(state, (NOW + 10_000, record), policy=WIDE)
    state, told = watched(state, NOW + 14_000, NOW + 30_000, "-1.3", [nameless])
    assert [(change.cause, change.quantity) for change in told] == [(ChangeCause.FOREIGN_TRADE, D("0.3"))]
    assert_sees(state, "-1.3")
    assert len(view(state).movement.drifted_at) == 1, "what is taken back is nobody's drift"


# --- executions that come after a movement was told as unexplained ----------------------------------------------------


def ended() -> Order:
    return order_of(Side.SELL, "0.5", status=OrderStatus.CANCELED, venue_order_id="v1", acknowledged=True)


@pytest.mark.parametrize("lists", [True, False])
def test_a_fill_of_ours_that_comes_after_it_was_told_as_unexplained_does_not_blind_us(lists: bool) -> None:
    """The list of executions is behind, or cannot be read for a minute; then the fill of a canceled order turns up."""
    state, told = watched(quiet(orders=[ended()]), NOW + 1_000, NOW + EXPLAINED_WITHIN_MS + 9_000, "-1.3", lists=lists)
    assert [(change.cause, change.quantity) for change in told] == [(ChangeCause.UNEXPLAINED, D("-0.3"))]
    missed = fill_of(ended(), "0.3", "7", at=NOW - 100)
    begin = state.now + 1_000
    state = state._replace(orders={ended().client_order_id: ended()})
    state, results = feed(state, (begin, missed), policy=WIDE)
    assert [(c.cause, c.quantity) for c in changes_of(results)] == [(ChangeCause.UNEXPLAINED, D("0.3"))]
    assert position_of(state, perpetual()) == D("-1.3"), "a believed reading has it already"
    state, told = watched(state, begin + 4_000, begin + 20_000, "-1.3", [missed])
    assert not told
    assert_sees(state, "-1.3")


def test_a_trade_of_another_that_is_listed_after_it_was_told_as_unexplained_is_not_owed_by_the_next_reading() -> None:
    """We sold within the hours, so that a reading which takes from that is refused."""
    state, told = watched(quiet(), NOW + 1_000, NOW + 25_000, "-1.3")
    assert [change.cause for change in told] == [ChangeCause.UNEXPLAINED]
    traded = {perpetual(): (NOW - 60_000, NOW - 60_000)}
    mine = replace(view(state), evidence=replace(view(state).evidence, traded=traded))
    state = state._replace(accounts={ACCOUNT: mine})
    state, results = feed(state, answer(NOW + 26_000, by_hand(Side.SELL, "0.3", "8", NOW + 900)), policy=WIDE)
    assert not changes_of(results)
    state, _ = watched(state, NOW + 27_000, NOW + 40_000, "-1.3")
    assert_sees(state, "-1.3")


def test_a_missed_fill_is_found_in_what_a_reading_showed_although_another_fill_goes_the_other_way() -> None:
    """We bought 0.3 just now, and hear of the 0.3 that an order sold which was told to be canceled without a fill."""
    buys = order_of(Side.BUY, "0.3", sequence=2, status=OrderStatus.OPEN, venue_order_id="v2")
    state, _ = watched(quiet(orders=[ended(), buys]), NOW + 1_000, NOW + 9_000, "-1.3", lists=False)
    assert_sees(state, "-1.3")
    bought = fill_of(buys, "0.3", "9", NOW + 9_500, venue_order_id="v2")
    state, _ = feed(state, (NOW + 9_600, bought), policy=WIDE)
    missed = fill_of(ended(), "0.3", "7", at=NOW - 100)
    state, _ = feed(state, (NOW + 9_700, missed), policy=WIDE)
    assert position_of(state, perpetual()) == D("-1")
    state, _ = watched(state, NOW + 13_000, NOW + 25_000, "-1", [missed, bought])
    assert_sees(state, "-1")


# --- others who trade both ways ---------------------------------------------------------------------------------------


def sold_before(state: State) -> State:
    """We have traded both ways within the hours: a reading that moves without a reason undoes our own fills."""
    known = replace(view(state).evidence, traded={perpetual(): (NOW - 60_000, NOW - 60_000)})
    return state._replace(accounts={ACCOUNT: replace(view(state), evidence=known)})


def test_others_who_sell_and_buy_between_two_readings_do_not_blind_us() -> None:
    """0.2 bought and 0.1 sold show as 0.1 bought: the list that names both explains that, and neither is owed."""
    out, back = by_hand(Side.BUY, "0.2", "1", NOW + 500), by_hand(Side.SELL, "0.1", "2", NOW + 700)
    moved = (read_at(NOW + 1_000, reading_of("1", "-0.9")), read_at(NOW + 2_100, reading_of("1", "-0.9")))
    state, _ = feed(quiet(), *moved, (NOW + 2_200, TICK), policy=WIDE)
    state, results = feed(sold_before(state), answer(NOW + 2_300, out, back), policy=WIDE)
    assert [change.quantity for change in changes_of(results)] == [D("0.2"), D("-0.1")]
    state, told = watched(state, NOW + 6_000, NOW + 20_000, "-0.9", [out, back])
    assert_sees(state, "-0.9")
    assert not told


def test_an_execution_that_came_too_late_for_a_reading_is_shown_by_the_next() -> None:
    """It was done after the reading was asked for and heard of before that came: who knows whether it is in it."""
    state, _ = feed(quiet(), read_at(LATER + 100, reading_of("1", "-1", at=LATER), requested_at=LATER), policy=WIDE)
    theirs = by_hand(Side.BUY, "0.19", "5", LATER + 600)
    state, _ = feed(sold_before(state), (LATER + 700, theirs), policy=WIDE)
    between = read_at(LATER + 800, reading_of("1", "-1", at=LATER + 600), requested_at=LATER + 600)
    state, _ = feed(state, between, policy=WIDE)
    assert view(state).believed_at == LATER + 600
    state, told = watched(state, LATER + 4_000, LATER + 12_000, "-0.81", [theirs])
    assert_sees(state, "-0.81")
    assert [change.quantity for change in told] == [D("0.19")]


def test_soon_after_our_own_fill_a_trade_of_another_that_may_have_been_shown_is_owed_all_the_same() -> None:
    """They sell half a second after a reading came, we sell as much after that, and the next readings are behind."""
    order = order_of(Side.SELL, "0.5", status=OrderStatus.OPEN, venue_order_id="v1", acknowledged=True)
    state, _ = feed(quiet(orders=[order]), read_at(NOW + 1_000, reading_of("1", "-1")), policy=WIDE)
    theirs, ours = by_hand(Side.SELL, "0.5", "5", NOW + 1_500), fill_of(order, "0.5", "6", NOW + 2_500)
    state, _ = feed(state, (NOW + 1_600, theirs), (NOW + 2_600, ours), policy=WIDE)
    state, _ = watched(state, NOW + 6_000, NOW + 30_000, "-1.5", [theirs, ours])
    assert position_of(state, perpetual()) == D("-1.5"), "our fill beside the reading from before both"
    assert "lacks our own fills" in view(state).last_failure
    state, told = watched(state, NOW + 30_000, NOW + 40_000, "-2", [theirs, ours])
    assert_sees(state, "-2")
    assert [change.quantity for change in told] == [D("-0.5")]


def test_of_two_trades_the_reading_came_too_early_for_the_second() -> None:
    """The movement is all of the first: the second is told when a reading shows it, and none is refused for it."""
    first, second = by_hand(Side.BUY, "0.2", "1", NOW + 500), by_hand(Side.BUY, "0.1", "2", NOW + 2_050)
    moved = (read_at(NOW + 1_000, reading_of("1", "-0.8")), read_at(NOW + 2_100, reading_of("1", "-0.8")))
    state, _ = feed(quiet(), *moved, (NOW + 2_200, TICK), policy=WIDE)
    state, results = feed(sold_before(state), answer(NOW + 2_300, first, second), policy=WIDE)
    assert [change.quantity for change in changes_of(results)] == [D("0.2")]
    state, told = watched(state, NOW + 5_200, NOW + 15_000, "-0.7", [first, second])
    assert [change.quantity for change in told] == [D("0.1")]
    assert_sees(state, "-0.7")


# --- orders that are taken off, or are not ----------------------------------------------------------------------------


def acknowledged(state: State, number: int) -> State:
    """One more order is sent, and the venue takes it."""
    order = order_of(Side.SELL, "0.1", sequence=number, placed_at=state.now)
    state = state._replace(orders={**state.orders, order.client_order_id: order}, next_sequence=number + 1)
    accepted = OrderAccepted(client_order_id=order.client_order_id, venue_order_id=f"v{number}")
    return feed(state, (state.now + 100, accepted))[0]


def taken_off(state: State, number: int, why: RejectReason) -> State:
    order = order_of(Side.SELL, "0.1", sequence=number)
    record = replace(report_of(order, ReportStatus.CANCELED), venue_order_id=f"v{number}", ended_because=why)
    return feed(state, (state.now + 50, record))[0]


def test_refusals_that_come_after_an_acknowledgement_open_the_breaker_as_others_do() -> None:
    state = acknowledged(hedging("1", "0"), 1)
    state = taken_off(state, 1, RejectReason.INSUFFICIENT_MARGIN)
    assert view(state).breaker.status is BreakerStatus.CLOSED
    state = taken_off(acknowledged(state, 2), 2, RejectReason.INSUFFICIENT_MARGIN)
    assert view(state).breaker.status is BreakerStatus.RESTRICTED


def test_an_order_that_rests_ends_a_row_of_late_refusals() -> None:
    state = taken_off(acknowledged(hedging("1", "0"), 1), 1, RejectReason.INSUFFICIENT_MARGIN)
    state = acknowledged(acknowledged(state, 2), 3)
    state = taken_off(state, 3, RejectReason.INSUFFICIENT_MARGIN)
    assert view(state).breaker.status is BreakerStatus.CLOSED


@pytest.mark.parametrize("end", [ReportStatus.CANCELED, ReportStatus.EXPIRED, ReportStatus.FILLED])
def test_an_order_that_is_listed_long_after_its_end_is_reserved_again_and_canceled(end: ReportStatus) -> None:
    order = order_of(Side.SELL, "0.3", status=OrderStatus.OPEN, venue_order_id="v1", acknowledged=True)
    state, _ = feed(quiet(orders=[order]), (NOW + 1_000, report_of(order, end)), policy=WIDE)
    soon, late = NOW + 1_000 + SILENCE_MS, NOW + 1_001 + SILENCE_MS
    state, _ = feed(state, read_at(soon, reading_of("1", "-1", at=soon, orders=[report_of(order)])), policy=WIDE)
    assert not state.orders[order.client_order_id].live, "the list may be behind for a while"
    state, results = feed(
        state, read_at(late, reading_of("1", "-1", at=late, orders=[report_of(order)])), (late + 1, TICK), policy=WIDE
    )
    assert state.orders[order.client_order_id].remaining == D("0.3")
    state, more = feed(state, (late + 130_000, TICK), policy=WIDE)
    assert any(isinstance(command, CancelOrder) for result in results + more for command in result.commands)
    assert state.halted is None


def test_an_order_that_filled_wholly_stays_filled_whatever_a_list_says() -> None:
    order = order_of(
        Side.SELL, "0.3", status=OrderStatus.FILLED, booked=D("0.3"), venue_order_id="v1", trade_ids=("1",)
    )
    late = NOW + SILENCE_MS + 1
    read = read_at(late, reading_of("1", "-1", at=late, orders=[report_of(order)]))
    assert feed(quiet(orders=[order]), read, policy=WIDE)[0].orders[order.client_order_id] == order


def test_an_order_that_a_later_list_has_again_is_not_asked_for_any_more() -> None:
    order = order_of(Side.SELL, "0.3", status=OrderStatus.OPEN, venue_order_id="v1", acknowledged=True)
    state, _ = feed(quiet(orders=[order]), read_at(LATER, reading_of("1", "-1", at=LATER)), policy=WIDE)
    assert state.orders[order.client_order_id].absent_at == LATER
    again = read_at(LATER + 1_000, reading_of("1", "-1", at=LATER, orders=[report_of(order)]))
    old = read_at(LATER + 500, reading_of("1", "-1", at=LATER, orders=[report_of(order)]), requested_at=LATER - 1)
    state, _ = feed(state, old, policy=WIDE)
    assert state.orders[order.client_order_id].absent_at == LATER, "the list without it is the newer one"
    state, _ = feed(state, again, policy=WIDE)
    assert state.orders[order.client_order_id].absent_at == 0
