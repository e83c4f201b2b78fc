"""What of a step goes into the journal: the difference between two states, as rows."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

from hedger.engine.known.orders import Order
from hedger.engine.known.state import Action, Decision, HedgeState, State
from hedger.engine.step import Result
from hedger.model.account import FundingPayment
from hedger.model.message import (
    Event,
    FillsRead,
    FundingRead,
    Halt,
    InstrumentsLoaded,
    Operation,
    OperatorAsked,
    OrderWrittenOff,
    PlaceOrder,
    Stamped,
    Stop,
    VenueQuieted,
)
from hedger.model.order import Fill
from hedger.runtime.funding import paid_on
from hedger.runtime.inputs import Recorder
from hedger.runtime.journal import Row
from hedger.runtime.kept_books import book_rows
from hedger.runtime.quieted import quiet_row

_DURABLE = frozenset({"fill", "flatten", "halt", "funding", "operator", "resume", "quiet", "trip"})
_DECIDED = tuple(field.name for field in fields(Decision))


def rows_of(before: State, stamped: Stamped, result: Result, recorder: Recorder | None = None) -> list[Row]:
    """The rows of one step. Market data is in the decisions that it led to, not in rows of its own.

    With a `recorder`, decisions come with what they were made on.
    """
    after, event = result.state, stamped.event
    rows = _event_rows(before, after, event)
    if result.decisions:
        rows += _decision_rows(before, stamped, result, recorder)
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
        if everything or _counts(before.hedges[name]) != _counts(memory)
    ]
    stops = any(isinstance(command, Stop) for command in result.commands)
    rows += [Row(after.now, *kept) for kept in book_rows(before, after, everything=stops)]
    if after.accounts is not before.accounts:
        rows += _trip_rows(before, after)
    if after.flattening is not before.flattening:
        latched = ((name, one) for name, one in after.flattening.items() if before.flattening.get(name) != one)
        rows += [Row(after.now, "flatten", name, one) for name, one in latched]
    rows += [Row(after.now, "change", f"{change.account}/{change.what}", change) for change in result.changes]
    rows += [Row(after.now, "halt", c.reason, {}) for c in result.commands if isinstance(c, Halt)]
    return rows


def _counts(memory: HedgeState) -> tuple[object, ...]:
    """What of a hedge's memory is written when it changes, and not only when an order leaves."""
    return memory.day_notional, memory.cost_day


def _trip_rows(before: State, after: State) -> list[Row]:
    """Breakers that opened by themselves: how often they did in a day must outlive the process."""
    return [
        Row(after.now, "trip", name, {"cause": view.breaker.cause})
        for name, view in after.accounts.items()
        if view.breaker.tripped > before.accounts[name].breaker.tripped
    ]


def must_be_durable(result: Result, rows: list[Row]) -> bool:
    """Whether the rows must be on disk before anything else happens: an order leaves, a fill came, we
    halt, a person or a venue asked for something, or a breaker tripped."""
    return any(row.kind in _DURABLE for row in rows) or any(
        decision.action is Action.PLACE for decision in result.decisions
    )


def decision_body(decision: Decision, digest: str | None) -> dict[str, object]:
    """A decision as its row has it: what was decided, and the digest of what it was decided on."""
    return {**{name: getattr(decision, name) for name in _DECIDED}, "input": digest}


def _decision_rows(before: State, stamped: Stamped, result: Result, recorder: Recorder | None) -> list[Row]:
    """One input for all decisions of the step: the first row brings it."""
    digest, inputs = recorder.document(before, stamped) if recorder is not None else (None, ())
    bodies = [(d.decision_id, decision_body(d, digest)) for d in result.decisions]
    return [
        Row(result.state.now, "decision", str(id), body, () if place else inputs)
        for place, (id, body) in enumerate(bodies)
    ]


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
            return _funding_rows(before, after, event)
        case OperatorAsked():
            return [_operator_row(after, event)]
        case OrderWrittenOff():
            return [Row(after.now, "operator", f"write_off/{event.client_order_id}", {"reason": event.reason})]
        case InstrumentsLoaded():
            return _rules_rows(before, after, event)
        case VenueQuieted():
            return [quiet_row(after.now, event)]
        case _:
            return []


def _operator_row(after: State, event: OperatorAsked) -> Row:
    """What a person asked for. A flatten of everything pauses the program too, and one row says both."""
    match event.operation:
        case Operation.RESUME:
            return Row(after.now, "resume", event.operation.value, {"reason": event.reason})
        case Operation.FLATTEN:
            key = "flatten" if event.names else "flatten_all"
            return Row(after.now, "operator", key, {"reason": event.reason, "hedges": event.names})
        case Operation.ACKNOWLEDGE:
            return Row(after.now, "operator", f"acknowledge/{','.join(event.names)}", {"reason": event.reason})
        case _:
            return Row(after.now, "operator", event.operation.value, {"reason": event.reason})


def _rules_rows(before: State, after: State, event: InstrumentsLoaded) -> list[Row]:
    """The rules that are not what they were: they are read again every hour, and seldom change."""
    changed = (i for i in event.instruments if after.instruments.get(i.id) == i != before.instruments.get(i.id))
    return [Row(after.now, "instrument", str(i.id), asdict(i)) for i in changed]


def _funding_rows(before: State, after: State, event: FundingRead) -> list[Row]:
    """The payments that this step counted for the first time: the first of those that bear one id."""
    old, known = (state.funding_seen.get(event.account, frozenset()) for state in (before, after))
    new: dict[str, FundingPayment] = {}
    for payment in event.payments:
        if payment.payment_id in known - old:
            new.setdefault(payment.payment_id, payment)
    return [Row(after.now, "funding", f"{event.account}/{id}", paid_on(after, paid)) for id, paid in new.items()]


def _fill_rows(before: State, after: State, fills: tuple[Fill, ...]) -> list[Row]:
    """The executions that this step counted for the first time."""
    if after.orders is before.orders:
        return []
    counted = {key: o.trade_ids for key, o in before.orders.items()}
    rows = []
    for fill in dict.fromkeys(fills):  # a venue may list one twice
        for order in after.orders.values():
            news = _is_of(fill, order) and fill.trade_id in order.trade_ids
            if news and fill.trade_id not in counted.get(order.client_order_id, ()):
                known = replace(fill, client_order_id=order.client_order_id)
                rows.append(Row(after.now, "fill", f"{fill.id}/{fill.venue_order_id}/{fill.trade_id}", known))
    return rows


def _is_of(fill: Fill, order: Order) -> bool:
    """Whether an execution is this order's: two orders may bear the same trade id, as a venue numbers them."""
    if fill.client_order_id is not None:
        return fill.client_order_id == order.client_order_id
    return fill.id == order.id and fill.venue_order_id == order.venue_order_id
