"""A decision as one JSON-able line, for programs that read what the hedger does."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.known.state import Decision
from hedger.model.message import PlaceOrder
from hedger.model.numeric import plain
from hedger.ops.figures import iso

Line = dict[str, str | int | None]


def decision_line(decision: Decision) -> Line:
    """The decision under stable keys. Decimals are plain strings; what was not known is None.

    `band` is `lower..upper` in coins around the target; `order` is `place` or `cancel` where one was sent.
    """
    order = decision.order
    placed = order if isinstance(order, PlaceOrder) else None
    exposure = decision.exposure
    return {
        "at": iso(decision.at),
        "decision_id": decision.decision_id,
        "hedge": decision.hedge,
        "mode": decision.mode.value,
        "action": decision.action.value,
        "reason": decision.reason.value,
        "net_delta": _plain(exposure.delta if exposure else None),
        "target": _plain(decision.target),
        "deviation": _plain(decision.deviation),
        "band": _band(decision),
        "instrument": str(order.id) if order else None,
        "side": placed.side.value if placed else None,
        "quantity": _plain(placed.quantity if placed else None),
        "price": _plain(placed.price if placed else None),
        "client_order_id": order.client_order_id if order else None,
        "detail": decision.detail,
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _band(decision: Decision) -> str | None:
    if decision.lower is None or decision.upper is None:
        return None
    return f"{plain(-decision.lower)}..{plain(decision.upper)}"
