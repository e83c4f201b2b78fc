"""A target with a gamma of its own at a few prices, and what becomes of it once its option has expired."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.decision.decide import decide
from hedger.engine.decision.facts import gather
from hedger.engine.formulas.overlay import NO_OPTIONS
from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import LEAST_MS, Synthetic
from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import Hedge, Policy, Target, TargetKind
from hedger.engine.known.state import Action, HedgeState, Reason, Severity, State
from hedger.engine.wanted.target import hedge_gamma, target_delta
from hedger.model.option import OptionType
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.engine_worlds import NOW, hedging, order_of


def put_that_ends(at: int) -> Hedge:
    option = Synthetic(
        option_type=OptionType.PUT, long=True, strike=D(60_000), expiry_at=at, volatility=D("0.5"), ratio=D(1)
    )
    return hedge_of(target=Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=option))


def decided(state: State, policy: Policy, memory: HedgeState | None = None) -> tuple[Action, Reason]:
    hedge = policy.hedges[0]
    verdict = decide(state, hedge, memory or HedgeState(), gather(state, hedge))
    return verdict.action, verdict.reason


def test_until_it_expires_a_synthetic_is_hedged() -> None:
    policy = policy_of(put_that_ends(NOW + 1))
    assert decided(hedging("1", policy=policy), policy) == (Action.PLACE, Reason.OUTSIDE_BAND)


def test_once_it_has_expired_nothing_is_placed_and_the_hedge_is_held() -> None:
    policy = policy_of(put_that_ends(NOW))
    assert decided(hedging("1", policy=policy), policy) == (Action.DENY, Reason.TARGET_ENDED)
    assert decided(hedging("1", "-1", policy=policy), policy) == (Action.DENY, Reason.TARGET_ENDED)


def test_an_order_that_works_when_it_expires_is_taken_off_the_book() -> None:
    policy = policy_of(put_that_ends(NOW))
    order = order_of(quantity="0.1")
    state = hedging("1", policy=policy, orders=[order])
    assert decided(state, policy)[1] is Reason.TARGET_ENDED


def test_margin_is_saved_after_it_has_expired_too() -> None:
    policy = policy_of(put_that_ends(NOW))
    memory = HedgeState(margin_severity=Severity.REDUCE)
    state = hedging("1", "-1", policy=policy)
    assert decided(state, policy, memory) == (Action.PLACE, Reason.MARGIN_REDUCTION)


def test_near_its_end_the_delta_does_not_jump_from_all_to_nothing() -> None:
    option = put_that_ends(NOW).target.synthetic
    assert option is not None
    for now in (NOW - 1, NOW, NOW + 10**9):
        assert option.delta(D(60_100), now) == option.delta(D(60_100), NOW - LEAST_MS)
        assert D("-0.5") < option.delta(D(60_100), now) < D("-0.3")


# --- which way it trades --------------------------------------------------------------------------------------------


def wanted(target: Target, price: int) -> D:
    """The delta that a target wants of one coin, at a price."""
    hedge = hedge_of(target=target)
    held = exposure(hedging("1", policy=policy_of(hedge)), hedge)
    assert held is not None
    return target_delta(hedge, held, D(price), NOW)


@pytest.mark.parametrize(
    ("option_type", "long", "low", "high"),
    [
        (OptionType.PUT, True, "0", "1"),  # a put that is bought: none of a crash, all of a rise
        (OptionType.PUT, False, "2", "1"),
        (OptionType.CALL, True, "1", "2"),
        (OptionType.CALL, False, "1", "0"),  # a call that is sold: all of a crash, none of a rise
    ],
)
def test_far_from_its_strike_a_synthetic_is_the_payoff_of_its_option(
    option_type: OptionType, long: bool, low: str, high: str
) -> None:
    option = Synthetic(
        option_type=option_type,
        long=long,
        strike=D(60_000),
        expiry_at=NOW + 86_400_000,
        volatility=D("0.5"),
        ratio=D(1),
    )
    target = Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=option)
    assert abs(wanted(target, 40_000) - D(low)) < D("1e-9")
    assert abs(wanted(target, 90_000) - D(high)) < D("1e-9")


def test_a_profile_hedges_the_share_that_it_names_at_each_price() -> None:
    points = (ProfilePoint(D(50_000), D("0.2")), ProfilePoint(D(70_000), D("0.9")))
    target = Target(kind=TargetKind.PROFILE, value=D(0), profile=Profile(points=points))
    asked = (40_000, 50_000, 60_000, 70_000, 80_000)
    assert [wanted(target, price) for price in asked] == [D("0.8"), D("0.8"), D("0.45"), D("0.1"), D("0.1")]


def test_the_gamma_of_an_option_that_is_held_is_hedged_by_trading_against_it() -> None:
    hedge = hedge_of()
    held = exposure(hedging("1", policy=policy_of(hedge)), hedge)
    assert held is not None
    bought = replace(held, options=NO_OPTIONS._replace(gamma=0.001))
    assert hedge_gamma(hedge, bought, D(60_000), NOW) == -0.001
