"""The configured limits in the units of metrics, and which guards may deny an order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal

from hedger.engine.guards.limits import EVALUATED, WITHOUT_SETTING
from hedger.engine.known.policy import Guards, Levels
from hedger.engine.known.state import Action, Reason
from hedger.model.numeric import ONE

# What one configured unit is in the unit of the metric: ages are in ms, distances in basis points.
SCALES: dict[str, Decimal] = {
    **dict.fromkeys(("quote_age", "mark_age", "account_age", "expiring"), Decimal("0.001")),
    **dict.fromkeys(("mark_collar", "index_collar", "spread", "basis", "price_drift"), Decimal("0.0001")),
    **dict.fromkeys(("depth", "order_notional", "daily_notional", "daily_cost", "position", "adverse_funding"), ONE),
    **dict.fromkeys(("orders_per_minute", "orders_per_day", "cancels_per_hour", "futile_hedges", "leverage"), ONE),
    **dict.fromkeys(("margin_ratio", "liquidation_distance", "basis_yearly"), ONE),
}
NOT_NUMBERS = frozenset({"margin_mode"})

GUARD_REASONS = tuple(reason for reason in Reason if reason.value in EVALUATED | WITHOUT_SETTING)
_DENYING = (
    *GUARD_REASONS,
    Reason.NO_QUOTE,
    Reason.NOT_HEDGING,
    Reason.BELOW_MINIMUM,
    Reason.TARGET_ENDED,
    Reason.BAND_INPUT,
    Reason.OPTION_INPUT,
    Reason.FLAT,
)
_WAITING = (
    Reason.ORDER_WORKING,
    Reason.ORDER_IN_FLIGHT,
    Reason.RESTING_AFTER_FILL,
    Reason.RESTING_AFTER_ATTEMPTS,
    Reason.AWAITING_READING,
    Reason.UNRESOLVED_ORDERS,
)
_CANCELING = (
    *GUARD_REASONS,
    Reason.NO_QUOTE,
    Reason.NOT_HEDGING,
    Reason.INSIDE_BAND,
    Reason.OUTSIDE_BAND,
    Reason.WOULD_OVERSHOOT,
    Reason.MARGIN_REDUCTION,
    Reason.FLATTEN,
    Reason.FLAT,
    Reason.PRICE_MOVED,
    Reason.PAST_DEADLINE,
    Reason.RULES_CHANGED,
    Reason.OPTION_INPUT,
    Reason.BAND_INPUT,
    Reason.TARGET_ENDED,
)

# The pairs that the engine can come to: their counters stand at 0 from the start.
DECISION_PAIRS: tuple[tuple[Action, Reason], ...] = (
    (Action.HOLD, Reason.INSIDE_BAND),
    (Action.HOLD, Reason.EXPIRING),
    (Action.HOLD, Reason.FLAT),
    (Action.PLACE, Reason.FLATTEN),
    (Action.PLACE, Reason.OUTSIDE_BAND),
    (Action.PLACE, Reason.ROLL),
    (Action.PLACE, Reason.MARGIN_REDUCTION),
    *((Action.WAIT, reason) for reason in _WAITING),
    *((Action.CANCEL, reason) for reason in _CANCELING),
    *((Action.DENY, reason) for reason in _DENYING),
)


def limits_of(guards: Guards) -> Iterator[tuple[str, str, float]]:
    """(guard, level, value) of every configured limit; `level` is `limit`, or warn, stop, reduce, clear."""
    for item in fields(guards):
        if item.name in NOT_NUMBERS:
            continue
        value, scale = getattr(guards, item.name), SCALES[item.name]
        if isinstance(value, Levels):
            for level in fields(value):
                yield item.name, level.name, float(getattr(value, level.name) * scale)
        else:
            yield item.name, "limit", float(value * scale)
