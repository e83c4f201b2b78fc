"""The dead man's switch as a lease: how long orders may leave, when it is asked for, and what its firing leads to."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.guards.gate import listed
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, Reason, State
from hedger.engine.known.switch import Switch
from hedger.engine.step import step
from hedger.model.message import (
    Event,
    ExtendSwitch,
    InstrumentsLoaded,
    Operation,
    OperatorAsked,
    ReadInstruments,
    Stamped,
    SwitchExtended,
    SwitchFailed,
    TimePassed,
    VenueQuieted,
)
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, placed, read_at, reading_of, started

T = 40_000
POLICY = policy_of(hedge_of(), switch_ms={ACCOUNT: T})


def extended(requested_at: int) -> SwitchExtended:
    return SwitchExtended(account=ACCOUNT, requested_at=requested_at, timeout_ms=T)


def armed(spot: str = "0") -> State:
    """Hedging, with a switch that was asked for and confirmed at NOW."""
    state = hedging(spot, policy=POLICY)
    return feed(state, (NOW, TimePassed()), (NOW, extended(NOW)), policy=POLICY)[0]


def read(at: int, asked_at: int | None = None) -> Stamped:
    """A reading of an account that holds nothing."""
    return read_at(at, reading_of("0", at=at), requested_at=asked_at)


def asked(state: State, at: int, policy: Policy = POLICY, event: Event | None = None) -> list[ExtendSwitch]:
    result = step(state, Stamped(at, event or TimePassed()), policy)
    return [command for command in result.commands if isinstance(command, ExtendSwitch)]


# --- the lease --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trip", [0, 150, 4_000])
def test_a_lease_ends_two_round_trips_and_a_second_before_the_venue_may_fire(trip: int) -> None:
    switch = Switch(timeout_ms=T).extended(NOW, T, NOW + trip)
    assert switch.lease_until == NOW + T - 2 * trip - 1_000
    assert switch.fires_at == NOW + T


def test_what_a_beat_makes_of_it_is_told_once_and_changes_with_the_lease() -> None:
    switch = Switch(timeout_ms=T).extended(NOW, T, NOW)
    assert (switch.held, switch.fired) == (True, False)
    assert switch.looked_at(switch.lease_until - 1) is switch
    lapsed = switch.looked_at(switch.lease_until)
    assert (lapsed.held, lapsed.fired) == (False, False)
    assert lapsed.looked_at(switch.fires_at - 1) is lapsed
    fired = lapsed.looked_at(switch.fires_at)
    assert (fired.held, fired.fired) == (False, True)
    assert fired.may_have_fired(0), "it stays so until the venue confirms a new one"
    again = fired.extended(NOW + T, T, NOW + T)
    assert (again.held, again.fired) == (True, False)


def test_a_lease_that_ends_with_its_answer_is_not_held() -> None:
    trip = (T - 1_000) // 3
    switch = Switch(timeout_ms=T).extended(NOW, T, NOW + trip)
    assert switch.lease_until == NOW + trip
    assert not switch.held


def test_an_older_answer_never_shortens_a_later_lease() -> None:
    later = Switch(timeout_ms=T).extended(NOW + 5_000, T, NOW + 5_010)
    after = later.extended(NOW, T, NOW + 5_020)
    assert (after.lease_until, after.fires_at) == (later.lease_until, later.fires_at)


def test_an_answer_that_took_longer_than_half_the_timeout_gives_no_lease() -> None:
    assert not Switch(timeout_ms=T).extended(NOW, T, NOW + T // 2).held


def test_after_failures_it_is_asked_again_soon_then_less_often_up_to_a_quarter() -> None:
    switch, waits = Switch(timeout_ms=T), []
    for _ in range(6):
        switch = switch.failed()
        waits.append(switch.retry_ms)
    assert waits == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
    assert switch.extended(NOW, T, NOW).retry_ms == 0


# --- asking -----------------------------------------------------------------------------------------------------------


def test_it_is_asked_for_at_a_quarter_of_its_time_and_not_before() -> None:
    state = armed()
    assert not asked(state, NOW + T // 4 - 1)
    assert asked(state, NOW + T // 4) == [ExtendSwitch(account=ACCOUNT, timeout_ms=T)]


def test_it_is_asked_for_while_reconciling_so_that_it_is_armed_before_the_first_order() -> None:
    state = started(POLICY)
    assert state.mode is Mode.RECONCILING
    assert asked(state, NOW)


def test_it_is_not_asked_for_before_instruments_are_known_nor_in_shadow() -> None:
    assert not asked(started(POLICY)._replace(instruments={}), NOW)
    shadow = replace(POLICY, sends=False)
    assert not asked(hedging(policy=shadow), NOW, shadow)


@pytest.mark.parametrize("operation", [Operation.HALT, Operation.DRAIN])
def test_halted_or_draining_it_runs_out_by_itself(operation: Operation) -> None:
    state, _ = feed(armed(), (NOW + 1, OperatorAsked(operation=operation, reason="a test")), policy=POLICY)
    assert not asked(state, NOW + T)


def test_paused_it_is_extended_because_what_rests_may_still_be_canceled_late() -> None:
    state, _ = feed(armed(), (NOW + 1, OperatorAsked(operation=Operation.PAUSE, reason="a test")), policy=POLICY)
    assert asked(state, NOW + T // 4)


def test_under_a_ban_it_is_not_asked_for() -> None:
    ban = VenueQuieted(account=ACCOUNT, until_at=NOW + 60_000, banned=True, text="418")
    state, _ = feed(armed(), (NOW + 1, ban), policy=POLICY)
    assert not asked(state, NOW + T // 4)
    assert asked(state, NOW + 60_000)


def test_after_a_failure_it_is_asked_again_after_a_second() -> None:
    state, _ = feed(armed(), (NOW + 10_000, TimePassed()), policy=POLICY)
    state, _ = feed(state, (NOW + 10_050, SwitchFailed(account=ACCOUNT, text="timeout")), policy=POLICY)
    assert not asked(state, NOW + 10_999)
    assert asked(state, NOW + 11_000)


# --- without it -------------------------------------------------------------------------------------------------------


def test_a_start_stays_reconciling_until_the_switch_is_armed() -> None:
    events = [read_at(NOW + 1_000 * n) for n in range(1, 5)]
    state, results = feed(started(POLICY), *events, policy=POLICY)
    assert state.mode is Mode.RECONCILING
    assert not placed(results)
    state, results = feed(state, (NOW + 5_000, extended(NOW + 4_990)), policy=POLICY)
    assert state.mode is Mode.HEDGING


def test_when_the_lease_runs_out_nothing_is_created() -> None:
    last = NOW + T - 1_000
    state = armed("1")
    assert state.hedges["btc"].decision is not None, "it is out of its band"
    early, _ = feed(armed(), (last - 1, TimePassed()), policy=POLICY)
    assert early.mode is Mode.HEDGING
    late, results = feed(armed(), (last, TimePassed()), policy=POLICY)
    assert late.mode is Mode.CANCEL_ONLY
    assert "not extended in time" in late.mode_reason
    assert not placed(results)


def test_before_the_beat_notices_the_guard_denies_by_the_time_itself() -> None:
    state = hedging("1", policy=POLICY)
    view, quote = state.accounts[ACCOUNT], next(iter(state.quotes.values()))[0]
    for lease_until, reasons in ((NOW, [Reason.SWITCH_LEASE]), (NOW + 1, [Reason.OUTSIDE_BAND])):
        held = replace(view, switch=Switch(timeout_ms=T, lease_until=lease_until, fires_at=NOW + T))
        state = state._replace(mode=Mode.HEDGING, accounts={ACCOUNT: held})
        result = step(state, Stamped(NOW, quote), POLICY)
        assert [decision.reason for decision in result.decisions] == reasons


def test_a_switch_that_may_have_fired_is_armed_first_and_then_everything_is_read_anew() -> None:
    state, _ = feed(armed(), (NOW + T, TimePassed()), policy=POLICY)
    assert state.mode is Mode.CANCEL_ONLY
    assert state.reconciled, "reading before it is armed again proves nothing"
    state, _ = feed(state, (NOW + T + 500, extended(NOW + T + 400)), policy=POLICY)
    assert state.mode is Mode.RECONCILING
    assert "may have fired" in state.mode_reason
    state, _ = feed(state, read(NOW + T + 600, asked_at=NOW + T + 450), policy=POLICY)
    assert state.accounts[ACCOUNT].clean_cycles == 0, "asked for before it was armed again"
    state, _ = feed(state, *(read(NOW + T + 1_000 * n) for n in (1, 2)), policy=POLICY)
    assert state.mode is Mode.HEDGING


def test_an_extension_in_time_interrupts_nothing() -> None:
    state, _ = feed(armed(), (NOW + T - 1, extended(NOW + T - 20)), policy=POLICY)
    assert state.mode is Mode.HEDGING
    assert state.reconciled


# --- what trades no more ----------------------------------------------------------------------------------------------


def test_a_failure_has_the_rules_read_again_at_once_but_not_more_than_twice_a_minute() -> None:
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(),))
    state, _ = feed(armed(), (NOW + 1, loaded), policy=POLICY)
    asked_at = []
    for second in range(1, 70):
        events = ((NOW + 1_000 * second, event) for event in (SwitchFailed(account=ACCOUNT, text="no"), TimePassed()))
        state, results = feed(state, *events, policy=POLICY)
        asked_at += [second for r in results for command in r.commands if isinstance(command, ReadInstruments)]
    assert asked_at == [1, 31, 61]


def test_it_is_armed_for_what_the_venue_lists_and_not_asked_for_where_that_is_nothing() -> None:
    state = armed()._replace(instruments={**armed().instruments, perpetual("ETH"): instrument_of("ETH")})
    assert listed(state, ACCOUNT) == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    state = state._replace(delisted=frozenset({perpetual("ETH")}))
    assert listed(state, ACCOUNT) == ["BTC/USDT:USDT"]
    assert not asked(state._replace(delisted=frozenset(state.instruments)), NOW + T)


def test_to_save_margin_a_start_does_not_wait_for_the_switch() -> None:
    calm, _ = feed(started(POLICY), *(read(NOW + 1_000 * n) for n in (1, 2, 3)), policy=POLICY)
    assert calm.mode is Mode.RECONCILING
    near = reading_of("1", "-1")
    near = replace(near, positions=tuple(replace(p, liquidation_price=D(62_000)) for p in near.positions))
    readings = (read_at(NOW + 1_000 * n, replace(near, exchange_at=NOW + 1_000 * n)) for n in (1, 2, 3))
    state, results = feed(started(POLICY), *readings, policy=POLICY)
    assert state.mode is Mode.REDUCE_ONLY
    assert [order.reduce_only for order in placed(results)] == [True]
