"""What shuts one account, and what the whole program: modes with their reasons, gaps, lags, clocks, and quiet."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.guards.gate import held_back, too_many_unknown
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import BreakerLimits
from hedger.engine.known.state import Mode, Reason, Severity, State, initial_state
from hedger.engine.known.switch import Switch
from hedger.engine.step import step
from hedger.model.message import (
    ClockMeasured,
    FindOrder,
    Operation,
    OperatorAsked,
    OrderAccepted,
    OrderRejected,
    PlaceOrder,
    ReadAccount,
    Stamped,
    SwitchFailed,
    TimePassed,
    VenueQuieted,
)
from hedger.model.order import RejectReason, Side
from tests.support.engine_policies import ACCOUNT, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, feed, hedging, order_of, placed, quote_at, read_at, reading_of

OTHER = "other"
THERE = perpetual(account=OTHER)
TWO = policy_of(hedge_of(), hedge_of(name="there", instruments=(THERE,), spot_accounts=(OTHER,)))
OPEN = Breaker(status=BreakerStatus.OPEN, cause="refused", until_at=NOW + 30_000, cooldown_ms=30_000)
HALF_OPEN = replace(OPEN, status=BreakerStatus.HALF_OPEN)
RESTRICTED = replace(OPEN, status=BreakerStatus.RESTRICTED)
PLACE = PlaceOrder(
    id=perpetual(),
    client_order_id="mine",
    side=Side.SELL,
    quantity=D(1),
    price=D(60_000),
    reduce_only=False,
    ttl_ms=2_000,
    decision_id=1,
)


def with_breaker(state: State, breaker: Breaker, account: str = ACCOUNT) -> State:
    return state._replace(
        accounts={**state.accounts, account: replace(state.accounts[account], breaker=breaker)}, mode=Mode.HEDGING
    )


def two_accounts() -> State:
    here = hedging()
    state = initial_state(TWO, now=NOW, epoch=1)._replace(instruments=here.instruments, reconciled=True)
    return with_mode(state, TWO)


# --- one account and the whole program ------------------------------------------------------------------------------


def test_an_open_breaker_denies_its_account_and_stops_the_program_only_where_every_account_is_shut() -> None:
    one = with_mode(with_breaker(two_accounts(), OPEN), TWO)
    assert one.mode is Mode.HEDGING
    both = with_mode(with_breaker(one, OPEN, OTHER), TWO)
    assert both.mode is Mode.CANCEL_ONLY
    assert both.mode_reason == "account paper: refused; account other: refused"


def test_accounts_may_be_shut_for_different_reasons() -> None:
    state = with_breaker(two_accounts(), OPEN)
    lapsed = replace(state.accounts[OTHER], switch=Switch(timeout_ms=10_000, fires_at=NOW, lease_until=NOW))
    state = with_mode(state._replace(accounts={**state.accounts, OTHER: lapsed}), TWO)
    assert state.mode is Mode.CANCEL_ONLY
    assert "not extended in time" in state.mode_reason


@pytest.mark.parametrize(
    ("breaker", "reason"),
    [
        (OPEN, Reason.BREAKER),
        (replace(HALF_OPEN, probe="another"), Reason.BREAKER),
        (RESTRICTED, Reason.RESTRICTED),
        (replace(HALF_OPEN, restricted=True, probe="another"), Reason.RESTRICTED),
        (HALF_OPEN, Reason.OUTSIDE_BAND),
    ],
)
def test_the_guard_of_an_account_denies_with_the_breakers_reason(breaker: Breaker, reason: Reason) -> None:
    result = step(with_breaker(hedging("1"), breaker), Stamped(NOW, quote_at()), POLICY)
    assert [decision.reason for decision in result.decisions] == [reason]


def test_a_resting_order_on_an_account_with_an_open_breaker_is_canceled() -> None:
    resting = order_of(status=OrderStatus.OPEN, quantity="1")
    state = with_breaker(hedging("1", orders=[resting]), OPEN)
    result = step(state, Stamped(NOW, quote_at()), POLICY)
    assert [(d.action.value, d.reason) for d in result.decisions] == [("cancel", Reason.BREAKER)]


@pytest.mark.parametrize("breaker", [OPEN, replace(HALF_OPEN, probe="another"), RESTRICTED])
def test_at_the_wire_an_order_is_held_back_that_the_breaker_forbids_by_now(breaker: Breaker) -> None:
    assert held_back(hedging(), PLACE, NOW) is None
    assert held_back(with_breaker(hedging(), breaker), PLACE, NOW) is not None
    probing = with_breaker(hedging(), replace(HALF_OPEN, probe="mine"))
    assert held_back(probing, PLACE, NOW) is None, "the one that tries may leave"


def test_at_the_wire_what_reduces_is_held_back_by_less() -> None:
    reduces, ours = replace(PLACE, reduce_only=True), replace(HALF_OPEN, probe="mine")
    assert held_back(with_breaker(hedging(), RESTRICTED), reduces, NOW) is None
    assert held_back(with_breaker(hedging(), ours), reduces, NOW) is None
    told = held_back(with_breaker(hedging(), OPEN), reduces, NOW)
    assert told == f"account {ACCOUNT}: refused"
    told = held_back(with_breaker(hedging(), replace(HALF_OPEN, probe="another")), reduces, NOW)
    assert told == f"account {ACCOUNT}: refused, and one order is trying"
    freed = replace(HALF_OPEN, probe="another", restricted=True)
    assert held_back(with_breaker(hedging(), freed), reduces, NOW) is None, "only what adds risk can tell"


@pytest.mark.parametrize(
    ("status", "after", "tries"),
    [
        (OrderStatus.SENT, BreakerStatus.HALF_OPEN, True),
        (OrderStatus.OPEN, BreakerStatus.CLOSED, False),
        (OrderStatus.FILLED, BreakerStatus.CLOSED, False),
        (OrderStatus.REJECTED, BreakerStatus.HALF_OPEN, False),
        (None, BreakerStatus.HALF_OPEN, False),
    ],
)
def test_what_became_of_the_probe_is_seen_on_the_beat_whatever_told_of_it(
    status: OrderStatus | None, after: BreakerStatus, tries: bool
) -> None:
    orders = [] if status is None else [order_of(status=status, venue_order_id="v1")]
    probing = replace(HALF_OPEN, probe=order_of().client_order_id)
    state, _ = feed(with_breaker(hedging(orders=orders), probing), (NOW + 250, TimePassed()))
    breaker = state.accounts[ACCOUNT].breaker
    assert (breaker.status, breaker.probe is not None) == (after, tries)
    assert breaker.cause == ("refused" if after is BreakerStatus.HALF_OPEN else "")


def test_a_probe_that_the_venue_refuses_opens_the_breaker_by_its_own_id() -> None:
    sent = order_of()
    state = with_breaker(hedging("1", "-1", orders=[sent]), replace(HALF_OPEN, probe=sent.client_order_id))
    refused = OrderRejected(client_order_id=sent.client_order_id, reason=RejectReason.CLOCK, text="")
    state, _ = feed(state, (NOW + 1, refused))
    assert state.accounts[ACCOUNT].breaker.status is BreakerStatus.OPEN


@pytest.mark.parametrize(("reduces", "status"), [(False, BreakerStatus.RESTRICTED), (True, BreakerStatus.OPEN)])
def test_a_restriction_that_meets_what_reduces_shuts_the_account(reduces: bool, status: BreakerStatus) -> None:
    sent = order_of(reduce_only=reduces)
    refused = OrderRejected(client_order_id=sent.client_order_id, reason=RejectReason.RESTRICTED, text="")
    state, _ = feed(hedging("1", "-1", orders=[sent]), (NOW + 1, refused))
    assert state.accounts[ACCOUNT].breaker.status is status


def test_after_a_restriction_an_order_that_only_reduces_is_no_probe() -> None:
    half_open = replace(HALF_OPEN, restricted=True)
    sent = placed([step(with_breaker(hedging("1", "-1.5"), half_open), Stamped(NOW, quote_at()), POLICY)])
    assert [order.reduce_only for order in sent] == [True]
    state, _ = feed(with_breaker(hedging("1", "-1.5"), half_open), (NOW, quote_at()))
    assert state.accounts[ACCOUNT].breaker.probe is None


def test_at_the_wire_an_order_is_held_back_when_the_lease_has_ended_meanwhile() -> None:
    state = hedging()
    held = replace(state.accounts[ACCOUNT], switch=Switch(timeout_ms=10_000, fires_at=NOW + 1_000, lease_until=NOW + 9))
    state = state._replace(accounts={ACCOUNT: held})
    assert held_back(state, PLACE, NOW + 8) is None
    assert held_back(state, PLACE, NOW + 9) is not None


def test_the_first_order_from_a_half_open_breaker_is_its_probe() -> None:
    result = step(with_breaker(hedging("1"), HALF_OPEN), Stamped(NOW, quote_at()), POLICY)
    (sent,) = placed([result])
    assert result.state.accounts[ACCOUNT].breaker.probe == sent.client_order_id
    accepted = OrderAccepted(client_order_id=sent.client_order_id, venue_order_id="v1")
    after = step(result.state, Stamped(NOW + 1, accepted), POLICY).state
    assert after.accounts[ACCOUNT].breaker.status is BreakerStatus.CLOSED


def test_a_probe_of_unknown_fate_opens_the_breaker_at_the_next_beat() -> None:
    lost = order_of(status=OrderStatus.UNKNOWN)
    state = with_breaker(hedging(orders=[lost]), replace(HALF_OPEN, probe=lost.client_order_id))
    after = step(state, Stamped(NOW + 250, TimePassed()), POLICY).state
    assert after.accounts[ACCOUNT].breaker.status is BreakerStatus.OPEN
    assert after.accounts[ACCOUNT].breaker.cooldown_ms == 60_000


# --- orders of unknown fate -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lost", "mode"), [(2, Mode.HEDGING), (3, Mode.CANCEL_ONLY)])
def test_three_orders_of_unknown_fate_are_too_many(lost: int, mode: Mode) -> None:
    orders = [order_of(sequence=n, status=OrderStatus.UNKNOWN, quantity="0.01") for n in range(1, lost + 1)]
    state, _ = feed(hedging(orders=orders), (NOW, TimePassed()))
    assert state.mode is mode


def test_the_worth_of_unknown_orders_is_limited_on_each_account() -> None:
    for quantity, status in (("1.6", BreakerStatus.CLOSED), ("1.7", BreakerStatus.OPEN)):
        order = order_of(status=OrderStatus.UNKNOWN, quantity=quantity)
        state, _ = feed(hedging(orders=[order]), (NOW, TimePassed()))
        assert state.accounts[ACCOUNT].breaker.status is status


def test_what_is_unknown_is_still_asked_about_while_nothing_is_created() -> None:
    orders = [order_of(sequence=n, status=OrderStatus.UNKNOWN, probed_at=1) for n in (1, 2, 3)]
    _, results = feed(hedging(orders=orders), (NOW, TimePassed()), (NOW + 1_000, TimePassed()))
    assert sum(isinstance(command, FindOrder) for result in results for command in result.commands) >= 3


# --- a person -----------------------------------------------------------------------------------------------------


def refuse(state: State, reason: RejectReason, at: int) -> State:
    """An order that is on its way is refused; cool-downs are over as soon as they begin."""
    view = state.accounts[ACCOUNT]
    if view.breaker.status is BreakerStatus.OPEN:
        state = with_breaker(
            state, replace(view.breaker, status=BreakerStatus.HALF_OPEN, probe=order_of().client_order_id)
        )
    sent = order_of()
    state = state._replace(orders={sent.client_order_id: sent})
    rejected = OrderRejected(client_order_id=sent.client_order_id, reason=reason, text="no")
    return step(state, Stamped(at, rejected), POLICY).state


def test_a_key_that_the_venue_refuses_three_times_in_a_row_halts() -> None:
    state = hedging()
    for n in range(3):
        assert state.halted is None
        state = refuse(state, RejectReason.NOT_AUTHORISED, NOW + n)
    assert state.mode is Mode.HALTED
    assert "refused our key" in state.mode_reason


def test_a_breaker_that_trips_again_and_again_halts_and_a_person_who_resumes_starts_the_count_anew() -> None:
    state = hedging()
    for n in range(7):
        assert state.halted is None
        state = with_breaker(state, replace(state.accounts[ACCOUNT].breaker, status=BreakerStatus.CLOSED))
        for _ in range(2):
            state = refuse(state, RejectReason.UNAVAILABLE, NOW + n)
    assert "7 times in a day" in (state.halted or "")
    state, _ = feed(state, (NOW + 10, OperatorAsked(operation=Operation.RESUME, reason="the venue is back")))
    assert state.halted is None
    assert state.accounts[ACCOUNT].breaker.trips == ()


def test_an_answer_to_an_order_that_is_final_already_counts_nothing() -> None:
    gone = order_of(status=OrderStatus.REJECTED)
    rejected = OrderRejected(client_order_id=gone.client_order_id, reason=RejectReason.NOT_AUTHORISED, text="no")
    state, _ = feed(hedging(orders=[gone]), (NOW, rejected))
    assert state.accounts[ACCOUNT].breaker == Breaker()


def test_an_order_that_had_nothing_to_reduce_asks_for_a_new_reading_and_counts_nothing() -> None:
    sent = order_of(reduce_only=True)
    reason = RejectReason.REDUCE_ONLY_NOTHING_TO_REDUCE
    rejected = OrderRejected(client_order_id=sent.client_order_id, reason=reason, text="-2022")
    state, results = feed(hedging(orders=[sent]), (NOW, rejected), (NOW + 250, TimePassed()))
    assert ReadAccount(account=ACCOUNT) in results[-1].commands
    assert state.accounts[ACCOUNT].breaker == Breaker()


# --- lag, gaps and clocks ---------------------------------------------------------------------------------------------


def test_a_beat_that_comes_late_stops_creates_for_ten_seconds() -> None:
    in_time, _ = feed(hedging(), (NOW, TimePassed(lag_ms=1_000)))
    assert in_time.mode is Mode.HEDGING
    late, _ = feed(hedging(), (NOW, TimePassed(lag_ms=1_001)))
    assert (late.mode, late.mode_reason) == (Mode.CANCEL_ONLY, "the loop came late")
    still, _ = feed(late, (NOW + 9_999, TimePassed()))
    assert still.mode is Mode.CANCEL_ONLY
    over, _ = feed(still, (NOW + 10_000, TimePassed()))
    assert over.mode is Mode.HEDGING


WAKEFUL = replace(POLICY, gap_ms=5_000)


def test_after_a_gap_everything_is_read_anew_before_anything_is_created() -> None:
    state = hedging("1", policy=WAKEFUL)
    result = step(state, Stamped(NOW + 5_001, quote_at(at=NOW + 5_001)), WAKEFUL)
    assert result.state.mode is Mode.RECONCILING
    assert "stood still" in result.state.mode_reason
    assert not placed([result])
    view = result.state.accounts[ACCOUNT]
    assert (view.barrier_at, view.clean_cycles) == (NOW + 5_001, 0)
    old = read_at(NOW + 5_002, reading_of("1", at=NOW), requested_at=NOW + 5_000)
    after, _ = feed(result.state, old, policy=WAKEFUL)
    assert after.accounts[ACCOUNT].clean_cycles == 0, "it was asked for before the gap was over"


def test_silence_that_is_no_longer_than_the_gap_is_not_one() -> None:
    state = step(hedging(policy=WAKEFUL), Stamped(NOW + 5_000, TimePassed()), WAKEFUL).state
    assert state.mode is Mode.HEDGING


def test_the_time_that_a_start_takes_is_not_a_gap() -> None:
    state = initial_state(WAKEFUL, now=NOW, epoch=1)
    after = step(state, Stamped(NOW + 60_000, quote_at(at=NOW + 60_000)), WAKEFUL).state
    assert after.reconcile_reason == "the program has just started"


@pytest.mark.parametrize(
    ("offset_ms", "mode"), [(2_000, Mode.HEDGING), (2_001, Mode.RECONCILING), (-9_000, Mode.RECONCILING)]
)
def test_a_clock_that_jumps_by_more_than_two_seconds_makes_everything_be_read_anew(offset_ms: int, mode: Mode) -> None:
    state, _ = feed(hedging(), (NOW, ClockMeasured(account=ACCOUNT, offset_ms=offset_ms)))
    assert state.mode is mode
    assert state.accounts[ACCOUNT].offset_ms == offset_ms


# --- quiet ------------------------------------------------------------------------------------------------------------


def quieted(until_at: int, *, banned: bool = False) -> VenueQuieted:
    return VenueQuieted(account=ACCOUNT, until_at=until_at, banned=banned, text="please")


def test_while_the_venue_wants_quiet_nothing_is_created_and_what_rests_may_rest() -> None:
    state, _ = feed(hedging("1")._replace(quotes={}), (NOW, quieted(NOW + 1_000)))
    state = state._replace(quotes=hedging().quotes)
    result = step(state, Stamped(NOW, quote_at()), POLICY)
    assert [decision.reason for decision in result.decisions] == [Reason.QUIET]
    resting = order_of(status=OrderStatus.OPEN, quantity="1")
    beside, results = feed(hedging("1", orders=[resting]), (NOW, quieted(NOW + 1_000)), (NOW, quote_at()))
    assert beside.mode is Mode.HEDGING
    assert all(not result.commands for result in results)
    over = step(result.state, Stamped(NOW + 1_000, quote_at(at=NOW + 1_000)), POLICY)
    assert placed([over])


def test_a_ban_stops_the_program_and_a_shorter_wish_does_not_end_it() -> None:
    state, _ = feed(hedging(), (NOW, quieted(NOW + 60_000, banned=True)), (NOW, quieted(NOW + 1_000)))
    assert state.mode is Mode.CANCEL_ONLY
    assert "banned us" in state.mode_reason
    state, _ = feed(state, (NOW + 59_999, TimePassed()))
    assert state.mode is Mode.CANCEL_ONLY
    state, _ = feed(state, (NOW + 60_000, TimePassed()))
    assert state.mode is Mode.HEDGING


# --- modes ------------------------------------------------------------------------------------------------------------


def test_reduce_only_is_the_mode_of_the_program_only_where_no_account_may_add_risk() -> None:
    one = with_mode(with_breaker(two_accounts(), RESTRICTED), TWO)
    assert one.mode is Mode.HEDGING
    short = {**one.hedges, "there": replace(one.hedges["there"], margin_severity=Severity.STOP)}
    both = with_mode(one._replace(hedges=short), TWO)
    assert both.mode is Mode.REDUCE_ONLY
    assert both.mode_reason == "account paper: refused; account other: margin is short"


def test_a_mode_always_says_why_unless_all_is_well() -> None:
    state = hedging()
    assert state.mode_reason == ""
    for changes, mode in (
        ({"halted": "kill", "paused": "x"}, Mode.HALTED),
        ({"draining": "SIGTERM", "halted": "kill"}, Mode.DRAINING),
        ({"paused": "a look"}, Mode.CANCEL_ONLY),
        ({"journal_fault": "disk full"}, Mode.CANCEL_ONLY),
        ({"reconciled": False, "reconcile_reason": "a test", "hedges": {}}, Mode.RECONCILING),
    ):
        view = replace(state.accounts[ACCOUNT], clean_cycles=0)
        other = with_mode(state._replace(accounts={ACCOUNT: view}, **changes), POLICY)
        assert other.mode is mode
        assert other.mode_reason in changes.values()


# --- at the edge ------------------------------------------------------------------------------------------------------


def test_after_a_restriction_the_first_order_that_adds_risk_is_the_probe() -> None:
    state, results = feed(with_breaker(hedging("1"), replace(HALF_OPEN, restricted=True)), (NOW, quote_at()))
    assert state.accounts[ACCOUNT].breaker.probe == placed(results)[0].client_order_id


def test_two_wishes_for_quiet_are_no_ban_and_one_that_is_over_is_forgotten() -> None:
    def wish(until_at: int, *, banned: bool = False) -> VenueQuieted:
        return VenueQuieted(account=ACCOUNT, until_at=until_at, banned=banned, text="")

    state, _ = feed(hedging("1"), (NOW, wish(NOW + 1_000)), (NOW + 10, wish(NOW + 2_000)))
    assert not state.accounts[ACCOUNT].banned
    told = held_back(state, PLACE, NOW + 10)
    assert told == f"account {ACCOUNT}: the venue asked for quiet for now"
    ban = (NOW, wish(NOW + 1_000, banned=True))
    state, _ = feed(hedging("1"), ban, (NOW + 999, wish(NOW + 2_000)))
    assert held_back(state, PLACE, NOW + 999) == f"account {ACCOUNT}: the venue has banned us for now"
    state, _ = feed(hedging("1"), ban, (NOW + 1_000, wish(NOW + 2_000)))
    assert not state.accounts[ACCOUNT].banned


def test_a_clock_is_compared_with_what_was_measured_last() -> None:
    first, second = (ClockMeasured(account=ACCOUNT, offset_ms=offset) for offset in (1_500, 3_000))
    state, _ = feed(hedging("1", "-1"), (NOW, first), (NOW + 1, second))
    assert state.reconciled
    state, _ = feed(state, (NOW + 2, ClockMeasured(account=ACCOUNT, offset_ms=900)))
    assert state.reconcile_reason == f"the clock of account {ACCOUNT} moved by -2100 ms"


def test_a_switch_that_does_not_exist_cannot_fail() -> None:
    state = hedging("1", "-1")
    assert feed(state, (NOW, SwitchFailed(account=ACCOUNT, text="")))[0].accounts == state.accounts


@pytest.mark.parametrize(("limit", "stopped"), [("30000", False), ("29999.99", True)])
def test_unknown_orders_may_be_worth_their_limit_and_no_more(limit: str, stopped: bool) -> None:
    lost = hedging("1", orders=[order_of(status=OrderStatus.UNKNOWN)])
    limits = BreakerLimits(unknown_notional=D(limit))
    assert (too_many_unknown(lost, limits, ACCOUNT) is not None) is stopped
