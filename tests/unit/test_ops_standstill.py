"""Where nothing could be done for a quarter of an hour, whoever is on call hears of it, unless somebody meant it."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.latch import Flatten
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.ops.alarms import Alarm, AlarmLevel, alarms_of
from hedger.ops.standstill import TOO_LONG_MS, Standstills
from hedger.ops.surroundings import Surroundings
from tests.support.ops_states import NOW, hedging_state, policy, reading

GIVEN = policy()
LOST_AT = NOW + 60_000  # nothing was heard since NOW


def inside() -> State:
    """All is well, and the delta inside its band."""
    state = hedging_state()
    return state._replace(hedges={"btc": replace(state.hedges["btc"], outside_since=None)})


def later(ms: int, **changes: Any) -> State:
    """Nothing was heard until so long after the first look that found it so."""
    return inside()._replace(**{"now": LOST_AT + ms, **changes})


def alarms(state: State, standstills: Standstills, given: Policy = GIVEN) -> dict[str, Alarm]:
    around = Surroundings(stuck_since=standstills.look(state, given))
    return {alarm.name: alarm for alarm in alarms_of(state, given, around)}


def lost() -> Standstills:
    """It has just been seen that nothing is heard."""
    standstills = Standstills()
    assert standstills.look(inside(), GIVEN) == {}
    assert standstills.look(later(0), GIVEN) == {"btc": LOST_AT}
    return standstills


def test_nothing_heard_for_a_quarter_of_an_hour_is_critical_and_not_a_moment_earlier() -> None:
    standstills = lost()
    assert "CannotAct" not in alarms(later(TOO_LONG_MS - 1), standstills)
    told = alarms(later(TOO_LONG_MS), standstills)["CannotAct"]
    assert told.level is AlarmLevel.CRITICAL
    assert told.text.startswith("btc could not have been rebalanced for 15 min")
    assert "the limit is" in told.text, "which input is missing"


def test_one_look_that_sees_again_begins_the_time_anew() -> None:
    standstills = lost()
    assert alarms(inside(), standstills) == {}
    assert "CannotAct" not in alarms(later(TOO_LONG_MS), standstills)


def test_accounts_that_are_not_believed_are_the_same_trouble() -> None:
    standstills, given = Standstills(), inside()._replace(reconciled=False, reconcile_reason="a gap")
    standstills.look(given, GIVEN)
    fresh = given._replace(now=NOW + 1)
    standstills.since = {"btc": NOW + 1 - TOO_LONG_MS}
    assert "the accounts are not believed: a gap" in alarms(fresh, standstills)["CannotAct"].text


def test_a_hedge_that_was_never_read_is_told_of_too() -> None:
    view = replace(inside().accounts["binance"], reading=None)
    never = later(TOO_LONG_MS, accounts={"binance": view})
    assert "CannotAct" in alarms(never, lost())


@pytest.mark.parametrize(
    "meant",
    [
        {"paused": "lunch"},
        {"flattening": {"btc": Flatten(reason="out", asked_at=NOW)}},
        {"halted": "a taker fill"},
        {"draining": "the end"},
    ],
    ids=["paused", "flattened", "halted", "draining"],
)
def test_what_a_person_meant_or_was_told_of_already_is_not_told_again(meant: dict[str, Any]) -> None:
    assert "CannotAct" not in alarms(later(TOO_LONG_MS, **meant), lost())


def test_after_an_unpause_it_has_a_quarter_of_an_hour_again() -> None:
    standstills = lost()
    alarms(later(TOO_LONG_MS, paused="lunch"), standstills)
    assert "CannotAct" not in alarms(later(TOO_LONG_MS + 1_000), standstills)
    assert "CannotAct" in alarms(later(2 * TOO_LONG_MS + 1_000), standstills)


def test_in_shadow_nothing_could_be_done_anyway() -> None:
    assert "CannotAct" not in alarms(later(TOO_LONG_MS), lost(), replace(GIVEN, sends=False))


def test_where_nothing_is_held_nothing_is_at_stake() -> None:
    given = replace(GIVEN, hedges=(replace(GIVEN.hedges[0], static_quantity=D(0)),))
    empty = replace(reading(given), spot={}, positions=())
    view = replace(inside().accounts["binance"], reading=empty)
    bare = later(TOO_LONG_MS, accounts={"binance": view}, orders={})
    assert "CannotAct" not in alarms(bare, lost(), given)
    holding = replace(empty, positions=reading(given).positions)
    held = bare._replace(accounts={"binance": replace(view, reading=holding)})
    assert "CannotAct" in alarms(held, lost(), given)


def test_a_hedge_that_is_unhedged_is_one_page_that_says_that_nothing_could_be_done() -> None:
    memory = replace(inside().hedges["btc"], outside_since=NOW)
    told = alarms(later(TOO_LONG_MS, hedges={"btc": memory}), lost())
    assert "CannotAct" not in told
    assert "and nothing could be done: " in told["Unhedged"].text
