"""What cannot be traded now leaves its part to the others: why, how long, and never twice."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.guards.margin import margin_ratios
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.movement import Doubt, PriceRange
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import ChoiceRule, Failover, Policy
from hedger.engine.known.state import Action, Mode, Reason, Severity, State
from hedger.engine.known.switch import Switch
from hedger.engine.step import step
from hedger.model.message import CancelOrder, ClockMeasured, OrderRejected, Stamped, SwitchExtended
from hedger.model.order import RejectReason, Side
from tests.support.engine_policies import perpetual
from tests.support.engine_worlds import NOW, order_of
from tests.support.several_worlds import (
    AT_ONE,
    AT_TWO,
    BLIND_MS,
    ONE,
    TWO,
    VAULT,
    at_hand,
    beat,
    margin_of,
    reading_at,
    reads,
    sent,
    several,
    shared,
    unseen,
)

POLICY = several()
NEVER = several(failover=Failover())


def viewed(state: State, account: str, **changes: object) -> State:
    view = replace(state.accounts[account], **changes)  # type: ignore[arg-type]
    return state._replace(accounts={**state.accounts, account: view})


def short_at_one(state: State, ratio: str) -> State:
    """A reading of the first account whose margin ratio is this."""
    return reads(state, POLICY, reading_at(ONE, position="-0.5", at=NOW + 5, margin=margin_of(ratio)), NOW + 5).state


def with_breaker(state: State, status: BreakerStatus) -> State:
    return viewed(state, ONE, breaker=Breaker(status=status, cause="x", until_at=NOW + 9_999))


def refused(state: State) -> State:
    own = Breaker(status=BreakerStatus.OPEN, cause="x", until_at=NOW + 9_999)
    return viewed(state, ONE, instrument_breakers={AT_ONE: own})


def stopped(state: State) -> State:
    memory = replace(state.hedges["btc"], margin_severity=Severity.STOP, short_of_margin=(ONE,))
    return state._replace(hedges={"btc": memory})


STALE = "its prices are stale"
OUT: list[tuple[str, Callable[[State], State]]] = [
    ("its breaker is open", lambda s: with_breaker(s, BreakerStatus.OPEN)),
    ("its instrument is refused", refused),
    ("it may only reduce", lambda s: with_breaker(s, BreakerStatus.RESTRICTED)),
    ("it is banned", lambda s: viewed(s, ONE, banned=True, quiet_until_at=NOW + 1_000)),
    ("it wants a long quiet", lambda s: viewed(s, ONE, quiet_until_at=NOW + 60_000)),
    ("its switch has no lease", lambda s: viewed(s, ONE, switch=Switch(timeout_ms=30_000))),
    (STALE, lambda s: s._replace(quotes={AT_TWO: s.quotes[AT_TWO]})),
    ("it is out of sight", lambda s: unseen(s, ONE)),
    ("its prices come, and it cannot be read", lambda s: unseen(s, ONE, prices=True)),
    ("its free margin is gone", lambda s: viewed(s, ONE, reading=reading_at(ONE, margin=margin_of(available="10")))),
    ("its margin is short", stopped),
]


@pytest.mark.parametrize(("why", "befalls"), OUT, ids=[why for why, _ in OUT])
def test_the_next_order_goes_to_the_other_account_when(why: str, befalls: Callable[[State], State]) -> None:
    order = sent(beat(befalls(at_hand(POLICY)), POLICY))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D(1))


@pytest.mark.parametrize(("why", "befalls"), OUT, ids=[why for why, _ in OUT])
def test_where_it_is_not_allowed_the_hedge_waits_as_it_did(why: str, befalls: Callable[[State], State]) -> None:
    order = sent(beat(befalls(at_hand(NEVER)), NEVER))
    assert (order is not None and order.id == AT_TWO) is (why == STALE), "stale prices were always passed over"


def test_a_short_wish_for_quiet_is_waited_for() -> None:
    result = beat(viewed(at_hand(POLICY), ONE, quiet_until_at=NOW + 1_000), POLICY)
    assert sent(result) is None
    assert result.decisions[-1].reason is Reason.QUIET


# --- out of sight -----------------------------------------------------------------------------------------------------


def told(state: State) -> tuple[Action, Reason]:
    result = beat(state, POLICY)
    assert sent(result) is None
    return result.decisions[-1].action, result.decisions[-1].reason


@pytest.mark.parametrize(
    "state",
    [
        unseen(at_hand(POLICY), ONE, for_ms=BLIND_MS + 1),
        unseen(at_hand(POLICY), ONE, doubted=reading_at(ONE, position="-1"), doubt=Doubt(rounds=1)),
        unseen(at_hand(POLICY), ONE, mistrusted=True),
        unseen(at_hand(POLICY), VAULT),
    ],
    ids=["for too long", "in doubt", "refused", "the coins themselves"],
)
def test_what_is_not_known_is_not_traded_on(state: State) -> None:
    assert told(state) in ((Action.DENY, Reason.ACCOUNT_AGE), (Action.WAIT, Reason.AWAITING_READING))


def test_an_account_that_cannot_be_read_gets_no_order_though_nothing_else_is_left() -> None:
    state = unseen(at_hand(POLICY), ONE, prices=True)
    result = beat(state._replace(quotes={AT_ONE: state.quotes[AT_ONE]}), POLICY)
    assert sent(result) is None
    assert result.decisions[-1].reason is Reason.ACCOUNT_AGE


def test_its_positions_go_on_counting() -> None:
    state = unseen(at_hand(POLICY, {AT_ONE: "-0.9"}), ONE)
    order = sent(beat(state, POLICY))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D("0.1"))


def test_its_orders_that_may_have_filled_stay_reserved() -> None:
    lost = order_of(Side.SELL, "0.4", id=AT_ONE, status=OrderStatus.UNKNOWN, placed_at=NOW - 60_000)
    order = sent(beat(unseen(at_hand(POLICY, orders=[lost]), ONE), POLICY))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D("0.6"))


def test_an_order_that_rests_there_is_canceled_first_and_reserved_then() -> None:
    resting = order_of(Side.SELL, "0.4", id=AT_ONE, status=OrderStatus.OPEN, venue_order_id="v1")
    result = beat(unseen(at_hand(POLICY, orders=[resting]), ONE), POLICY)
    assert [type(command) for command in result.commands if isinstance(command, CancelOrder)] == [CancelOrder]
    assert sent(result) is None
    order = sent(beat(result.state, POLICY, NOW + 100))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D("0.6"))


def test_a_deviation_that_a_vanished_position_would_turn_round_is_left_alone() -> None:
    """Withdrawn were 0.3 coins: to buy them back would be wrong if the venue has taken our short meanwhile."""
    state = unseen(at_hand(POLICY, {AT_ONE: "-1"}, spot="0.7"), ONE)
    result = beat(state, POLICY)
    decision = result.decisions[-1]
    assert sent(result) is None
    assert (decision.action, decision.reason) == (Action.DENY, Reason.ACCOUNT_AGE)
    assert decision.exposure is not None
    assert (decision.exposure.low, decision.exposure.high) == (D("-0.3"), D("0.7"))


def test_a_position_limit_counts_what_the_lost_order_there_may_have_made() -> None:
    policy = several(guards={"position": D("1.2")})
    lost = order_of(Side.SELL, "0.5", id=AT_ONE, status=OrderStatus.UNKNOWN)
    order = sent(beat(unseen(at_hand(policy, {AT_ONE: "-0.5"}, spot="2", orders=[lost]), ONE), policy))
    assert order is not None
    assert (order.id, order.quantity) == (AT_TWO, D("0.2"))


def test_an_account_that_returns_is_read_as_often_as_after_a_start_before_anything_is_created() -> None:
    state = unseen(at_hand(POLICY, {AT_ONE: "-0.9"}, spot="0.9"), ONE)
    state = reads(state, POLICY, reading_at(ONE, position="-0.9", at=NOW + 5), NOW + 5).state
    assert not state.accounts[ONE].settled
    result = reads(state, POLICY, reading_at(VAULT, "1.9", at=NOW + 6), NOW + 6)
    assert sent(result) is None
    result = reads(result.state, POLICY, reading_at(ONE, position="-0.9", at=NOW + 7), NOW + 7)
    assert result.state.accounts[ONE].settled


def test_a_switch_that_fired_there_reconciles_that_account_alone() -> None:
    state = viewed(at_hand(POLICY), ONE, switch=Switch(timeout_ms=30_000, fires_at=NOW - 1))
    back = beat_with(state, SwitchExtended(account=ONE, requested_at=NOW, timeout_ms=30_000))
    assert back.reconciled
    assert back.mode is Mode.HEDGING
    assert back.accounts[ONE].owed == POLICY.clean_cycles
    moved = beat_with(state, ClockMeasured(account=ONE, offset_ms=5_000))
    assert (moved.reconciled, moved.accounts[ONE].owed) == (True, POLICY.clean_cycles)


def test_where_it_is_not_allowed_a_fired_switch_stops_everything_as_it_did() -> None:
    state = viewed(at_hand(NEVER), ONE, switch=Switch(timeout_ms=30_000, fires_at=NOW - 1))
    back = step(state, Stamped(NOW, SwitchExtended(account=ONE, requested_at=NOW, timeout_ms=30_000)), NEVER).state
    assert not back.reconciled


def beat_with(state: State, event: SwitchExtended | ClockMeasured) -> State:
    return step(state, Stamped(NOW, event), POLICY).state


# --- who goes on ------------------------------------------------------------------------------------------------------


def test_the_one_that_stood_in_goes_on_when_the_other_returns() -> None:
    state = at_hand(POLICY, {AT_TWO: "-0.5"})
    memory = replace(state.hedges["btc"], prices=(PriceRange(NOW // 60_000, AT_TWO, D(60_000), D(60_000)),))
    order = sent(beat(state._replace(hedges={"btc": memory}), POLICY))
    assert order is not None
    assert order.id == AT_TWO


def test_by_carry_too_an_account_that_cannot_be_traded_is_passed_over() -> None:
    carry = replace(POLICY.hedges[0].carry, rule=ChoiceRule.CARRY)
    policy = several(carry=carry)
    state = viewed(at_hand(policy), ONE, banned=True, quiet_until_at=NOW + 60_000)
    order = sent(beat(state, policy))
    assert order is not None
    assert order.id == AT_TWO


# --- what needs a person ----------------------------------------------------------------------------------------------


def refusals(policy: Policy, *accounts: str) -> State:
    """What comes of refusals for our key, one after the other, on these accounts."""
    orders = [order_of(id=perpetual(account=name), sequence=n + 1) for n, name in enumerate(accounts)]
    tired = Breaker(status=BreakerStatus.HALF_OPEN, last=RejectReason.NOT_AUTHORISED, rejects=2, alike=2)
    state = at_hand(policy, orders=orders)
    for name in accounts:
        state = viewed(state, name, breaker=replace(tired, probe=None))
    for order in orders:
        state = viewed(state, order.id.account, breaker=replace(tired, probe=order.client_order_id))
        told = OrderRejected(client_order_id=order.client_order_id, reason=RejectReason.NOT_AUTHORISED, text="no")
        state = step(state, Stamped(NOW, told), policy).state
    return state


def test_a_key_that_is_refused_on_one_account_halts_only_where_no_other_stands_in() -> None:
    alone = refusals(NEVER, ONE)
    assert "account one: the venue refused our key 3 times in a row" in (alone.halted or "")
    spared = refusals(POLICY, ONE)
    assert spared.halted is None
    assert spared.accounts[ONE].breaker.status is BreakerStatus.OPEN
    settled = viewed(spared._replace(orders={}, hedges=at_hand(POLICY).hedges), ONE, barrier_at=NOW - 1_000)
    order = sent(beat(settled, POLICY))
    assert order is not None
    assert order.id == AT_TWO
    assert "account two" in (refusals(POLICY, ONE, TWO).halted or ""), "and where none is left, a person is needed"


# --- margin on one account --------------------------------------------------------------------------------------------


def test_short_margin_on_one_account_reduces_there_and_leaves_the_other_alone() -> None:
    state = at_hand(POLICY, {AT_ONE: "-0.5", AT_TWO: "-0.5"})
    result = reads(state, POLICY, reading_at(ONE, position="-0.5", at=NOW + 5, margin=margin_of("0.75")), NOW + 5)
    order = sent(result)
    assert order is not None
    assert (order.id, order.side, order.reduce_only, order.quantity) == (AT_ONE, Side.BUY, True, D("0.125"))
    assert result.state.hedges["btc"].short_of_margin == (ONE,)
    assert result.state.mode is Mode.HEDGING


def test_what_a_reduction_gives_up_is_taken_over_by_the_other_account() -> None:
    state = short_at_one(at_hand(POLICY, {AT_ONE: "-0.5", AT_TWO: "-0.4"}), "0.75")
    state = state._replace(orders={})
    memory = state.hedges["btc"]
    assert memory.sent_at, "a reduction has just been sent, and the next one is not due"
    state = viewed(state, ONE, barrier_at=NOW)
    order = sent(beat(state, POLICY, NOW + 1_000))
    assert order is not None
    assert (order.id, order.side, order.quantity) == (AT_TWO, Side.SELL, D("0.1"))


def test_the_order_elsewhere_makes_way_once_the_next_reduction_is_due() -> None:
    state = short_at_one(at_hand(POLICY, {AT_ONE: "-0.5", AT_TWO: "-0.4"}), "0.75")
    resting = order_of(
        Side.SELL, "0.1", id=AT_TWO, status=OrderStatus.OPEN, venue_order_id="v1", placed_at=NOW, sequence=5
    )
    state = viewed(state._replace(orders={resting.client_order_id: resting}), ONE, barrier_at=NOW)
    early = beat(state, POLICY, NOW + 1_000)
    assert not [command for command in early.commands if isinstance(command, CancelOrder)]
    fresh = {id: (replace(quote, exchange_at=NOW + 6_000), NOW + 6_000) for id, (quote, _) in state.quotes.items()}
    marks = {id: (replace(mark, exchange_at=NOW + 6_000), NOW + 6_000) for id, (mark, _) in state.marks.items()}
    late = beat(state._replace(quotes=fresh, marks=marks), POLICY, NOW + 6_000)
    assert [command.id for command in late.commands if isinstance(command, CancelOrder)] == [AT_TWO]
    assert late.decisions[-1].reason is Reason.MARGIN_REDUCTION


def test_where_the_short_account_holds_nothing_no_other_is_reduced_for_it() -> None:
    state = at_hand(POLICY, {AT_TWO: "-1"})
    result = reads(state, POLICY, reading_at(ONE, at=NOW + 5, margin=margin_of("0.75")), NOW + 5)
    assert result.state.hedges["btc"].severity is Severity.REDUCE
    assert sent(result) is None


def test_an_account_at_its_stop_takes_no_more_while_the_other_has_room() -> None:
    state = stopped(at_hand(POLICY, {AT_TWO: "-0.5"}))
    state = viewed(state, TWO, reading=reading_at(TWO, position="-0.5", margin=margin_of(available="10")))
    result = beat(state, POLICY)
    assert sent(result) is None
    assert result.decisions[-1].reason in (Reason.MARGIN_RATIO, Reason.FREE_MARGIN)


def test_a_stop_on_one_account_lets_nothing_be_added_there() -> None:
    policy = several(shares=shared("1", "1"))
    memory = replace(at_hand(policy).hedges["btc"], margin_severity=Severity.STOP, short_of_margin=(ONE, TWO))
    state = with_mode(at_hand(policy)._replace(hedges={"btc": memory}), policy)
    assert state.mode is Mode.REDUCE_ONLY
    result = beat(state, policy)
    assert sent(result) is None
    assert result.decisions[-1].reason is Reason.MARGIN_RATIO


def test_an_account_recovers_by_its_own_levels() -> None:
    state = short_at_one(at_hand(POLICY, {AT_ONE: "-0.5", AT_TWO: "-0.5"}), "0.55")
    assert state.hedges["btc"].short_of_margin == (ONE,)
    held = reads(state, POLICY, reading_at(ONE, position="-0.5", at=NOW + 6, margin=margin_of("0.45")), NOW + 6).state
    assert held.hedges["btc"].short_of_margin == (ONE,), "a stop is left only below the warning"
    free = reads(held, POLICY, reading_at(ONE, position="-0.5", at=NOW + 7, margin=margin_of("0.39")), NOW + 7).state
    assert free.hedges["btc"].short_of_margin == ()


def test_the_worst_of_all_accounts_is_what_counts_for_the_hedge() -> None:
    state = short_at_one(at_hand(POLICY, {AT_ONE: "-0.5", AT_TWO: "-0.5"}), "0.45")
    assert state.hedges["btc"].margin_severity is Severity.WARN
    assert max(margin_ratios(state, POLICY.hedges[0])) == D("0.45")
