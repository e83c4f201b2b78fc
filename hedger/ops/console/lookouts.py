"""What a flatten would do, as the console shows it before anybody types the phrase for it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from hedger.engine.decision.flatten import HedgePlan, LegPlan, plan_of, unknown_hedges
from hedger.model.numeric import plain
from hedger.ops.console.access import Refused
from hedger.ops.console.desk import Outlook
from hedger.ops.console.feed import Feed


def look_at_flatten(feed: Feed, names: Sequence[str]) -> Outlook:
    """What flattening hedges (none: all of them) would do now. Raises Refused where nothing is known yet."""
    seen = feed.seen
    if seen is None:
        raise Refused(HTTPStatus.CONFLICT, "nothing is known yet: it is still starting")
    if unknown_hedges(seen.policy, names):
        raise Refused(HTTPStatus.NOT_FOUND, "one of these is not a hedge of the configuration")
    plan = plan_of(seen.state, seen.policy, names)
    told = {
        "hedges": [_hedge(hedge) for hedge in plan.hedges],
        "everything": plan.everything,
        "obstacle": plan.obstacle,
    }
    return Outlook(told=told, shown=plan.shown, phrase=plan.phrase, against=plan.obstacle or "")


def _hedge(plan: HedgePlan) -> dict[str, Any]:
    return {
        "hedge": plan.hedge,
        "underlying": plan.underlying,
        "flat": plan.flat,
        "canceled": list(plan.canceled),
        "delta": None if plan.delta is None else plain(plan.delta),
        "delta_after": None if plan.delta_after is None else plain(plan.delta_after),
        "holding": None if plan.holding is None else plain(plan.holding),
        "options": plain(plan.options),
        "others": [{"instrument": str(id), "quantity": plain(quantity)} for id, quantity in plan.others],
        "legs": [_leg(leg) for leg in plan.legs],
    }


def _leg(leg: LegPlan) -> dict[str, Any]:
    return {
        "instrument": str(leg.id),
        "position": None if leg.position is None else plain(leg.position),
        "side": None if leg.side is None else leg.side.value,
        "quantity": plain(leg.quantity),
        "remainder": plain(leg.remainder),
        "orders": leg.orders,
        "quote": leg.quote,
        "notional": plain(round(leg.notional, 2)),
        "fees": plain(round(leg.fees, 4)),
        "spread": plain(round(leg.spread, 4)),
        "obstacle": None if leg.obstacle is None else leg.obstacle.detail,
    }
