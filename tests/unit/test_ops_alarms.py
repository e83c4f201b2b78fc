"""Alarms: what is listed, in which order, since when, and what an acknowledgement is worth."""

from dataclasses import replace
from decimal import Decimal

from hedger.engine.known.latch import Flatten, acknowledged
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import Action, Change, ChangeCause, Mode, Reason, Severity, State
from hedger.ops.alarms import Alarm, AlarmLevel, Alarms, alarms_of
from hedger.ops.surroundings import Surroundings
from tests.support.ops_states import NOW, decision, hedging_state, policy


def names(state: State) -> list[str]:
    return [alarm.key for alarm in alarms_of(state, policy())]


def halted() -> State:
    return hedging_state()._replace(mode=Mode.HALTED, halted="a taker fill")


def with_memory(state: State, **changes: object) -> State:
    return state._replace(hedges={"btc": replace(state.hedges["btc"], **changes)})  # type: ignore[arg-type]


def test_nothing_is_listed_while_all_is_well() -> None:
    assert names(hedging_state()) == []


def test_each_thing_to_look_at_has_its_name_and_subject() -> None:
    state = hedging_state()
    lost = {name: replace(order, status=OrderStatus.UNKNOWN) for name, order in state.orders.items()}
    view = replace(state.accounts["binance"], quiet_until_at=NOW + 5_000)
    assert names(halted()) == ["Halted"]
    assert names(state._replace(journal_fault="the disk is full")) == ["JournalUnhealthy"]
    assert names(state._replace(paused="lunch", mode=Mode.CANCEL_ONLY)) == ["Paused"]
    assert names(state._replace(mode=Mode.CANCEL_ONLY, mode_reason="the loop came late")) == ["CreatesStopped"]
    assert names(state._replace(orders=lost)) == ["UnknownOrders"]
    assert names(state._replace(accounts={"binance": view})) == ["AccountStopped:binance"]
    assert names(with_memory(state, outside_since=NOW - 60_000)) == ["Unhedged:btc"]
    assert names(with_memory(state, margin_severity=Severity.STOP)) == ["MarginShort:btc"]
    short = next(a for a in alarms_of(with_memory(state, margin_severity=Severity.STOP), policy()))
    assert short.text == "btc: margin is short: nothing is added (margin ratio 12.33 %, liquidation 48.43 % away)"
    flat = Flatten(reason="leaving", asked_at=NOW, flat_at=NOW)
    assert names(state._replace(flattening={"btc": flat})) == ["Flattened:btc"]


def test_that_it_is_not_hedged_says_why_by_the_last_decision() -> None:
    denied = decision(24, action=Action.DENY, reason=Reason.BELOW_MINIMUM)
    state = with_memory(hedging_state(), outside_since=NOW - 60_000, decision=denied)
    (told,) = alarms_of(state, policy())
    assert told.text.endswith("its band for 1 min; decision 24: the order would be smaller than the venue takes")


def test_what_a_person_keeps_from_hedging_is_a_warning_and_no_hedge_that_failed() -> None:
    outside = with_memory(hedging_state(), outside_since=NOW - 60_000)
    working = Flatten(reason="leaving", asked_at=NOW)
    paused = outside._replace(paused="lunch", mode=Mode.CANCEL_ONLY)
    assert names(paused) == ["Paused", "UnhedgedOnPurpose:btc"]
    told = {alarm.name: alarm for alarm in alarms_of(paused, policy())}["UnhedgedOnPurpose"]
    assert told.level is AlarmLevel.WARNING
    assert "`hedger unpause" in told.text
    assert names(outside._replace(flattening={"btc": working})) == ["UnhedgedOnPurpose:btc", "Flattened:btc"]
    assert names(outside._replace(flattening={"btc": replace(working, flat_at=NOW)})) == ["Flattened:btc"]
    assert names(halted()._replace(hedges=outside.hedges)) == ["Halted", "Unhedged:btc"], "a halt is no wish"


def test_a_journal_that_cannot_be_written_is_one_thing_to_look_at_and_not_two() -> None:
    full = hedging_state()._replace(journal_fault="the disk is full", mode=Mode.CANCEL_ONLY)
    assert names(full) == ["JournalUnhealthy"]


def test_a_file_that_is_not_what_is_in_force_stands_until_it_is() -> None:
    alarms = Alarms(policy())
    alarms.around = Surroundings(file_changed="it says something else about hedges.BTC.band")
    (told,) = alarms.look(hedging_state())
    assert (told.name, told.level) == ("ConfigFileChanged", AlarmLevel.INFO)
    assert "hedges.BTC.band; `hedger reload`" in told.text
    refused = "at 2026-03-01 12:00 UTC: x.toml:3: no such key"
    alarms.around = Surroundings(file_changed="it cannot be used", refused=refused)
    (told,) = alarms.look(hedging_state())
    assert told.text.startswith(f"the configuration was refused {refused}; what was in force goes on")
    alarms.around = Surroundings()
    assert alarms.look(hedging_state()) == ()


def test_the_worst_stands_first() -> None:
    state = with_memory(halted()._replace(paused="lunch"), margin_severity=Severity.WARN)
    levels = [alarm.level for alarm in Alarms(policy()).look(state)]
    assert levels == [AlarmLevel.CRITICAL, AlarmLevel.WARNING, AlarmLevel.INFO]


def of_halt(told: tuple[Alarm, ...]) -> list[Alarm]:
    """That of the halt alone: as time goes on, what was read grows old too."""
    return [alarm for alarm in told if alarm.name == "Halted"]


def test_an_alarm_keeps_its_beginning_until_it_goes() -> None:
    alarms = Alarms(policy())
    assert [a.since_at for a in of_halt(alarms.look(halted()))] == [NOW]
    assert [a.since_at for a in of_halt(alarms.look(halted()._replace(now=NOW + 9_000)))] == [NOW]
    assert alarms.look(hedging_state()) == ()
    assert [a.since_at for a in of_halt(alarms.look(halted()._replace(now=NOW + 20_000)))] == [NOW + 20_000]


def seen(state: State, at: int) -> State:
    return state._replace(now=at, acknowledged=acknowledged(state.acknowledged, "Halted", at))


def test_what_somebody_saw_is_marked_and_stands_last() -> None:
    alarms, state = Alarms(policy()), with_memory(halted(), margin_severity=Severity.WARN)
    alarms.look(state)
    told = alarms.look(seen(state, NOW + 1_000))
    assert [(alarm.key, alarm.acknowledged) for alarm in told] == [("MarginShort:btc", False), ("Halted", True)]


def test_one_that_comes_back_was_not_seen_by_anybody() -> None:
    alarms, state = Alarms(policy()), seen(halted(), NOW + 1_000)
    alarms.look(halted())
    assert [a.acknowledged for a in of_halt(alarms.look(state))] == [True]
    alarms.look(state._replace(now=NOW + 2_000, halted=None, mode=Mode.HEDGING))
    assert [a.acknowledged for a in of_halt(alarms.look(state._replace(now=NOW + 60_000)))] == [False]


def test_what_the_venue_closes_after_somebody_saw_an_earlier_one_was_seen_by_nobody() -> None:
    def closed(at: int) -> Change:
        liquidated, lost = ChangeCause.LIQUIDATION, Decimal("0.4")
        return Change(at=at, account="binance", what="BTC/USDT:USDT", cause=liquidated, quantity=lost, detail="")

    def looked(state: State, *closes: Change) -> list[bool]:
        alarms.around = Surroundings(forced=closes)
        return [one.acknowledged for one in alarms.look(state) if one.name == "AccountChanged"]

    alarms, state = Alarms(policy()), hedging_state()
    assert looked(state, closed(NOW)) == [False]
    state = state._replace(acknowledged=acknowledged({}, "AccountChanged:binance", NOW + 5_000), now=NOW + 9_000)
    assert looked(state, closed(NOW)) == [True]
    assert looked(state, closed(NOW), closed(NOW + 8_000)) == [False]
    assert looked(state, closed(NOW), closed(NOW + 8_000)) == [False]


def test_the_key_names_the_subject_where_there_is_one() -> None:
    assert Alarm(name="Halted", subject="", level=AlarmLevel.CRITICAL, text="").key == "Halted"
    assert Alarm(name="Unhedged", subject="btc", level=AlarmLevel.CRITICAL, text="").key == "Unhedged:btc"
