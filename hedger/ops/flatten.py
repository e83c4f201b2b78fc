"""A flatten's plan as JSON, and in sentences: what goes, what stays, what it costs, and what is unhedged afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hedger.engine.decision.flatten import HedgePlan, LegPlan, Plan, plan_of
from hedger.engine.known.latch import Flatten
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.numeric import plain
from hedger.ops.figures import iso
from hedger.ops.words import REASON_WORDS

Json = dict[str, Any]


def plan_json(plan: Plan) -> Json:
    """A plan as JSON: numbers as plain strings, `words` for a person, `phrase` to be typed and `shown` to send back."""
    return {
        "hedges": {hedge.hedge: hedge_plan_json(hedge) for hedge in plan.hedges},
        "everything": plan.everything,
        "obstacle": plan.obstacle,
        "phrase": plan.phrase,
        "shown": plan.shown,
    }


def hedge_plan_json(plan: HedgePlan) -> Json:
    """One hedge's part of a plan."""
    return {
        "flat": plan.flat,
        "delta": _known(plan.delta),
        "delta_after": _known(plan.delta_after),
        "underlying": plan.underlying,
        "orders_canceled": list(plan.canceled),
        "legs": [_leg_json(leg) for leg in plan.legs],
        "not_touched": {
            "holding": _known(plan.holding),
            "options": plain(plan.options),
            "others": {str(id): plain(quantity) for id, quantity in plan.others},
        },
        "words": list(plan_words(plan)),
        "shown": plan.shown,
    }


def flatten_status(state: State, policy: Policy) -> Json:
    """What is flattened, and what a flatten of everything would do, for the status file: of some hedges it would do
    their parts."""
    latched = {name: latch_json(one) for name, one in state.flattening.items()}
    return {"latched": latched, "plan": plan_json(plan_of(state, policy))}


def latch_json(latched: Flatten) -> Json:
    """A latched flatten: `state` is "works", "held" by a later pause, or "flat"."""
    state = "flat" if latched.flat_at else "held" if latched.held else "works"
    flat_at = iso(latched.flat_at) if latched.flat_at else None
    return {"state": state, "reason": latched.reason, "asked_at": iso(latched.asked_at), "flat_at": flat_at}


def _leg_json(leg: LegPlan) -> Json:
    against = leg.obstacle
    return {
        "instrument": str(leg.id),
        "position": _known(leg.position),
        "side": leg.side.value if leg.side is not None and leg.quantity else None,
        "quantity": plain(leg.quantity),
        "remainder": plain(leg.remainder),
        "orders": leg.orders,
        "quote": leg.quote or None,
        "notional": plain(leg.notional),
        "fees": plain(round(leg.fees, 8)),
        "spread": plain(round(leg.spread, 8)),
        "obstacle": None if against is None else {"reason": against.reason.value, "detail": against.detail},
    }


def _known(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


# --- in sentences ---------------------------------------------------------------------------------------------------


def plan_words(plan: HedgePlan) -> Iterator[str]:
    """What a flatten of one hedge does, line by line."""
    if plan.canceled:
        one = len(plan.canceled) == 1
        working = (
            "the working order first, and waits for its end"
            if one
            else (f"{len(plan.canceled)} working orders first, and waits for their ends")
        )
        yield f"cancels {working}"
    for leg in plan.legs:
        yield from _leg_words(leg)
    if plan.delta is not None and plan.delta_after is not None:
        now, after = plain(round(plan.delta, 8)), plain(round(plan.delta_after, 8))
        yield f"afterwards you are UNHEDGED: a delta of {_signed(after)} {plan.underlying}, now {_signed(now)}"
    yield from _untouched(plan)


def _leg_words(leg: LegPlan) -> Iterator[str]:
    if leg.position is None:
        yield f"{leg.id}: the position is not known"
        return
    if leg.quantity and leg.side is not None:
        money = f"fees {_money(leg.fees)}, spread {_money(leg.spread)} {leg.quote}"
        orders = "one order" if leg.orders == 1 else f"about {leg.orders} orders"
        how = f"{leg.side.value} {plain(leg.quantity)}, reduce-only and post-only, in {orders}"
        worth = f"worth {plain(round(leg.notional, 2))} {leg.quote}"
        yield f"{leg.id}: {plain(leg.position)} held; {how}; {worth}, {money}"
    elif not leg.position:
        yield f"{leg.id}: nothing is held"
    elif not leg.remainder:
        yield f"{leg.id}: {plain(leg.position)} held, and none of it is traded"
    if leg.remainder:
        yield f"{leg.id}: {plain(leg.remainder)} remains, which cannot be traded or is less than the venue takes"
    if leg.obstacle is not None:
        yield f"{leg.id}: it waits now, for {REASON_WORDS[leg.obstacle.reason]} ({leg.obstacle.detail})"


def _untouched(plan: HedgePlan) -> Iterator[str]:
    if plan.holding:
        yield f"not touched: {plain(plan.holding)} {plan.underlying} of coins; spot is never sold"
    if plan.options:
        yield f"not touched: options with a delta of {_signed(plain(round(plan.options, 8)))} {plan.underlying}"
    for id, quantity in plan.others:
        yield f"not touched: {plain(quantity)} of {id}, which this hedge does not trade"


def _signed(text: str) -> str:
    return text if text.startswith("-") or text == "0" else f"+{text}"


def _money(value: Decimal) -> str:
    return _signed(plain(round(value, 2)))
