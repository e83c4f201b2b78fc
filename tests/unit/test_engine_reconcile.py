"""What is believed of an account, and what proves an order's fate."""

import itertools
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.held.exposure import exposure, position_of
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.state import AccountView, Mode, State
from hedger.engine.news.belief import CONFIRM_AGAINST_US_MS
from hedger.engine.news.reconcile import FORGETFUL_MS, KEEP_FINAL_MS, MOST_PRESUMED, PROOF_LAG_MS, SILENCE_MS
from hedger.engine.step import Result
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    ClockMeasured,
    FillsRead,
    FindOrder,
    OrderAccepted,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderWrittenOff,
    ReadAccount,
    ReadFailed,
    ReadFills,
    Stamped,
    StreamChanged,
    TimePassed,
)
from hedger.model.order import ReportStatus, Side
from hedger.runtime.record import must_be_durable, rows_of
from tests.support.engine_policies import ACCOUNT, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    POLICY,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_id,
    order_of,
    placed,
    position_at,
    quote_at,
    read_at,
    reading_of,
    report_of,
    started,
)

TICK = TimePassed()
DEAD_AT = NOW + 2_000 + PROOF_LAG_MS


def view(state: State) -> AccountView:
    return state.accounts[ACCOUNT]


def delta(state: State) -> D:
    held = exposure(state, POLICY.hedges[0])
    assert held is not None
    return held.delta


def working(quantity: str = "0.5") -> State:
    """A hedge of 1 BTC with an order at work."""
    return hedging("1", "-0.5", orders=[order_of(quantity=quantity, status=OrderStatus.OPEN, venue_order_id="v1")])


def lost() -> State:
    """The same with an order whose answer was lost."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    return feed(sent, (NOW + 10, OrderOutcomeUnknown(client_order_id=order_id(), text="")))[0]


# --- readings ---------------------------------------------------------------------------------------------------------


def test_a_reading_asked_for_before_our_last_fill_is_not_believed() -> None:
    state, _ = feed(working(), (NOW + 100, fill_of(order_of(), "0.5")))
    assert delta(state) == 0
    late = read_at(NOW + 200, reading_of("1", "-0.5"), requested_at=NOW + 50)
    soon = read_at(NOW + 300, reading_of("1", "-0.5"), requested_at=NOW + 299)
    state, _ = feed(state, late, soon)
    assert delta(state) == 0, "both may lag behind the fill: the venue has so long to show it"
    settled = NOW + 100 + POLICY.settle_ms + 1
    state, _ = feed(state, read_at(settled + 50, reading_of("1", "-1"), requested_at=settled))
    assert view(state).settled
    assert view(state).fills_since == {}
    assert delta(state) == 0


def test_an_order_that_ended_without_a_fill_needs_no_lag() -> None:
    state, _ = feed(working(), (NOW + 100, report_of(order_of(), ReportStatus.CANCELED)))
    assert not view(state).settled
    state, _ = feed(state, read_at(NOW + 150, reading_of("1", "-0.5"), requested_at=NOW + 101))
    assert view(state).settled


def test_a_missing_row_is_not_a_flat_position() -> None:
    state, _ = feed(working(), read_at(NOW + 1_000, reading_of("1", positions=())))
    assert position_of(state, perpetual()) == D("-0.5")
    assert "missing row is not a flat position" in view(state).last_failure
    state, _ = feed(state, read_at(NOW + 2_000, reading_of("1", positions=(position_at("-0.5"),))))
    assert view(state).last_failure == ""


def test_an_explicit_zero_is_believed_once_a_second_reading_agrees() -> None:
    flat = reading_of("1", "0")
    state, _ = feed(working(), read_at(NOW + 1_000, flat))
    assert position_of(state, perpetual()) == D("-0.5")
    state, _ = feed(state, read_at(NOW + 1_000 + CONFIRM_AGAINST_US_MS, flat))
    assert position_of(state, perpetual()) == 0


@pytest.mark.parametrize("jump", ["1.5", "0.5"])
def test_a_jump_needs_a_second_reading_that_agrees(jump: str) -> None:
    state, _ = feed(hedging("1", "-1"), read_at(NOW + 1_000, reading_of(jump, "-1")))
    assert delta(state) == 0
    state, results = feed(state, (NOW + 1_100, TICK))
    assert ReadAccount(account=ACCOUNT) in results[0].commands, "and it is asked for at once"
    state, _ = feed(state, read_at(NOW + 1_200, reading_of(jump, "-1")))
    assert delta(state) == D(jump) - 1


def test_a_jump_that_the_next_reading_denies_never_happened() -> None:
    state = hedging("1", "-1")
    readings = (reading_of("9", "-1"), reading_of("1", "-1"), reading_of("9", "-1"), reading_of("1", "-1"))
    for later, reading in enumerate(readings, start=1):
        state, results = feed(state, read_at(NOW + 1_000 * later, reading))
        assert delta(state) == 0
        assert not placed(results)


def test_two_jumps_that_disagree_are_both_doubted() -> None:
    jumps = (reading_of("3", "-1"), reading_of("6", "-1"), reading_of("9", "-1"))
    readings = [read_at(NOW + 1_000 * n, jump) for n, jump in enumerate(jumps, start=1)]
    state, _ = feed(hedging("1", "-1"), *readings)
    assert delta(state) == 0


def test_our_own_fill_explains_a_jump() -> None:
    state, _ = feed(working(), (NOW + 100, fill_of(order_of(), "0.5")))
    state, _ = feed(state, read_at(NOW + 5_000, reading_of("1", "-1")))
    assert view(state).doubted is None
    assert view(state).settled


def test_failed_reads_never_change_what_is_believed() -> None:
    before = working()
    failures = [(NOW + n, ReadFailed(account=ACCOUNT, what="account", reason="down")) for n in range(20)]
    state, _ = feed(before, *failures)
    assert view(state).reading == view(before).reading
    assert view(state).believed_at == view(before).believed_at
    assert view(state).failures == 20


def test_a_stream_that_came_back_asks_for_a_reading_before_new_risk() -> None:
    state, _ = feed(hedging("1", "0"), (NOW, StreamChanged(account=ACCOUNT, up=True, text="")))
    state, results = feed(state, (NOW + 10, TICK))
    assert not placed(results)
    assert ReadAccount(account=ACCOUNT) in results[0].commands


def test_a_stream_of_prices_that_broke_takes_nothing_from_what_was_read() -> None:
    before = hedging("1", "0")
    for up in (False, True):
        state, _ = feed(before, (NOW, StreamChanged(account=ACCOUNT, up=up, text="", private=False)))
        assert view(state).barrier_at == view(before).barrier_at
        assert view(state).stream_up is up


def test_nothing_is_created_before_enough_clean_readings() -> None:
    state, results = feed(started(), (NOW + 100, TICK))
    assert state.mode is Mode.RECONCILING
    for n in range(1, POLICY.clean_cycles + 1):
        assert not placed(results)
        state, results = feed(state, read_at(NOW + 200 * n, reading_of("1", "0", at=NOW + 200 * n)))
    assert placed(results)


def test_while_an_order_keeps_it_waiting_it_does_not_read_as_fast_as_the_venue_answers() -> None:
    """Reading is not what ends the wait, and a venue bans those who poll without end."""
    earlier = order_of(epoch=0, status=OrderStatus.UNKNOWN)
    state = started()._replace(epoch=1, orders={earlier.client_order_id: earlier})
    asked = 0
    for n in range(1, 30):
        at = NOW + 250 * n
        state, results = feed(state, (at, TICK), read_at(at + 100, reading_of("1", "0", at=at)))
        asked += sum(isinstance(command, ReadAccount) for command in results[0].commands)
    assert state.mode is Mode.RECONCILING
    assert asked == POLICY.clean_cycles


# --- the fate of orders -----------------------------------------------------------------------------------------------


def not_found(at: int) -> Stamped:
    return Stamped(at, OrderNotFound(client_order_id=order_id(), requested_at=at))


def status(state: State) -> OrderStatus:
    return state.orders[order_id()].status


def test_not_found_proves_nothing_before_the_create_can_no_longer_arrive() -> None:
    state = lost()
    for at in range(NOW + 100, DEAD_AT, 1_000):
        state, _ = feed(state, read_at(at, reading_of("1", "-0.5")), not_found(at + 1))
        assert status(state) is OrderStatus.UNKNOWN


PROOFS = ("list", "query", "fills", "cancel")


def prove(state: State, at: int, *proofs: str, known: bool = False) -> State:
    """Proofs of absence that are asked for at `at` and come at once; a cancel is sent as if it were due."""
    for proof in proofs:
        if proof == "list":
            state, _ = feed(state, read_at(at, reading_of("1", "-0.5", at=at)))
        elif proof == "query":
            state, _ = feed(state, not_found(at))
        elif proof == "fills":
            state, _ = feed(state, (at, FillsRead(id=perpetual(), requested_at=at, since_at=NOW - 30_000, fills=())))
        else:
            sent = replace(state.orders[order_id()], cancel_at=at)
            answer = CancelAnswered(client_order_id=order_id(), known=known, text="")
            state, _ = feed(state._replace(orders={**state.orders, order_id(): sent}), (at, answer))
    return state


def test_an_unknown_order_is_proven_absent_by_four_proofs() -> None:
    assert status(prove(lost(), DEAD_AT + 1, *PROOFS)) is OrderStatus.REJECTED


@pytest.mark.parametrize("lacking", PROOFS)
def test_three_proofs_of_absence_are_none(lacking: str) -> None:
    three = [proof for proof in PROOFS if proof != lacking]
    assert status(prove(lost(), DEAD_AT + 1, *three)) is OrderStatus.UNKNOWN


@pytest.mark.parametrize("early", PROOFS)
def test_a_proof_from_while_the_create_may_still_arrive_is_none(early: str) -> None:
    state = prove(lost(), DEAD_AT, early)
    three = [proof for proof in PROOFS if proof != early]
    assert status(prove(state, DEAD_AT + 1, *three)) is OrderStatus.UNKNOWN


def test_a_list_of_fills_that_begins_after_the_order_proves_nothing() -> None:
    state = prove(lost(), DEAD_AT + 1, "list", "query", "cancel")
    late = FillsRead(id=perpetual(), requested_at=DEAD_AT + 1, since_at=NOW, fills=())
    state, _ = feed(state, (DEAD_AT + 1, late))
    assert status(state) is OrderStatus.UNKNOWN


def test_a_cancel_that_the_venue_took_tells_that_the_order_exists() -> None:
    state = prove(lost(), DEAD_AT + 1, "cancel", known=True)
    assert status(prove(state, DEAD_AT + 60_000, *PROOFS)) is OrderStatus.UNKNOWN, "its record is only hidden"


def test_fills_are_asked_for_and_a_cancel_is_sent_before_an_order_is_called_absent() -> None:
    state, results = feed(lost(), (DEAD_AT + 1, TICK))
    asked = results[0].commands
    assert any(isinstance(command, ReadFills) and command.since_at < NOW for command in asked)
    assert any(isinstance(command, FindOrder) for command in asked)
    assert not any(isinstance(command, CancelOrder) for command in asked)
    state, results = feed(prove(state, DEAD_AT + 2, "list", "query", "fills"), (DEAD_AT + 3, TICK), (DEAD_AT + 4, TICK))
    sent = [[c for c in result.commands if isinstance(c, CancelOrder)] for result in results]
    assert [len(some) for some in sent] == [1, 0]


def test_a_lost_order_stays_reserved_however_often_it_is_not_found() -> None:
    state = lost()
    for n in range(50):
        state, results = feed(state, not_found(DEAD_AT + 1_000 * n), (DEAD_AT + 1_000 * n + 1, TICK))
        assert not placed(results)
    held = exposure(state, POLICY.hedges[0])
    assert held is not None
    assert (held.low, held.high) == (D(0), D("0.5"))


def test_a_late_report_reopens_an_order_that_was_proven_absent() -> None:
    state = prove(lost(), DEAD_AT + 1, *PROOFS)
    state, _ = feed(state, (DEAD_AT + 3_000, report_of(order_of(), filled="0.1")))
    assert state.orders[order_id()].live
    assert state.orders[order_id()].remaining == D("0.4")
    held = exposure(state, POLICY.hedges[0])
    assert held is not None
    assert held.low == 0, "what it may still fill is reserved again"


def test_a_late_fill_of_an_order_proven_absent_is_counted() -> None:
    state = prove(lost(), DEAD_AT + 1, *PROOFS)
    state, _ = feed(state, (DEAD_AT + 3_000, fill_of(order_of(), "0.5")))
    assert delta(state) == 0
    assert state.ledgers["btc"].fills == 1


def test_a_create_without_an_answer_becomes_unknown_and_is_asked_about() -> None:
    state = hedging("1", "-0.5", orders=[order_of()])
    state, _ = feed(state, (NOW + 2_000 + SILENCE_MS, TICK))
    assert status(state) is OrderStatus.SENT
    state, _ = feed(state, (NOW + 2_000 + SILENCE_MS + 1, TICK))
    assert status(state) is OrderStatus.UNKNOWN
    state, results = feed(state, (NOW + 3_000 + SILENCE_MS, TICK))
    assert FindOrder(id=perpetual(), client_order_id=order_id()) in results[0].commands


def test_unknown_orders_are_asked_about_ever_more_rarely_and_for_ever() -> None:
    state, asked = lost(), []
    for at in range(NOW, NOW + 600_000, 250):
        state, results = feed(state, (at, TICK))
        asked += [at - NOW for command in results[0].commands if isinstance(command, FindOrder)]
    asked.remove(min(at for at in asked if at > DEAD_AT - NOW))  # as soon as it can be proven, it is asked for at once
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert asked[0] <= 1_000
    assert gaps == sorted(gaps)
    assert 59_000 <= gaps[-1] <= 61_000


def test_a_cancel_without_an_end_is_asked_again_and_again() -> None:
    order = order_of(status=OrderStatus.PENDING_CANCEL, cancel_at=NOW, cancels=1)
    state, cancels = hedging("1", "-0.5", orders=[order]), 0
    for at in range(NOW, NOW + 120_000, 250):
        state, results = feed(state, (at, TICK))
        cancels += sum(isinstance(command, CancelOrder) for command in results[0].commands)
        assert not placed(results)
    assert 5 <= cancels <= 12


def test_fills_that_a_record_named_are_read_until_they_are_all_here() -> None:
    state, _ = feed(working(), (NOW + 100, report_of(order_of(), ReportStatus.FILLED, "0.5")))
    assert delta(state) == 0, "the record is evidence enough for the exposure"
    assert state.ledgers["btc"].fills == 0
    state, results = feed(state, (NOW + 1_000, TICK))
    since_at = NOW - SILENCE_MS
    assert ReadFills(id=perpetual(), since_at=since_at) in results[0].commands
    fills = tuple(fill_of(order_of(), "0.25", trade) for trade in ("1", "2"))
    read = FillsRead(id=perpetual(), requested_at=NOW + 1_000, since_at=since_at, fills=fills)
    state, _ = feed(state, (NOW + 1_100, read), (NOW + 1_200, read))
    assert state.ledgers["btc"].fills == 2
    assert delta(state) == 0
    assert not state.orders[order_id()].fills_missing


def test_final_orders_are_forgotten_once_their_fills_are_here() -> None:
    state, _ = feed(working(), (NOW + 100, report_of(order_of(), ReportStatus.CANCELED, "0.1")))
    state, _ = feed(state, (NOW + 100 + KEEP_FINAL_MS + 1_000, TICK))
    assert order_id() in state.orders, "a tenth of it has not been seen"
    state, _ = feed(state, (NOW + KEEP_FINAL_MS + 2_000, fill_of(order_of(), "0.1")))
    state, _ = feed(state, (NOW + 2 * KEEP_FINAL_MS + 3_000, TICK))
    assert order_id() not in state.orders


# --- orders that we did not expect ------------------------------------------------------------------------------------


def listed(name: str | None, filled: str = "0") -> Stamped:
    report = replace(report_of(order_of(), filled=filled), client_order_id=name)
    return read_at(NOW + 1_000, reading_of("0", orders=[report]))


@pytest.mark.parametrize("name", [None, "by-hand", order_id(9, bot="abc")])
def test_foreign_orders_change_nothing(name: str | None) -> None:
    state, results = feed(hedging(), listed(name), (NOW + 1_100, TICK))
    assert not state.orders
    assert state.halted is None
    assert not any(isinstance(command, CancelOrder) for result in results for command in result.commands)


@pytest.mark.parametrize("epoch", [1, 2, 99])
def test_our_tag_without_our_memory_of_it_halts(epoch: int) -> None:
    state, _ = feed(hedging(), listed(order_id(9, epoch)))
    assert state.mode is Mode.HALTED
    assert "another hedger" in (state.halted or "")


def test_an_orphan_of_an_earlier_start_is_adopted_and_canceled() -> None:
    begun = hedging()._replace(epoch=5)
    state, results = feed(begun, listed(order_id(9)), (NOW + 1_100, TICK))
    asked = [command for result in results for command in result.commands if isinstance(command, CancelOrder)]
    assert [command.client_order_id for command in asked] == [order_id(9)]
    assert state.orders[order_id(9)].status is OrderStatus.PENDING_CANCEL


def test_an_adopted_orphan_is_all_that_its_record_says_and_nothing_that_we_decided() -> None:
    record = replace(report_of(order_of(Side.BUY), filled="0.2"), client_order_id=order_id(9), reduce_only=True)
    state, _ = feed(hedging()._replace(epoch=5), read_at(NOW + 1_000, reading_of("0", orders=[record])))
    assert state.orders[order_id(9)] == Order(
        client_order_id=order_id(9),
        id=record.id,
        hedge="btc",
        side=Side.BUY,
        quantity=record.quantity,
        price=record.price,
        reduce_only=True,
        decision_id=0,
        decision_mid=None,
        deviation=D(0),
        holding=D(0),
        margin_reduction=False,
        placed_at=NOW + 1_000,
        ttl_ms=0,
        status=OrderStatus.PENDING_CANCEL,
        cancel_at=NOW + 1_000,
        cancels=1,
        venue_order_id="v1",
        reported=D("0.2"),
        booked=D("0.2"),
        changed_at=NOW + 1_000,
        adopted_at=record.exchange_at,
    )


def test_an_orphan_on_an_instrument_that_nobody_hedges_with_is_left_alone() -> None:
    record = replace(report_of(order_of()), client_order_id=order_id(9), id=perpetual("ETH"))
    state, _ = feed(hedging()._replace(epoch=5), read_at(NOW + 1_000, reading_of("0", orders=[record])))
    assert not state.orders


def test_an_order_of_an_earlier_start_that_we_know_goes_off_the_book_by_its_own_ids() -> None:
    old = order_of(status=OrderStatus.OPEN, venue_order_id="v1")
    state, results = feed(hedging("0.5", orders=[old])._replace(epoch=2), (NOW + 100, TICK))
    asked = [command for result in results for command in result.commands if isinstance(command, CancelOrder)]
    assert asked[0] == CancelOrder(id=old.id, client_order_id=old.client_order_id, venue_order_id="v1")
    assert state.orders[old.client_order_id].status is OrderStatus.PENDING_CANCEL


def test_news_that_an_order_which_we_do_not_keep_was_not_found_changes_nothing() -> None:
    missing = OrderNotFound(client_order_id=order_id(9), requested_at=NOW)
    state, results = feed(hedging(), (NOW + 100, missing))
    assert not state.orders
    assert not results[0].commands


def test_whoever_sees_a_successor_stops_for_good() -> None:
    state, results = feed(hedging(), listed(order_id(1, epoch=7)), (NOW + 2_000, TICK))
    assert (state.superseded, state.stopped) == (True, True)
    assert not results[1].commands


def test_an_adopted_orphan_counts_each_of_its_fills_once() -> None:
    """It had filled 0.2 before it was adopted, and fills 0.1 more before its cancel: no stream told of either."""
    orphan = order_of(sequence=9)
    state, _ = feed(hedging()._replace(epoch=5), listed(order_id(9), "0.2"))
    state, _ = feed(state, (NOW + 2_000, report_of(orphan, ReportStatus.CANCELED, "0.3")))
    fills = (fill_of(orphan, "0.2", "1", at=NOW - 1_000), fill_of(orphan, "0.1", "2", at=NOW + 1_500))
    read = FillsRead(id=perpetual(), requested_at=NOW + 2_500, since_at=NOW - SILENCE_MS, fills=fills)
    state, _ = feed(state, (NOW + 2_600, read))
    assert state.orders[order_id(9)].filled == D("0.3")
    assert view(state).fills_since.get(perpetual()) == D("-0.1")
    assert not state.orders[order_id(9)].fills_missing


def test_a_position_that_is_sold_by_hand_is_seen_and_hedged() -> None:
    policy = policy_of(hedge_of(), delta_jump_bands=D(1_000))
    again = NOW + 1_000 + CONFIRM_AGAINST_US_MS
    by_hand = [read_at(at, reading_of("1", "-0.4", at=at)) for at in (NOW + 1_000, again)]
    prices = ((again, quote_at(at=again)), (again, mark_at(at=again)))
    state, results = feed(hedging("1", "-1", policy=policy), by_hand[0], *prices, by_hand[1], policy=policy)
    assert [order.side for order in placed(results)] == [Side.SELL]
    assert state.orders


# --- orders that the venue had acknowledged, and forgets --------------------------------------------------------------


AGES = {"quote_age": 10**9, "mark_age": 10**9, "account_age": 10**9}
EASY = policy_of(hedge_of(guards=AGES, execution={"deadline_ms": 10**9}))


def forgotten(after_ms: int, state: State) -> State:
    """A list and a query, asked so much later, that both deny the order."""
    at = NOW + after_ms
    return feed(state, read_at(at, reading_of("1", "-0.5", at=at)), not_found(at + 1), policy=EASY)[0]


def test_an_acknowledged_order_is_not_doubted_at_the_first_denial() -> None:
    assert status(forgotten(PROOF_LAG_MS, working())) is OrderStatus.OPEN


@pytest.mark.parametrize("before", [OrderStatus.OPEN, OrderStatus.PENDING_CANCEL])
def test_an_order_that_the_venue_forgets_is_reserved_and_blocks_nothing(before: OrderStatus) -> None:
    order = order_of(status=before, venue_order_id="v1", cancel_at=NOW, cancels=1)
    state = forgotten(20_000, hedging("1", "-0.5", orders=[order]))
    assert status(state) is OrderStatus.UNKNOWN
    held = exposure(state, POLICY.hedges[0])
    assert held is not None
    assert held.low == 0, "it may still fill"
    found = report_of(order, at=NOW + 30_000)
    state, _ = feed(state, (NOW + 30_000, found))
    assert state.orders[order_id()].live
    assert status(state) is not OrderStatus.UNKNOWN


def test_an_acknowledged_order_is_given_up_only_when_no_venue_forgets_so_long() -> None:
    order = order_of(status=OrderStatus.UNKNOWN, venue_order_id="v1")
    state = hedging("1", "-0.5", orders=[order])
    assert status(prove(state, NOW + 3_600_000, *PROOFS)) is OrderStatus.UNKNOWN
    assert status(prove(state, NOW + FORGETFUL_MS + 1, *PROOFS)) is OrderStatus.REJECTED


def test_an_old_order_counts_from_when_the_venue_last_showed_it() -> None:
    """It rested for three hours, and then the venue's endpoints forgot it."""
    lost_at, long_ago = NOW + 1_000, NOW - 3 * 3_600_000
    order = order_of(status=OrderStatus.UNKNOWN, venue_order_id="v1", placed_at=long_ago, changed_at=lost_at)
    state = hedging("1", "-0.5", orders=[order])
    read = FillsRead(id=perpetual(), requested_at=lost_at + FORGETFUL_MS, since_at=long_ago - 1, fills=())
    early = prove(state, lost_at + FORGETFUL_MS, "list", "query", "cancel")
    early, _ = feed(early, (lost_at + FORGETFUL_MS, read))
    assert status(early) is OrderStatus.UNKNOWN
    late = prove(state, lost_at + FORGETFUL_MS + 1, "list", "query", "cancel")
    late, _ = feed(late, (lost_at + FORGETFUL_MS + 1, replace(read, requested_at=lost_at + FORGETFUL_MS + 1)))
    assert status(late) is OrderStatus.REJECTED


@pytest.mark.parametrize("how", ["written off", "proven absent"])
def test_an_order_whose_end_no_record_says_is_known_for_days_and_canceled_when_it_shows(how: str) -> None:
    if how == "written off":
        state, _ = feed(lost(), (NOW + 100, OrderWrittenOff(client_order_id=order_id(), reason="gone")))
    else:
        state = prove(lost(), DEAD_AT + 1, *PROOFS)
    newer = order_of(sequence=2, placed_at=NOW + 3_600_000, status=OrderStatus.OPEN, venue_order_id="v2")
    days = NOW + 6 * 86_400_000
    state, _ = feed(state, (days, TICK))
    state = state._replace(orders={**state.orders, newer.client_order_id: newer})
    orders = [report_of(order_of()), replace(report_of(newer), venue_order_id="v2")]
    state, results = feed(state, read_at(days + 1, reading_of("1", "-0.5", at=days, orders=orders)), (days + 2, TICK))
    assert state.halted is None
    canceled = [c.client_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)]
    assert order_id() in canceled
    assert state.orders[order_id()].remaining == D("0.5"), "and it is reserved"


def test_only_so_many_orders_are_kept_for_days() -> None:
    ended = [
        order_of(sequence=n, status=OrderStatus.REJECTED, presumed=True, changed_at=NOW - n)
        for n in range(1, MOST_PRESUMED + 20)
    ]
    state, _ = feed(hedging("0", "0", orders=ended), (NOW + KEEP_FINAL_MS + 1, TICK))
    assert list(state.orders) == [order.client_order_id for order in ended[:MOST_PRESUMED]]


def test_fills_are_asked_for_by_the_venue_s_clock() -> None:
    """Our clock is an hour ahead: asked by our own time, the fill that is missing would never be found."""
    order = order_of(quantity="0.5", status=OrderStatus.FILLED, reported=D("0.5"), venue_order_id="v1")
    ahead = ClockMeasured(account=ACCOUNT, offset_ms=-3_600_000)
    _, results = feed(hedging("1", "-1", orders=[order]), (NOW, ahead), (NOW + 1_000, TICK))
    since_at = NOW - 3_600_000 - SILENCE_MS
    assert ReadFills(id=perpetual(), since_at=since_at) in results[-1].commands


def test_an_acknowledgement_makes_the_venue_s_own_id_known() -> None:
    """A fill that carries only that id is still ours."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    accepted = OrderAccepted(client_order_id=order_id(), venue_order_id="v1")
    state, _ = feed(sent, (NOW + 10, accepted), (NOW + 20, fill_of(order_of(), "0.5", client_order_id=None)))
    assert status(state) is OrderStatus.FILLED
    assert delta(state) == 0


@pytest.mark.parametrize("news", ["report", "fill"])
def test_one_id_on_two_orders_of_the_venue_halts(news: str) -> None:
    """Each hedger of two with the same tag and epoch makes the same ids: the second order is not ours."""
    other = replace(report_of(order_of(), filled="0.5"), venue_order_id="v2")
    fill = fill_of(order_of(), "0.5", venue_order_id="v2")
    state, _ = feed(working(), (NOW + 100, other if news == "report" else fill))
    assert state.mode is Mode.HALTED
    assert "borne by two orders" in (state.halted or "")
    assert state.ledgers["btc"].fills == 0


def ended_by_a_record(status: ReportStatus = ReportStatus.EXPIRED) -> State:
    """An order whose answer was lost, and of which a record of some order under its id says that it ended empty."""
    return feed(lost(), (NOW + 50, report_of(order_of(), status)))[0]


@pytest.mark.parametrize("status", [ReportStatus.EXPIRED, ReportStatus.CANCELED, ReportStatus.REJECTED])
def test_what_filled_under_our_id_is_booked_though_an_empty_order_bears_the_id_too(status: ReportStatus) -> None:
    """The answer to the create, which names our order, was never heard: what has filled on our terms is ours."""
    fills = [
        fill_of(order_of(), "0.2", "t1", venue_order_id="v2"),
        fill_of(order_of(), "0.3", "t2", venue_order_id="v2"),
    ]
    before = ended_by_a_record(status)
    events = [Stamped(NOW + 100 + n, fill) for n, fill in enumerate(fills)]
    state, results = feed(before, *events)
    assert state.mode is Mode.HALTED
    assert "v1 and v2" in (state.halted or "")
    assert "counted as ours" in (state.halted or "")
    order = state.orders[order_id()]
    assert (order.status, order.booked, order.venue_order_id) == (OrderStatus.FILLED, D("0.5"), "v2")
    assert state.ledgers["btc"].fills == 2
    assert view(state).fills_since == {perpetual(): D("-0.5")}
    written = rows_of(before, events[0], results[0])
    assert [row.kind for row in written if row.kind in ("fill", "halt")] == ["fill", "halt"]


def test_an_order_that_lives_under_our_id_beside_an_empty_one_is_canceled() -> None:
    second = replace(report_of(order_of()), venue_order_id="v2")
    state, results = feed(ended_by_a_record(), (NOW + 100, second))
    assert state.mode is Mode.HALTED
    assert status(state) is OrderStatus.PENDING_CANCEL
    assert [c.venue_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)] == ["v2"]


def test_a_record_that_names_fills_under_our_id_has_them_asked_for_until_they_come() -> None:
    second = replace(report_of(order_of(), ReportStatus.FILLED, "0.5"), venue_order_id="v2")
    state, _ = feed(ended_by_a_record(), (NOW + 100, second))
    assert state.orders[order_id()].fills_missing
    state, (result,) = feed(state, (NOW + 5_000, TICK))
    assert [c.id for c in result.commands if isinstance(c, ReadFills)] == [perpetual()]


def test_an_empty_end_that_nothing_of_ours_proves_has_its_fills_asked_for() -> None:
    """A record under our id is all that says so: another order of that id may have filled before we listened."""
    state, (result,) = feed(ended_by_a_record(), (NOW + 600, TICK))
    assert [c for c in result.commands if isinstance(c, ReadFills)]
    since_at = NOW - SILENCE_MS
    early = FillsRead(id=perpetual(), requested_at=NOW + 5_000, since_at=since_at, fills=())
    state, (_, result) = feed(state, (NOW + 5_010, early), (NOW + 20_000, TICK))
    assert [c for c in result.commands if isinstance(c, ReadFills)], "a list may lag behind"
    late = FillsRead(id=perpetual(), requested_at=NOW + 20_000, since_at=since_at, fills=())
    state, (_, result) = feed(state, (NOW + 20_010, late), (NOW + 60_000, TICK))
    assert not [c for c in result.commands if isinstance(c, ReadFills)]
    assert state.halted is None
    state, _ = feed(state, (NOW + 50 + KEEP_FINAL_MS + 1, TICK))
    assert not state.orders


def test_an_empty_end_of_an_order_that_was_acknowledged_is_its_own() -> None:
    """The answer to the create named it, so that what fills under another name is another hedger's."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    accepted = OrderAccepted(client_order_id=order_id(), venue_order_id="v1")
    ended = report_of(order_of(), ReportStatus.EXPIRED)
    state, results = feed(sent, (NOW + 10, accepted), (NOW + 50, ended), (NOW + 600, TICK))
    assert not [c for r in results for c in r.commands if isinstance(c, ReadFills)]
    state, _ = feed(state, (NOW + 700, fill_of(order_of(), "0.5", venue_order_id="v2")))
    assert "not counted as ours" in (state.halted or "")
    assert state.ledgers["btc"].fills == 0
    assert state.orders[order_id()].status is OrderStatus.EXPIRED


def test_the_answer_to_the_create_says_which_of_two_orders_is_ours() -> None:
    """It comes after a record of the other one: what it names fills and is booked, what it does not name is not."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    ended = report_of(order_of(), ReportStatus.EXPIRED)
    accepted = OrderAccepted(client_order_id=order_id(), venue_order_id="v2")
    state, _ = feed(sent, (NOW + 10, ended), (NOW + 50, accepted))
    assert state.mode is Mode.HALTED
    assert state.orders[order_id()].live
    others, ours = (fill_of(order_of(), "0.5", name, venue_order_id=name) for name in ("v1", "v2"))
    state, _ = feed(state, (NOW + 100, others))
    assert state.ledgers["btc"].fills == 0
    state, _ = feed(state, (NOW + 200, ours))
    assert state.ledgers["btc"].fills == 1
    assert status(state) is OrderStatus.FILLED


def test_the_answer_to_the_create_takes_a_living_order_of_another_for_none_of_ours() -> None:
    """A record of the other one came first, and it works on: what fills is what the answer named."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    accepted = OrderAccepted(client_order_id=order_id(), venue_order_id="v2")
    state, results = feed(sent, (NOW + 10, report_of(order_of())), (NOW + 50, accepted))
    assert state.mode is Mode.HALTED
    assert [c.venue_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)] == ["v2"]
    others, ours = (fill_of(order_of(), "0.5", name, venue_order_id=name) for name in ("v1", "v2"))
    state, _ = feed(state, (NOW + 100, others))
    assert state.ledgers["btc"].fills == 0
    state, _ = feed(state, (NOW + 200, ours))
    assert state.ledgers["btc"].fills == 1
    assert status(state) is OrderStatus.FILLED


def test_an_order_that_has_filled_stays_ours_whatever_the_answer_to_the_create_names() -> None:
    """What was booked is in the position: to take it out again would be the worse error. A person is asked."""
    sent = hedging("1", "-0.5", orders=[order_of()])
    accepted = OrderAccepted(client_order_id=order_id(), venue_order_id="v2")
    state, _ = feed(sent, (NOW + 10, fill_of(order_of(), "0.2")), (NOW + 50, accepted))
    assert state.mode is Mode.HALTED
    assert (state.orders[order_id()].venue_order_id, state.orders[order_id()].booked) == ("v1", D("0.2"))
    assert "v1 and v2" in (state.halted or "")


@pytest.mark.parametrize(
    "change",
    [
        {"side": Side.BUY},
        {"price": D(59_999)},
        {"quantity": D("0.6")},
    ],
)
def test_what_filled_under_our_id_on_other_terms_is_not_booked(change: dict[str, Any]) -> None:
    other = replace(fill_of(order_of(), "0.5", venue_order_id="v2"), **change)
    state, _ = feed(ended_by_a_record(), (NOW + 100, other))
    assert "not counted as ours" in (state.halted or "")
    assert state.ledgers["btc"].fills == 0


def test_what_ended_with_a_fill_under_our_id_is_ours_and_another_is_not() -> None:
    first = report_of(order_of(), ReportStatus.CANCELED, "0.2")
    state, _ = feed(lost(), (NOW + 50, first), (NOW + 100, fill_of(order_of(), "0.3", venue_order_id="v2")))
    assert "not counted as ours" in (state.halted or "")
    assert state.ledgers["btc"].fills == 0
    state, _ = feed(state, (NOW + 200, fill_of(order_of(), "0.2")))
    assert state.ledgers["btc"].fills == 1


def test_of_two_orders_that_filled_under_our_id_one_is_booked() -> None:
    first, second = (fill_of(order_of(), "0.2", name, venue_order_id=name) for name in ("v2", "v3"))
    state, _ = feed(ended_by_a_record(), (NOW + 100, first), (NOW + 200, second))
    assert state.ledgers["btc"].fills == 1
    assert state.orders[order_id()].booked == D("0.2")


# --- a person's word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", OrderStatus)
def test_a_person_writes_off_an_order_of_unknown_fate_and_no_other(status: OrderStatus) -> None:
    lost = order_of(quantity="0.5", status=status, changed_at=NOW)
    event = OrderWrittenOff(client_order_id=lost.client_order_id, reason="not in the venue's history")
    state, (result,) = feed(hedging("1", "0", orders=[lost]), (NOW + 100, event))
    ended = status is OrderStatus.UNKNOWN
    assert state.orders[lost.client_order_id].status is (OrderStatus.REJECTED if ended else status)
    rows = rows_of(hedging("1", "0", orders=[lost]), Stamped(NOW + 100, event), result)
    assert (rows[0].kind, rows[0].body) == ("operator", {"reason": "not in the venue's history"})
    assert must_be_durable(result, rows)
    if ended:
        assert not view(state).settled, "a reading comes before the next create"


def test_what_is_written_off_frees_its_reservation() -> None:
    lost = order_of(quantity="1", status=OrderStatus.UNKNOWN, changed_at=NOW)
    state = hedging("1", "0", orders=[lost])
    event = OrderWrittenOff(client_order_id=lost.client_order_id, reason="gone")
    state, results = feed(state, (NOW + 100, event))
    assert not placed(results)
    at = NOW + 1_000
    prices = ((at, quote_at(at=at)), (at, mark_at(at=at)))
    state, results = feed(state, *prices, read_at(at, reading_of("1", "0", at=at)))
    assert [order.quantity for order in placed(results)] == [1]


@pytest.mark.parametrize("word", ["report", "fill"])
def test_an_order_written_off_that_lives_is_reserved_again(word: str) -> None:
    wrong = order_of(quantity="0.5", status=OrderStatus.REJECTED, changed_at=NOW)
    event = report_of(wrong) if word == "report" else fill_of(wrong, "0.1")
    state, _ = feed(hedging("1", "0", orders=[wrong]), (NOW + 100, event))
    order = state.orders[wrong.client_order_id]
    assert order.live
    assert order.remaining == (D("0.5") if word == "report" else D("0.4"))


# --- on the beat, to the millisecond ----------------------------------------------------------------------------------


def test_fills_that_a_record_named_of_an_order_that_still_works_are_asked_for_further_and_further_back() -> None:
    order = order_of(status=OrderStatus.OPEN, venue_order_id="v1", reported=D("0.2"), probed_at=NOW)
    state, due, asked = hedging("0.5", orders=[order]), NOW, []
    for probes, pause in enumerate((500, 1_000, 2_000)):
        due += pause
        state, results = feed(state, (due - 1, TICK), (due, TICK))
        found = [[c for c in result.commands if isinstance(c, ReadFills)] for result in results]
        assert [len(some) for some in found] == [0, 1], "not a millisecond earlier"
        asked.append(found[1][0].since_at)
        assert state.orders[order_id()].probes == probes + 1
    assert asked == [NOW - SILENCE_MS, NOW - 2 * SILENCE_MS, NOW - 4 * SILENCE_MS]


def test_a_cancel_without_an_end_is_sent_again_with_a_question_for_the_same_order() -> None:
    order = order_of(status=OrderStatus.PENDING_CANCEL, venue_order_id="v1", cancel_at=NOW, cancels=0)
    state, results = feed(hedging("0.5", orders=[order]), (NOW + 999, TICK), (NOW + 1_000, TICK))
    ours = [[c for c in result.commands if isinstance(c, CancelOrder | FindOrder)] for result in results]
    again = CancelOrder(id=order.id, client_order_id=order_id(), venue_order_id="v1")
    assert ours == [[], [again, FindOrder(id=order.id, client_order_id=order_id())]]
    assert (state.orders[order_id()].cancels, state.orders[order_id()].cancel_at) == (1, NOW + 1_000)


def test_an_order_that_must_go_has_its_cancel_timed_from_now() -> None:
    old = order_of(status=OrderStatus.OPEN, venue_order_id="v1")
    state, _ = feed(hedging("0.5", orders=[old])._replace(epoch=2), (NOW + 100, TICK))
    assert state.orders[old.client_order_id].cancel_at == NOW + 100


def reads(results: list[Result]) -> list[bool]:
    return [any(isinstance(command, ReadAccount) for command in result.commands) for result in results]


def test_an_account_is_asked_for_once_after_its_barrier_and_not_before() -> None:
    state = hedging("1", "-1")
    state = state._replace(accounts={ACCOUNT: replace(view(state), barrier_at=NOW, asked_at=NOW)})
    state, results = feed(state, (NOW, TICK), (NOW + 1, TICK), (NOW + 250, TICK))
    assert reads(results) == [False, True, False]
    state, results = feed(state, read_at(NOW + 300, reading_of("1", "-1"), requested_at=NOW + 1), (NOW + 500, TICK))
    assert reads(results) == [False, False], "it is settled, and the poller goes on by itself"


def test_a_doubted_reading_is_confirmed_by_one_that_is_asked_for_in_time_and_once() -> None:
    state, _ = feed(hedging("1", "-1"), read_at(NOW + 1_000, reading_of("3", "-1")))
    at = view(state).doubt.confirm_at
    assert at == NOW + 1_000
    state, results = feed(state, (at + 1, TICK), (at + 250, TICK))
    assert reads(results) == [True, False]
