"""The step that saves margin, by itself: how much, on which side, at which pace, and what alone can stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.decision.saving import reduce_margin, reduction_pace
from hedger.engine.decision.verdict import Verdict
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, HedgeState, Reason, Severity, State, initial_state
from hedger.engine.known.switch import Switch
from hedger.model.order import Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, hedging, mark_at, order_of, quote_at

SHORT_OF_MARGIN = HedgeState(margin_severity=Severity.REDUCE)


def saved(
    position: str,
    *,
    policy: Policy = POLICY,
    memory: HedgeState = SHORT_OF_MARGIN,
    bend: Callable[[State], State] = lambda state: state,
    **rules: Any,
) -> Verdict:
    """What is taken off a position, with an instrument of these rules."""
    state = hedging("1", position, policy=policy, instrument=instrument_of(**rules))
    return reduce_margin(bend(state), policy.hedges[0], memory)


def viewed(**changes: Any) -> Callable[[State], State]:
    return lambda s: s._replace(accounts={**s.accounts, ACCOUNT: replace(s.accounts[ACCOUNT], **changes)})


def said(verdict: Verdict) -> tuple[Action, Reason]:
    return verdict.action, verdict.reason


@pytest.mark.parametrize(
    ("position", "side", "price"), [("-0.8", Side.BUY, "60000"), ("0.8", Side.SELL, "60000.1"), ("4", Side.SELL, None)]
)
def test_a_quarter_of_the_position_comes_off_on_the_side_that_makes_it_smaller(
    position: str, side: Side, price: str | None
) -> None:
    verdict = saved(position)
    assert said(verdict) == (Action.PLACE, Reason.MARGIN_REDUCTION)
    draft = verdict.draft
    assert draft is not None
    assert (draft.side, draft.quantity) == (side, abs(D(position)) / 4)
    assert price is None or draft.price == D(price)
    assert (draft.reduce_only, draft.margin_reduction) == (True, True)
    assert verdict.detail == (
        f"{draft.quantity} of {abs(D(position))} come off to save margin: that much protection is given up"
    )


@pytest.mark.parametrize(
    ("position", "rules", "units"),
    [
        ("-0.805", {}, "0.202"),  # a lot more than a quarter, never less
        ("-0.8", {"min_quantity": D("0.5")}, "0.5"),
        ("-0.3", {"min_quantity": D("0.5")}, "0.3"),
        ("-0.8", {"min_notional": D(15_001)}, "0.251"),
        ("-0.8", {"max_quantity": D("0.1")}, "0.1"),
        ("-0.0014", {}, "0.001"),
    ],
)
def test_a_step_is_whole_lots_that_the_venue_takes_and_never_more_than_the_position(
    position: str, rules: dict[str, Any], units: str
) -> None:
    draft = saved(position, **{"min_notional": D(1), **rules}).draft
    assert draft is not None
    assert draft.quantity == D(units)


def test_less_than_a_lot_cannot_be_taken_off_and_that_is_said() -> None:
    verdict = saved("-0.0009")
    assert said(verdict) == (Action.DENY, Reason.BELOW_MINIMUM)
    assert verdict.detail == f"-0.0009 of {perpetual()} cannot be reduced by a whole lot"


def test_where_nothing_is_held_there_is_nothing_to_reduce() -> None:
    verdict = saved("0")
    assert said(verdict) == (Action.DENY, Reason.MARGIN_RATIO)
    assert verdict.detail == "margin is short but there is no position to reduce"


@pytest.mark.parametrize(
    ("bend", "action", "reason", "words"),
    [
        (
            lambda s: s._replace(quotes={perpetual(): (quote_at(at=NOW - 5_000), NOW - 5_000)}),
            *(Action.DENY, Reason.QUOTE_AGE, "is 5000 ms old"),
        ),
        (
            lambda s: s._replace(marks={perpetual(): (mark_at(at=NOW - 5_000), NOW - 5_000)}),
            *(Action.DENY, Reason.MARK_AGE, "is 5000 ms old"),
        ),
        (lambda s: s._replace(quotes={}), Action.DENY, Reason.QUOTE_AGE, "has not been seen yet"),
        (lambda s: s._replace(marks={}), Action.DENY, Reason.MARK_AGE, "has not been seen yet"),
        (
            lambda s: s._replace(quotes={perpetual(): (quote_at("0.05", "0.1"), NOW)}),
            *(Action.DENY, Reason.NO_QUOTE, "no passive price"),
        ),
        (viewed(believed_at=NOW - 20_000, barrier_at=0), Action.DENY, Reason.ACCOUNT_AGE, "was read 20000 ms ago"),
        (viewed(barrier_at=NOW), Action.WAIT, Reason.AWAITING_READING, f"account {ACCOUNT}"),
        (lambda s: s._replace(marks={perpetual(): (mark_at("60400"), NOW)}), Action.DENY, Reason.MARK_COLLAR, "60400"),
        (viewed(quiet_until_at=NOW + 9), Action.DENY, Reason.QUIET, "quiet"),
    ],
)
def test_only_its_own_facts_stop_it_and_each_is_named(
    bend: Callable[[State], State], action: Action, reason: Reason, words: str
) -> None:
    verdict = saved("-0.8", bend=bend)
    assert (*said(verdict), verdict.draft) == (action, reason, None)
    assert words in verdict.detail


def test_it_waits_for_no_other_account_and_for_no_rest_of_the_hedge() -> None:
    hedge = replace(POLICY.hedges[0], spot_accounts=(ACCOUNT, "cold"))
    policy = replace(POLICY, hedges=(hedge,), accounts=(ACCOUNT, "cold"))
    fresh = initial_state(policy, now=NOW, epoch=1)

    def unread(state: State) -> State:
        return state._replace(
            accounts={"cold": fresh.accounts["cold"], **state.accounts}, accounts_of_hedge=fresh.accounts_of_hedge
        )

    resting = replace(SHORT_OF_MARGIN, rest_until=NOW + 60_000, futile=9)
    verdict = saved("-0.8", bend=unread, memory=resting, policy=policy)
    assert said(verdict) == (Action.PLACE, Reason.MARGIN_REDUCTION)


@pytest.mark.parametrize(("refused", "reason"), [(0, Reason.RESTING_AFTER_FILL), (1, Reason.RESTING_AFTER_ATTEMPTS)])
def test_between_two_steps_it_rests_and_says_whether_the_last_ones_were_refused(refused: int, reason: Reason) -> None:
    memory = replace(SHORT_OF_MARGIN, refused_reductions=refused)
    pace = 5_000 * 2**refused
    for age, due in ((pace - 1, False), (pace, True)):
        verdict = saved("-0.8", memory=replace(memory, sent_at=(NOW - 40_000, NOW - age)))
        assert said(verdict) == ((Action.PLACE, Reason.MARGIN_REDUCTION) if due else (Action.WAIT, reason))


def test_that_it_leaves_without_the_switch_is_said_and_only_then() -> None:
    held = Switch(timeout_ms=10_000, fires_at=NOW + 9_000, lease_until=NOW + 8_000)
    lost = replace(held, lease_until=NOW)
    words = "; it leaves without the dead man's switch"
    assert saved("-0.8", bend=viewed(switch=lost)).detail.endswith(f"is given up{words}")
    assert words not in saved("-0.8", bend=viewed(switch=held)).detail


def test_its_pace_slows_down_for_each_of_its_own_lost_answers_and_for_no_other_hedge() -> None:
    saving = order_of(sequence=1, margin_reduction=True, status=OrderStatus.UNKNOWN)
    beside = [
        order_of(sequence=2, status=OrderStatus.UNKNOWN),
        order_of(sequence=3, margin_reduction=True, status=OrderStatus.OPEN),
        order_of(sequence=4, margin_reduction=True, status=OrderStatus.UNKNOWN, hedge="eth"),
    ]
    hedge = hedge_of()

    def pace(*orders: Any, refused: int = 0) -> int:
        state = hedging("1", "-1", policy=policy_of(hedge), orders=orders)
        return reduction_pace(state, hedge, replace(SHORT_OF_MARGIN, refused_reductions=refused))

    assert pace(*beside) == 5_000
    assert pace(saving, *beside) == 10_000
    assert pace(saving, *beside, refused=1) == 20_000
    assert pace(saving, *beside, refused=90) == 30_000
