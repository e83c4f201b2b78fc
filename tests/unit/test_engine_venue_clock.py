"""What ends at a venue ends by that venue's clock, however wrong ours is."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.decision.roll import roll_of
from hedger.engine.held.expiry import has_expired, refuses_more
from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from tests.support.dated_worlds import FAR, NEAR, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT

HOUR = 3_600_000


def held(hours: float, ahead: float, *, roll_before: float = 0.0) -> tuple[State, Policy]:
    """A short that ends so many hours from now by our clock; the venue's clock is `ahead` of ours, in hours."""
    instruments = {NEAR: future(NEAR, hours / 24), FAR: future(FAR, 90)}
    policy = dated_policy(NEAR, FAR, roll_before_ms=int(roll_before * HOUR))
    state = world(policy, instruments, {NEAR: "-1"})
    view = replace(state.accounts[ACCOUNT], offset_ms=int(ahead * HOUR))
    return state._replace(accounts={ACCOUNT: view}), policy


@pytest.mark.parametrize(
    ("ahead", "hours", "left"),
    [(1, 1.25, "0.5"), (-1, -0.75, "0.5"), (1, 0.9, "0"), (-1, 0.1, "1"), (0, 0.25, "0.5")],
)
def test_the_delta_goes_with_the_settlement_average_of_the_venue(ahead: float, hours: float, left: str) -> None:
    state, policy = held(hours, ahead)
    seen = exposure(state, policy.hedges[0])
    assert seen is not None
    assert seen.futures == -D(left)


def test_a_contract_has_expired_when_it_has_there() -> None:
    assert not has_expired(held(-0.5, -1)[0], NEAR), "our clock is an hour ahead, and half of one is left"
    assert has_expired(held(0.5, 1)[0], NEAR), "our clock is an hour behind"


def test_nothing_is_added_near_the_end_by_the_venues_clock() -> None:
    for ahead, hours, refused in ((1, 1.5, True), (-1, 0.5, False)):
        state, policy = held(hours, ahead)
        assert (refuses_more(state, policy.hedges[0], state.instruments[NEAR]) is not None) is refused


def test_a_roll_begins_by_the_venues_clock() -> None:
    for ahead, hours, due in ((1, 5.5, True), (-1, 4.5, False)):
        state, policy = held(hours, ahead, roll_before=5)
        assert (roll_of(state, policy.hedges[0], NEAR) is not None) is due
