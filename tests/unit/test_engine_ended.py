"""A start after a dated contract has ended: marked like one that is delisted, and needed by no reading."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import State, initial_state
from hedger.model.instrument import Instrument
from hedger.model.message import AccountRead, InstrumentsLoaded, Stamped
from hedger.ops.events import LogEvent
from hedger.ops.narrate import Narrator
from hedger.ops.readiness import Check, readiness
from hedger.runtime.memory import Recovered
from hedger.runtime.recover import recovered_state
from tests.support.dated_worlds import DAY, PERP, dated, dated_policy, future, reading, world
from tests.support.engine_policies import ACCOUNT, instrument_of
from tests.support.engine_worlds import NOW, feed, order_of

ENDED, LATER = dated("240101"), dated("990101")
POLICY = dated_policy(ENDED, PERP)
LISTED = {PERP: instrument_of()}
RULES = replace(future(ENDED, -DAY / DAY), id=ENDED)


def recovered(*rules: Instrument) -> Recovered:
    return Recovered(
        epoch=2,
        first_epoch=1,
        clean=False,
        funding_since_at=NOW - DAY,
        halted=None,
        next_decision=1,
        orders=(order_of(status=OrderStatus.OPEN, id=ENDED, hedge=POLICY.hedges[0].name),) if rules else (),
        ledgers={},
        memories={},
        funding_seen={},
        dated=rules,
    )


def begun(policy: object = POLICY, *, rules: tuple[Instrument, ...] = ()) -> State:
    state = recovered_state(POLICY, recovered(*rules), NOW) if rules else initial_state(POLICY, now=NOW, epoch=2)
    return feed(state, (NOW, InstrumentsLoaded(account=ACCOUNT, instruments=tuple(LISTED.values()))), policy=POLICY)[0]


@pytest.mark.parametrize("rules", [(), (RULES,)], ids=["nothing is remembered", "its rules are remembered"])
def test_a_configured_contract_whose_day_has_come_is_marked_and_needs_no_row(rules: tuple[Instrument, ...]) -> None:
    state = begun(rules=rules)
    assert state.delisted == {ENDED}
    assert Check.MARKETS not in readiness(state, POLICY)
    event = AccountRead(requested_at=NOW + 60_000, reading=reading(LISTED, {PERP: "0"}, at=NOW + 60_000))
    view = feed(state, (NOW + 60_001, event), policy=POLICY)[0].accounts[ACCOUNT]
    assert (view.last_failure, view.believed_at) == ("", NOW + 60_000)


def test_one_whose_day_is_to_come_is_not_excused() -> None:
    policy = dated_policy(LATER, PERP)
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=tuple(LISTED.values()))
    state = feed(initial_state(policy, now=NOW, epoch=2), (NOW, loaded), policy=policy)[0]
    assert state.delisted == frozenset()
    assert "not loaded" in readiness(state, policy)[Check.MARKETS]
    event = AccountRead(requested_at=NOW + 60_000, reading=reading(LISTED, {PERP: "0"}, at=NOW + 60_000))
    view = feed(state, (NOW + 60_001, event), policy=policy)[0].accounts[ACCOUNT]
    assert "no row" in view.last_failure


def test_it_is_told_in_the_log_once() -> None:
    before = initial_state(POLICY, now=NOW, epoch=2)
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=tuple(LISTED.values()))

    def lines() -> Iterator[str]:
        state = before
        for at in (NOW, NOW + 1_000):
            after, (result,) = feed(state, (at, loaded), policy=POLICY)
            with capture_logs() as told:
                Narrator(POLICY).observe(state, Stamped(at, loaded), result, 0.0)
            yield from (line["text"] for line in told if line["event"] == LogEvent.INSTRUMENT_LEFT_OUT)
            state = after

    (text,) = lines()
    assert f"{ENDED} expired on 2024-01-01" in text


def test_coins_that_leap_are_doubted_by_the_band_on_what_is_listed() -> None:
    """The first of the list has no mark and never will have one."""
    state = world(POLICY, LISTED, {PERP: "0"})._replace(delisted=frozenset({ENDED}))
    leap = AccountRead(requested_at=NOW + 1_000, reading=reading(LISTED, {PERP: "0"}, spot="50", at=NOW + 1_000))
    assert feed(state, (NOW + 1_001, leap), policy=POLICY)[0].accounts[ACCOUNT].doubted is not None
