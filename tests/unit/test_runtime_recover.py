"""What a start begins with: what the journal remembers, and nothing that a clock set back could turn into a trap."""

from dataclasses import replace

import pytest

from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.state import HedgeState, State
from hedger.errors import ConfigError
from hedger.model.numeric import ONE
from hedger.runtime.loop import LATE_MS
from hedger.runtime.memory import Recovered
from hedger.runtime.recover import SENT_WITHIN_MS, recovered_state
from tests.support.engine_policies import hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, feed, order_of, read_at

HOUR = 3_600_000


def recovered(*orders: Order, memory: HedgeState | None = None) -> Recovered:
    return Recovered(
        epoch=4,
        first_epoch=1,
        clean=False,
        funding_since_at=NOW - HOUR,
        halted=None,
        next_decision=17,
        orders=orders,
        ledgers={"btc": Ledger(fills=3), "gone": Ledger(fills=9)},
        memories={"btc": memory or HedgeState()},
        funding_seen={"paper": frozenset({"1"})},
    )


@pytest.mark.parametrize(
    "status", [OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN]
)
def test_what_may_still_live_is_unknown_and_asked_about_at_once(status: OrderStatus) -> None:
    state = recovered_state(POLICY, recovered(order_of(status=status, probes=6, absent_at=5)), NOW)
    (order,) = state.orders.values()
    assert order.status is OrderStatus.UNKNOWN
    assert (order.probes, order.absent_at, order.changed_at) == (0, 0, NOW)
    assert not state.reconciled


def test_counters_carry_on_and_hedges_that_are_gone_are_left() -> None:
    memory = HedgeState(day=20_000, day_orders=7, day_notional=ONE, outside_ms=5, futile=2, outside_since=NOW)
    state = recovered_state(POLICY, recovered(memory=memory), NOW)
    assert (state.epoch, state.next_decision) == (4, 17)
    assert state.ledgers == {"btc": Ledger(fills=3)}
    assert state.hedges["btc"] == replace(memory, outside_since=None)
    assert state.funding_seen == {"paper": frozenset({"1"})}


def test_a_clock_that_was_set_back_leaves_no_hedge_resting_and_no_order_unprovable() -> None:
    memory = HedgeState(rest_until=NOW + HOUR, sent_at=(NOW - 1, NOW + HOUR), attempts=2)
    ahead = order_of(status=OrderStatus.SENT, placed_at=NOW + HOUR)
    state = recovered_state(POLICY, recovered(ahead, memory=memory), NOW)
    assert state.hedges["btc"].rest_until <= NOW
    assert state.hedges["btc"].sent_at == (NOW - 1,)
    assert state.orders[ahead.client_order_id].placed_at == NOW


def ended(*, clean: bool, last_at: int = NOW - 500, orders: tuple[Order, ...] = ()) -> Recovered:
    return replace(recovered(*orders), clean=clean, last_at=last_at, filled_at=0)


def barrier_of(state: State) -> int:
    return state.accounts["paper"].barrier_at


def test_after_an_unclean_end_no_reading_is_believed_while_requests_may_still_arrive() -> None:
    ttl_ms = POLICY.hedges[0].execution.ttl_ms
    begun = recovered_state(POLICY, ended(clean=False), NOW)
    assert barrier_of(begun) == NOW - 500 + SENT_WITHIN_MS + ttl_ms
    asked_before = feed(begun, read_at(NOW + 10, requested_at=barrier_of(begun)))[0]
    assert asked_before.accounts["paper"].reading is None
    asked_after = feed(begun, read_at(barrier_of(begun) + 9, requested_at=barrier_of(begun) + 1))[0]
    assert asked_after.accounts["paper"].reading is not None


def test_the_longest_time_to_live_counts_also_that_of_an_order_from_before() -> None:
    slow = order_of(status=OrderStatus.SENT, ttl_ms=45_000)
    begun = recovered_state(POLICY, ended(clean=False, orders=(slow,)), NOW)
    assert barrier_of(begun) == NOW - 500 + SENT_WITHIN_MS + 45_000


def test_after_a_clean_stop_nothing_is_waited_for() -> None:
    assert barrier_of(recovered_state(POLICY, ended(clean=True), NOW)) < NOW - 500


def test_a_last_row_from_the_future_does_not_make_the_wait_longer() -> None:
    begun = recovered_state(POLICY, ended(clean=False, last_at=NOW + HOUR), NOW)
    assert barrier_of(begun) < NOW + 60_000


def test_what_may_still_be_sent_after_its_row_is_waited_for() -> None:
    assert SENT_WITHIN_MS >= LATE_MS


def test_an_order_is_kept_by_whichever_hedge_trades_its_instrument_now() -> None:
    renamed = policy_of(hedge_of(name="bitcoin"))
    state = recovered_state(renamed, recovered(order_of(status=OrderStatus.OPEN)), NOW)
    assert [order.hedge for order in state.orders.values()] == ["bitcoin"]


def test_an_order_that_may_live_where_nothing_is_traded_any_more_refuses_the_start() -> None:
    elsewhere = order_of(status=OrderStatus.OPEN, id=perpetual("DOGE"))
    with pytest.raises(ConfigError, match="start once with the configuration that had it"):
        recovered_state(POLICY, recovered(elsewhere), NOW)
    ended = order_of(status=OrderStatus.FILLED, id=perpetual("DOGE"))
    assert recovered_state(POLICY, recovered(ended), NOW).orders == {}
