"""Each guard of a hedge as a person sees it: what it watches, its limit, where it stands now, and whether it stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from typing import Any

from hedger.engine.guards.limits import EVALUATED, WITHOUT_SETTING
from hedger.engine.known.policy import Guards, Hedge, Levels
from hedger.engine.known.state import Action, Reason, Severity, State
from hedger.model.numeric import plain
from hedger.ops import guard_values as measured
from hedger.ops.guard_limits import SCALES
from hedger.ops.words import REASON_WORDS

UNITS: dict[str, str] = {
    **dict.fromkeys(("quote_age", "mark_age", "account_age", "expiring"), "ms"),
    **dict.fromkeys(("mark_collar", "index_collar", "spread", "basis", "price_drift"), "bp"),
    **dict.fromkeys(("depth", "order_notional", "daily_notional", "daily_cost"), "quote"),
    **dict.fromkeys(("adverse_funding", "basis_yearly"), "ratio a year"),
    **dict.fromkeys(("margin_ratio", "liquidation_distance"), "ratio"),
    **dict.fromkeys(("orders_per_minute", "orders_per_day", "cancels_per_hour", "futile_hedges", "leverage"), "count"),
    "position": "coins",
    "margin_mode": "mode",
}
# The finest step that is told: what is finer would be sent again with every event, and nobody reads it.
_STEPS = {
    "ms": Decimal(100),
    "bp": Decimal("0.1"),
    "quote": Decimal(1),
    "ratio a year": Decimal("0.0001"),
    "ratio": Decimal("0.000001"),
    "coins": Decimal("0.00000001"),
    "count": Decimal(1),
}
_STOPPING = frozenset({Action.DENY, Action.CANCEL})


def guard_limits(guards: Guards) -> dict[str, dict[str, Any]]:
    """Each guard with what it says when it stops, its unit, and its limit or its levels. What has no setting has
    neither."""
    rows: dict[str, dict[str, Any]] = {}
    for item in fields(guards):
        value = getattr(guards, item.name)
        row: dict[str, Any] = {"words": REASON_WORDS[Reason(item.name)], "unit": UNITS[item.name]}
        if isinstance(value, Levels):
            row["levels"] = {level.name: plain(getattr(value, level.name)) for level in fields(value)}
        else:
            row["limit"] = plain(value) if isinstance(value, Decimal) else str(value)
        rows[item.name] = row
    return rows | {name: {"words": REASON_WORDS[Reason(name)], "unit": None} for name in sorted(WITHOUT_SETTING)}


def guard_states(state: State, hedge: Hedge) -> dict[str, str]:
    """The guards that are not clear: warn, stop or reduce. Of one without levels, whether the last decision met it."""
    memory = state.hedges[hedge.name]
    levelled = {"margin_ratio": memory.margin_severity, "liquidation_distance": memory.liquidation_severity}
    stopping = _stopping(state, hedge)
    if stopping in EVALUATED | WITHOUT_SETTING:
        levelled[stopping] = max(levelled.get(stopping, Severity.CLEAR), Severity.STOP)
    return {name: severity.name.lower() for name, severity in levelled.items() if severity is not Severity.CLEAR}


def guard_values(state: State, hedge: Hedge) -> dict[str, str]:
    """Where the guards stand that are known without an order, in the unit of their limit."""
    return dict(_values(state, hedge))


def _values(state: State, hedge: Hedge) -> Iterator[tuple[str, str]]:
    for name, value in measured.guard_values(state, hedge).items():
        if value is not None:
            step = _STEPS[UNITS[name]]
            yield name, plain((Decimal(value) / SCALES[name] / step).to_integral_value() * step)


def _stopping(state: State, hedge: Hedge) -> str:
    """The reason of the hedge's last decision, where that stopped something; else ""."""
    decision = state.hedges[hedge.name].decision
    return decision.reason.value if decision is not None and decision.action in _STOPPING else ""
