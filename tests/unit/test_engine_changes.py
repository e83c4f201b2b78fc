"""What moved although we did nothing, and the cause that each movement is given."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.held.exposure import position_of
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Change, ChangeCause, Mode, Reason, State
from hedger.engine.news.changes import EXPLAINED_WITHIN_MS
from hedger.engine.step import Result
from hedger.model.message import FillsRead, ReadFills, Stamped, TimePassed
from hedger.model.order import Fill, FillCause, Side
from hedger.model.spans import HOUR_MS
from hedger.runtime.record import rows_of
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_id,
    order_of,
    placed,
    quote_at,
    read_at,
    reading_of,
)

WIDE = policy_of(hedge_of(band=band("5")))
TICK = TimePassed()


def quiet(position: str = "-1", orders: Sequence[Any] = ()) -> State:
    """Long after anything of ours: a position and a band so wide that nothing is traded."""
    state = hedging("1", position, policy=WIDE, orders=orders)
    view = replace(state.accounts[ACCOUNT], barrier_at=NOW - 60_000)
    return state._replace(accounts={ACCOUNT: view})


def seen(state: State, position: str, *, at: int = NOW + 1_000, spot: str = "1") -> tuple[State, list[Result]]:
    """A position that two readings agree on, a second and a half apart, and a beat."""
    later = at + 1_500
    reads = (read_at(at, reading_of(spot, position, at=at)), read_at(later, reading_of(spot, position, at=later)))
    return feed(state, *reads, (later, TICK), policy=WIDE)


def strange(quantity: str, *, side: Side = Side.SELL, trade: str = "1", at: int = NOW + 900, **changes: Any) -> Fill:
    fill = fill_of(order_of(side), quantity, trade, at, client_order_id="by-hand", venue_order_id=f"x{trade}")
    return replace(fill, **changes)


def answer(at: int, *fills: Fill, since_at: int = 0) -> Stamped:
    return Stamped(at, FillsRead(id=perpetual(), requested_at=at, since_at=since_at, fills=fills))


def told(results: Sequence[Result]) -> list[tuple[str, ChangeCause, D]]:
    return [(change.what, change.cause, change.quantity) for change in changes_of(results)]


def changes_of(results: Sequence[Result]) -> list[Change]:
    return [change for result in results for change in result.changes]


SYMBOL = perpetual().symbol


# --- positions --------------------------------------------------------------------------------------------------------


def test_a_movement_is_asked_about_from_before_the_last_believed_reading() -> None:
    _, results = seen(quiet(), "-1.3")
    asked = [c for r in results for c in r.commands if isinstance(c, ReadFills)]
    assert [command.id for command in asked] == [perpetual()]
    assert asked[0].since_at < NOW
    assert not changes_of(results), "nothing is told before the venue was asked"


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (FillCause.ORDER, ChangeCause.FOREIGN_TRADE),
        (FillCause.LIQUIDATION, ChangeCause.LIQUIDATION),
        (FillCause.DELEVERAGING, ChangeCause.DELEVERAGING),
        (FillCause.SETTLEMENT, ChangeCause.SETTLEMENT),
    ],
)
@pytest.mark.parametrize(("side", "after"), [(Side.BUY, "-0.7"), (Side.SELL, "-1.3")])
def test_an_execution_that_is_not_ours_explains_what_moved(
    cause: FillCause, expected: ChangeCause, side: Side, after: str
) -> None:
    state, _ = seen(quiet(), after)
    state, results = feed(state, answer(NOW + 3_000, strange("0.3", side=side, cause=cause)), policy=WIDE)
    assert told(results) == [(SYMBOL, expected, side.sign * D("0.3"))]
    assert not state.accounts[ACCOUNT].movement.shifts
    _, results = feed(state, answer(NOW + 4_000, strange("0.3", side=side, cause=cause)), policy=WIDE)
    assert not told(results), "an execution is told once"


def test_an_execution_of_another_order_under_our_id_is_told_as_a_strangers() -> None:
    """Two hedgers with one tag make the same ids: the venue's own id of the order tells whose it is."""
    ours = order_of(quantity="0.3", status=OrderStatus.CANCELED, venue_order_id="v1", acknowledged=True)
    state, _ = seen(quiet(orders=[ours]), "-1.3")
    other = strange("0.3", client_order_id=ours.client_order_id, venue_order_id="v2")
    state, results = feed(state, answer(NOW + 3_000, other), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.FOREIGN_TRADE, D("-0.3"))]
    assert state.mode is Mode.HALTED


def test_executions_of_one_order_are_one_change() -> None:
    state, _ = seen(quiet(), "-1.3")
    pieces = [strange("0.1", trade=str(n), venue_order_id="x") for n in range(3)]
    _, results = feed(state, answer(NOW + 3_000, *pieces), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.FOREIGN_TRADE, D("-0.3"))]


def test_an_execution_from_before_the_last_believed_reading_explains_nothing() -> None:
    state, _ = seen(quiet(), "-1.3")
    state, results = feed(state, answer(NOW + 3_000, strange("0.3", at=NOW - 20_000)), policy=WIDE)
    assert not told(results)
    assert state.accounts[ACCOUNT].movement.shifts[perpetual()].quantity == D("-0.3")


def test_what_no_execution_explains_is_told_as_unexplained_in_time() -> None:
    state, _ = seen(quiet(), "-1.3")
    state, results = feed(state, answer(NOW + 3_000, strange("0.1")), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.FOREIGN_TRADE, D("-0.1"))]
    state, results = feed(state, answer(NOW + 4_000, strange("0.1")), policy=WIDE)
    assert not told(results), "an execution is told once"
    late = NOW + 2_500 + EXPLAINED_WITHIN_MS
    state, results = feed(state, (late - 100, TICK), (late, TICK), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.UNEXPLAINED, D("-0.2"))]
    assert not state.accounts[ACCOUNT].movement.shifts


def test_an_answer_that_is_late_enough_leaves_the_rest_unexplained_at_once() -> None:
    state, _ = seen(quiet(), "-1.3")
    _, results = feed(state, answer(NOW + 20_000), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.UNEXPLAINED, D("-0.3"))]


def test_there_and_back_is_told_as_two_trades() -> None:
    state, _ = seen(quiet(), "-1.3")
    state, _ = seen(state, "-1", at=NOW + 5_000)
    out, back = strange("0.3"), strange("0.3", side=Side.BUY, trade="2", at=NOW + 4_500)
    _, results = feed(state, answer(NOW + 8_000, out, back), policy=WIDE)
    assert [quantity for _, _, quantity in told(results)] == [D("-0.3"), D("0.3")]


def test_a_fill_of_ours_that_was_missed_is_told_and_counted_once() -> None:
    """The order was canceled, as far as we heard; its last fill shows in the position first and is named later."""
    ended = order_of(Side.SELL, "0.5", status=OrderStatus.CANCELED, venue_order_id="v1", changed_at=NOW)
    state, _ = seen(quiet(orders=[ended]), "-1.3")
    missed = fill_of(ended, "0.3", "7", at=NOW - 3_000)
    state, results = feed(state, answer(NOW + 3_000, missed), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.OWN_FILL, D("-0.3"))]
    assert position_of(state, perpetual()) == D("-1.3"), "the reading has it already"
    assert state.orders[ended.client_order_id].booked == D("0.3")


def test_a_fresh_fill_of_ours_is_never_taken_for_an_earlier_movement() -> None:
    """A person sold 0.3; then we sell 0.1: a reading without that is still one that lacks our fill."""
    ours = order_of(Side.SELL, "0.1", status=OrderStatus.OPEN, venue_order_id="v1")
    state, _ = seen(quiet(), "-1.3")
    state = state._replace(orders={ours.client_order_id: ours})
    state, results = feed(state, (NOW + 3_000, fill_of(ours, "0.1", at=NOW + 2_900)), policy=WIDE)
    assert not told(results)
    assert position_of(state, perpetual()) == D("-1.4")
    state, _ = feed(state, read_at(NOW + 8_000, reading_of("1", "-1.3", at=NOW + 8_000)), policy=WIDE)
    assert "lacks our own fills" in state.accounts[ACCOUNT].last_failure


def test_a_fill_of_an_earlier_start_is_ours_though_its_order_is_not_kept() -> None:
    state, _ = seen(quiet()._replace(epoch=5), "-1.3")
    old = strange("0.3", client_order_id=order_id(9, epoch=3))
    _, results = feed(state, answer(NOW + 3_000, old), policy=WIDE)
    assert told(results) == [(SYMBOL, ChangeCause.OWN_FILL, D("-0.3"))]


def test_our_own_fills_that_came_in_time_are_no_change() -> None:
    ours = order_of(Side.SELL, "0.1", status=OrderStatus.OPEN, venue_order_id="v1")
    state, results = feed(quiet(orders=[ours]), (NOW + 100, fill_of(ours, "0.1", at=NOW + 90)), policy=WIDE)
    at = NOW + 5_000
    state, more = feed(state, read_at(at, reading_of("1", "-1.1", at=at)), (at, TICK), policy=WIDE)
    assert not told([*results, *more])
    assert not state.accounts[ACCOUNT].movement.shifts


def test_a_fill_that_a_reading_saw_before_we_heard_of_it_is_no_change() -> None:
    ours = order_of(Side.SELL, "0.1", status=OrderStatus.OPEN, venue_order_id="v1")
    at = NOW + 1_000
    state, first = feed(quiet(orders=[ours]), read_at(at, reading_of("1", "-1.1", at=at)), (at, TICK), policy=WIDE)
    assert state.accounts[ACCOUNT].believed_at == at, "believed on its own word: our order may have done it"
    fill = (NOW + 1_500, fill_of(ours, "0.1", at=NOW + 900))
    later = read_at(NOW + 6_000, reading_of("1", "-1.1", at=NOW + 6_000))
    state, rest = feed(state, fill, later, (NOW + 6_000, TICK), policy=WIDE)
    assert state.accounts[ACCOUNT].believed_at == NOW + 6_000
    assert not told([*first, *rest])
    assert not state.accounts[ACCOUNT].movement.shifts


# --- coins ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spot", ["1.2", "0.8"])
def test_coins_that_come_or_go_are_a_transfer(spot: str) -> None:
    _, results = feed(quiet(), read_at(NOW + 1_000, reading_of(spot, "-1")), policy=WIDE)
    assert told(results) == [("BTC", ChangeCause.TRANSFER, D(spot) - 1)]


def test_dust_is_told_once_it_has_come_to_a_lot() -> None:
    state, results = quiet(), []
    for n in range(1, 12):
        at = NOW + 1_000 * n
        state, came = feed(state, read_at(at, reading_of(1 + n * D("0.0001"), "-1", at=at)), policy=WIDE)
        results += came
    assert told(results) == [("BTC", ChangeCause.TRANSFER, D("0.001"))]


def test_a_fee_that_is_paid_in_the_coin_is_no_transfer() -> None:
    ours = order_of(Side.SELL, "0.1", status=OrderStatus.OPEN, venue_order_id="v1")
    state, _ = feed(quiet(orders=[ours]), read_at(NOW + 50, reading_of("1", "-1", at=NOW + 50)), policy=WIDE)
    paid = fill_of(ours, "0.1", at=NOW + 90, fee=D("0.002"), fee_asset="BTC")
    at = NOW + 5_000
    _, results = feed(state, (NOW + 100, paid), read_at(at, reading_of("0.998", "-1.1", at=at)), policy=WIDE)
    assert not told(results)


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [FillCause.LIQUIDATION, FillCause.DELEVERAGING, FillCause.SETTLEMENT])
def test_after_a_forced_closure_another_reading_comes_before_a_create(cause: FillCause) -> None:
    state, _ = seen(quiet(), "-0.7")
    assert state.accounts[ACCOUNT].settled
    state, _ = feed(state, answer(NOW + 3_000, strange("0.3", side=Side.BUY, cause=cause)), policy=WIDE)
    assert not state.accounts[ACCOUNT].settled
    at = NOW + 3_500
    state, _ = feed(state, read_at(at, reading_of("1", "-0.7", at=at)), policy=WIDE)
    assert state.accounts[ACCOUNT].settled


def test_a_small_forced_closure_needs_a_second_reading_too() -> None:
    """Less than five bands: the reading alone would not be a jump."""
    policy = policy_of(hedge_of(band=band("0.1")))
    state = quiet()
    one = read_at(NOW + 1_000, reading_of("1", "-0.7", at=NOW + 1_000))
    state, results = feed(state, one, policy=policy)
    assert not placed(results)
    assert state.accounts[ACCOUNT].doubted is not None
    prices = ((NOW + 2_500, quote_at(at=NOW + 2_500)), (NOW + 2_500, mark_at(at=NOW + 2_500)))
    two = read_at(NOW + 2_500, reading_of("1", "-0.7", at=NOW + 2_500))
    state, results = feed(state, *prices, two, policy=policy)
    assert [order.side for order in placed(results)] == [Side.SELL]


def test_nothing_is_created_while_a_reading_is_doubted() -> None:
    """The hedge is due by what is believed; what is doubted may say otherwise."""
    policy = policy_of(hedge_of(band=band("0.1")))
    state = quiet("-0.5")
    doubted = replace(state.accounts[ACCOUNT], doubted=reading_of("1", "-1"))
    _, results = feed(state._replace(accounts={ACCOUNT: doubted}), (NOW + 10, TICK), policy=policy)
    assert not placed(results)
    assert state.hedges["btc"].decision is None
    _, results = feed(state, (NOW + 10, TICK), policy=policy)
    assert placed(results)


def drifted(times: int, apart_ms: int) -> State:
    state, position = quiet(), D(-1)
    for n in range(1, times + 1):
        at = NOW + n * apart_ms
        position -= D("0.01")
        state, _ = seen(state, str(position), at=at)
        fill = strange("0.01", trade=str(n), at=at - 100)
        state, _ = feed(state, answer(at + 3_000, fill), policy=WIDE)
    return state


@pytest.mark.parametrize(("times", "apart_ms", "drifting"), [(2, 60_000, 0), (3, 60_000, 1), (3, 40 * 60_000, 0)])
def test_three_strange_movements_within_an_hour_are_too_many(times: int, apart_ms: int, drifting: bool) -> None:
    state = drifted(times, apart_ms)
    assert (state.accounts[ACCOUNT].movement.drifting_until > state.now) is bool(drifting)


def test_one_movement_an_hour_after_three_does_not_keep_an_account_shut() -> None:
    state = drifted(3, 60_000)
    first_at = NOW + 60_000 + 3_000
    assert state.accounts[ACCOUNT].movement.drifting_until == first_at + HOUR_MS
    position, open_at = D("-1.03"), []
    for n in range(1, 6):
        at = NOW + 60_000 + n * (HOUR_MS + 60_000)
        open_at.append(state.accounts[ACCOUNT].movement.drifting_until <= at)
        position -= D("0.01")
        state, _ = seen(state, str(position), at=at)
        state, _ = feed(state, answer(at + 3_000, strange("0.01", trade=f"h{n}", at=at - 100)), policy=WIDE)
    assert open_at == [True] * 5


def test_where_others_drift_an_account_only_reduces() -> None:
    narrow = policy_of(hedge_of())
    state = hedging("1", "0", policy=narrow)
    movement = replace(state.accounts[ACCOUNT].movement, drifting_until=NOW + 60_000)
    drifting = {ACCOUNT: replace(state.accounts[ACCOUNT], movement=movement)}
    after, results = feed(state._replace(accounts=drifting), (NOW, TICK), policy=narrow)
    assert not placed(results)
    assert after.hedges["btc"].decision is not None
    assert after.hedges["btc"].decision.reason is Reason.FOREIGN_DRIFT
    quiet_again = {ACCOUNT: replace(drifting[ACCOUNT], movement=replace(movement, drifting_until=NOW))}
    assert placed(feed(state._replace(accounts=quiet_again), (NOW, TICK), policy=narrow)[1])
    less = hedging("0", "-1", policy=narrow)
    _, results = feed(
        less._replace(accounts={ACCOUNT: replace(less.accounts[ACCOUNT], movement=movement)}), (NOW, TICK)
    )
    assert [order.reduce_only for order in placed(results)] == [True]


def test_every_change_is_a_row_of_the_journal() -> None:
    state = quiet()
    event = read_at(NOW + 1_000, reading_of("1.2", "-1"))
    (result,) = feed(state, event, policy=WIDE)[1]
    rows = [row for row in rows_of(state, event, result) if row.kind == "change"]
    assert [(row.key, row.body) for row in rows] == [(f"{ACCOUNT}/BTC", result.changes[0])]
    assert result.state.mode is Mode.HEDGING
    _, (after,) = feed(result.state, (NOW + 1_100, TICK), policy=WIDE)
    assert after.changes == (), "told once"
