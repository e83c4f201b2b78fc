"""What of a step goes into the journal: the difference between two states, as rows."""

from __future__ import annotations

from dataclasses import asdict, replace

from hedger.engine.orders import Order
from hedger.engine.state import Action, State
from hedger.engine.step import Result
from hedger.model.message import (
    Event,
    FillsRead,
    FundingRead,
    Halt,
    InstrumentsLoaded,
    Operation,
    OperatorAsked,
    PlaceOrder,
    Stamped,
    Stop,
)
from hedger.model.order import Fill
from hedger.runtime.journal import Row


def rows_of(before: State, stamped: Stamped, result: Result) -> list[Row]:
    """The rows of one step. Market data is in the decisions that it led to, not in rows of its own."""
    after, event = result.state, stamped.event
    rows = _event_rows(before, after, event)
    rows += [Row(after.now, "decision", str(d.decision_id), d) for d in result.decisions]
    if after.orders is not before.orders:
        changed = (o for key, o in after.orders.items() if before.orders.get(key) is not o)
        rows += [Row(after.now, "order", o.client_order_id, o) for o in changed if _worth_a_row(before, o)]
    rows += [
        Row(after.now, "ledger", name, ledger)
        for name, ledger in after.ledgers.items()
        if before.ledgers[name] is not ledger
    ]
    everything = any(isinstance(command, PlaceOrder | Halt | Stop) for command in result.commands)
    rows += [
        Row(after.now, "memory", name, replace(memory, decision=None))
        for name, memory in after.hedges.items()
        if everything or before.hedges[name].day_notional != memory.day_notional
    ]
    rows += [Row(after.now, "halt", c.reason, {}) for c in result.commands if isinstance(c, Halt)]
    return rows


def must_be_durable(result: Result, rows: list[Row]) -> bool:
    """Whether the rows must be on disk before anything else happens: an order leaves, a fill came, or we halt."""
    return any(row.kind in ("fill", "halt", "funding", "operator", "resume") for row in rows) or any(
        decision.action is Action.PLACE for decision in result.decisions
    )


def _worth_a_row(before: State, order: Order) -> bool:
    """Probing an order is not a change of it."""
    old = before.orders.get(order.client_order_id)
    return old is None or (old.status, old.reported, old.booked) != (order.status, order.reported, order.booked)


def _event_rows(before: State, after: State, event: Event) -> list[Row]:
    match event:
        case Fill():
            return _fill_rows(before, after, (event,))
        case FillsRead():
            return _fill_rows(before, after, event.fills)
        case FundingRead():
            seen = before.funding_seen.get(event.account, frozenset())
            new = [p for p in event.payments if p.payment_id not in seen]
            return [Row(after.now, "funding", f"{event.account}/{p.payment_id}", p) for p in new]
        case OperatorAsked():
            kind = "resume" if event.operation is Operation.RESUME else "operator"
            return [Row(after.now, kind, event.operation.value, {"reason": event.reason})]
        case InstrumentsLoaded():
            return [Row(after.now, "instrument", str(i.id), asdict(i)) for i in event.instruments]
        case _:
            return []


def _fill_rows(before: State, after: State, fills: tuple[Fill, ...]) -> list[Row]:
    """The executions that this step counted for the first time."""
    if after.orders is before.orders:
        return []
    counted = {key: o.trade_ids for key, o in before.orders.items()}
    rows = []
    for fill in fills:
        for order in after.orders.values():
            news = order.id == fill.id and fill.trade_id in order.trade_ids
            if news and fill.trade_id not in counted.get(order.client_order_id, ()):
                known = replace(fill, client_order_id=order.client_order_id)
                rows.append(Row(after.now, "fill", f"{fill.id}/{fill.trade_id}", known))
    return rows
