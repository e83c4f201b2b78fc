"""From the settings of carry to policy, and what in them contradicts the hedge that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.engine.known.policy import Carry, ChoiceRule
from hedger.model.spans import DAY_MS
from hedger.settings.carry import CarrySettings
from hedger.settings.sentences import Problem
from hedger.settings.shape import Path


def to_carry(carry: CarrySettings) -> Carry:
    """The policy that the settings describe."""
    return Carry(
        rule=carry.rule,
        horizon_ms=int(carry.horizon_days * DAY_MS),
        hysteresis=carry.hysteresis,
        risk_premium=carry.risk_premium,
        moves=carry.moves,
        roll_before_ms=int(carry.roll_before_days * DAY_MS),
        roll_spread=carry.roll_spread,
    )


def problems_of_carry(at: Path, carry: CarrySettings, instruments: int, expiring_s: Decimal) -> Iterator[Problem]:
    """What in these settings contradicts the hedge that they belong to."""
    if carry.rule is ChoiceRule.CARRY and instruments == 1:
        yield Problem((*at, "rule"), "is carry, and there is one instrument only: list what may be chosen from")
    if carry.moves and carry.rule is not ChoiceRule.CARRY:
        yield Problem((*at, "moves"), 'is true, and what is held follows only under rule = "carry"')
    if carry.roll_before_days * DAY_MS <= expiring_s * 1000:
        text = f"must be longer than guards.expiring_s, which is {expiring_s} s: the roll needs time before it"
        yield Problem((*at, "roll_before_days"), f"is {carry.roll_before_days} days and {text}")
