"""What a reading says of orders, and what is asked so that every order's fate becomes known."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.held.rules import ask_for_rules
from hedger.engine.known.orders import News, Order, OrderStatus, advance
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import AccountView, Mode, State
from hedger.engine.news.belief import believe
from hedger.engine.news.changes import pursue
from hedger.engine.news.order_flow import is_another, on_news, on_report, order_of
from hedger.model.identity import parse_order_id
from hedger.model.message import (
    AccountRead,
    CancelAnswered,
    CancelOrder,
    Command,
    Event,
    FillsRead,
    FindOrder,
    OrderNotFound,
    ReadAccount,
    ReadFills,
)
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, OrderReport, ReportStatus

PROOF_LAG_MS = 10_000
FORGETFUL_MS = 2 * 3_600_000
SILENCE_MS = 30_000
KEEP_FINAL_MS = 120_000
KEEP_PRESUMED_MS = 7 * 86_400_000
MOST_PRESUMED = 100
PROBE_AFTER_MS = (500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000)
CANCEL_AFTER_MS = (1_000, 2_000, 5_000, 10_000, 30_000)


def successor(state: State, policy: Policy, event: Event) -> str | None:
    """An id in the event with our tag from a later start than this one: that process owns the book now, and we must
    not touch it any more. None where there is none."""
    match event:
        case AccountRead():
            names = [report.client_order_id for report in event.reading.open_orders]
        case FillsRead():
            names = [fill.client_order_id for fill in event.fills]
        case OrderReport() | Fill():
            names = [event.client_order_id]
        case _:
            return None
    identities = ((name, parse_order_id(name)) for name in names if name is not None)
    later = (name for name, i in identities if i is not None and i.bot == policy.bot and i.epoch > state.epoch)
    return next(later, None)


def superseded(state: State, client_order_id: str) -> State:
    """The state of a process that has seen its successor: halted, ended, and without another word to a venue."""
    text = f"order {client_order_id} carries our tag from a later start: another hedger has taken over this account"
    return state._replace(superseded=True, halted=text, stopped=True)


def on_reading(state: State, policy: Policy, event: AccountRead) -> State:
    """The state after a complete reading: evidence about orders first, then belief in the rest."""
    reading = event.reading
    for report in reading.open_orders:
        state = _if_still_listed(on_report(state, policy, report), policy, event.requested_at, report)
    state = _find_strangers(state, policy, event)
    state = _note_absences(state, event)
    return believe(state, policy, event)


def _if_still_listed(state: State, policy: Policy, requested_at: int, report: OrderReport) -> State:
    """The state in which an order lives again of which the venue said that it ended, and which it lists long after: it
    may fill, so it is reserved, and goes off the book."""
    order = order_of(state, report)
    if order is None or is_another(order, report.venue_order_id) or report.status is not ReportStatus.WORKING:
        return state
    may_fill = order.filled < order.quantity and report.filled < report.quantity
    if order.live or not may_fill or requested_at <= order.changed_at + SILENCE_MS:
        return state
    return on_news(state, policy, order.client_order_id, News.STILL_LISTED)


def _find_strangers(state: State, policy: Policy, event: AccountRead) -> State:
    """Adopt orphans of earlier starts, to cancel them; an id of ours from a start that is not ours halts."""
    for report in event.reading.open_orders:
        identity = parse_order_id(report.client_order_id or "")
        if identity is None or identity.bot != policy.bot or report.client_order_id in state.orders:
            continue
        if not state.first_epoch <= identity.epoch < state.epoch:
            text = f"order {report.client_order_id} on {report.id} carries our tag but is not in the journal: "
            text += "another hedger with the same tag runs on this account, or the journal was lost; "
            text += "stop the other one or restore the journal; an order that nobody knows, cancel it at the venue"
            state = state._replace(halted=state.halted or text)
        else:
            state = _adopt(state, report)
    return state


def _adopt(state: State, report: OrderReport) -> State:
    names = state.hedges_of_instrument.get(report.id)
    if names is None or report.client_order_id is None:
        return state
    order = Order(
        client_order_id=report.client_order_id,
        id=report.id,
        hedge=names[0],
        side=report.side,
        quantity=report.quantity,
        price=report.price,
        reduce_only=report.reduce_only,
        decision_id=0,
        decision_mid=None,
        deviation=ZERO,
        holding=ZERO,
        margin_reduction=False,
        placed_at=state.now,
        ttl_ms=0,
        status=OrderStatus.OPEN,
        venue_order_id=report.venue_order_id,
        reported=report.filled,
        booked=report.filled,
        changed_at=state.now,
        adopted_at=report.exchange_at,
    )
    return state._replace(orders={**state.orders, order.client_order_id: order})


def _note_absences(state: State, event: AccountRead) -> State:
    """Remember when a complete list of open orders last lacked an order, unless a later one has it again: half of a
    proof, and a cause to ask."""
    listed = {report.client_order_id for report in event.reading.open_orders}
    again = [o for name in listed if name and (o := state.orders.get(name)) and 0 < o.absent_at < event.requested_at]
    missing = [
        order
        for order in state.orders.values()
        if order.live
        and order.status is not OrderStatus.SENT
        and order.id.account == event.reading.account
        and order.client_order_id not in listed
        and event.requested_at > order.changed_at
    ]
    if not missing and not again:
        return state
    orders = {o.client_order_id: replace(o, absent_at=event.requested_at) for o in missing}
    orders |= {o.client_order_id: replace(o, absent_at=0) for o in again}
    return state._replace(orders={**state.orders, **orders})


def on_not_found(state: State, policy: Policy, event: OrderNotFound) -> State:
    """Not found proves nothing by itself: it is one of the four proofs of absence, and where the order was known to
    rest, a complete list of open orders that lacks it too makes its fate unknown."""
    order = state.orders.get(event.client_order_id)
    if order is None or not order.live:
        return state
    if order.status is not OrderStatus.UNKNOWN:
        vanished = min(event.requested_at, order.absent_at) > order.changed_at + PROOF_LAG_MS
        return on_news(state, policy, order.client_order_id, News.VANISHED) if vanished else state
    return _ended_if_proven(state, policy, replace(order, missing_at=event.requested_at))


def on_cancel_answered(state: State, policy: Policy, event: CancelAnswered) -> State:
    """A cancel that the venue took tells that the order exists; that it knows none is the last of the four proofs."""
    order = state.orders.get(event.client_order_id)
    if order is None or order.status is not OrderStatus.UNKNOWN:
        return state
    after = replace(order, admitted=True) if event.known else replace(order, denied_at=order.cancel_at)
    return _ended_if_proven(state, policy, after)


def on_fills_listed(state: State, policy: Policy, event: FillsRead) -> State:
    """A complete list of fills since before an unknown order was sent, its own booked already: it has no others. The
    same list says whether an order that a record under our id ended was ours."""
    since_at = event.since_at - state.accounts[event.id.account].offset_ms
    for order in tuple(state.orders.values()):
        if order.id != event.id or since_at >= order.placed_at:
            continue
        listed = replace(order, unfilled_at=event.requested_at)
        if order.status is OrderStatus.UNKNOWN:
            state = _ended_if_proven(state, policy, listed)
        elif order.ended_unproven:
            state = state._replace(orders={**state.orders, order.client_order_id: listed})
    return state


def _ended_if_proven(state: State, policy: Policy, order: Order) -> State:
    """The state with what is known of an unknown order, which ends once all four proofs are from after the time when
    it could still arrive: it is not among the open orders, not found by its id, has no fill, and cannot be canceled.
    """
    state = state._replace(orders={**state.orders, order.client_order_id: order})
    if min(_looked_for(order), order.denied_at) > _proven_at(order):
        return on_news(state, policy, order.client_order_id, News.PROVEN_ABSENT)
    return state


def _looked_for(order: Order) -> int:
    """Since when an order was looked for in vain in all three ways of looking."""
    return min(order.absent_at, order.missing_at, order.unfilled_at)


def _proven_at(order: Order) -> int:
    """From when on proofs of absence count: a create can be accepted no more, and its record is not late. An order
    that the venue acknowledged exists, and venues forget such for up to an hour after they showed it last. It is
    reserved so long, and blocks nothing.
    """
    arrived_at = order.placed_at + order.ttl_ms + PROOF_LAG_MS
    known = order.venue_order_id is not None or order.admitted
    return max(arrived_at, order.changed_at + FORGETFUL_MS) if known else arrived_at


# --- on the clock's beat --------------------------------------------------------------------------------------------


def ask_around(state: State, policy: Policy) -> tuple[State, list[Command]]:
    """What must be asked now: readings after the barrier, the fate of unknown orders, fills not yet seen."""
    commands: list[Command] = []
    accounts = dict(state.accounts)
    for name, view in state.accounts.items():
        waits = not view.settled and view.asked_at <= view.barrier_at
        waits = waits or (not state.reconciled and view.asked_at <= view.believed_at and _owes_readings(view, policy))
        doubts = view.doubted is not None and view.asked_at < view.doubt.confirm_at <= state.now
        if (waits or doubts) and state.now > view.barrier_at:
            accounts[name] = replace(view, asked_at=state.now)
            commands.append(ReadAccount(account=name))
    orders = dict(state.orders)
    for order in state.orders.values():
        tended, asked = _ask_about(state, policy, order)
        commands += asked
        if tended is None:
            del orders[order.client_order_id]
        elif tended is not order:
            orders[order.client_order_id] = tended
    state, fills = pursue(state._replace(accounts=accounts, orders=_without_oldest(orders)))
    state, rules = ask_for_rules(state)
    return state, commands + fills + rules


def _without_oldest(orders: dict[str, Order]) -> dict[str, Order]:
    """The orders without the oldest of those that are kept for days because their end was only presumed."""
    presumed = [o for o in orders.values() if o.presumed and not o.live and not o.fills_missing]
    if len(presumed) <= MOST_PRESUMED:
        return orders
    gone = {o.client_order_id for o in sorted(presumed, key=lambda o: o.changed_at)[:-MOST_PRESUMED]}
    return {name: order for name, order in orders.items() if name not in gone}


def _owes_readings(view: AccountView, policy: Policy) -> bool:
    """Whether an account must be read out of turn to be reconciled. What keeps the program waiting after that, as an
    order of unknown fate does, is not mended by reading as fast as the venue answers."""
    return view.clean_cycles < policy.clean_cycles


def _ask_about(state: State, policy: Policy, order: Order) -> tuple[Order | None, list[Command]]:
    """One order, a beat later: (None when it can be forgotten), and what to ask or ask again."""
    if not order.live:
        unlisted = order.ended_unproven and order.unfilled_at <= order.changed_at + PROOF_LAG_MS
        if (order.fills_missing or unlisted) and _due(order.probed_at, order.probes, PROBE_AFTER_MS, state.now):
            return _probed(order, state.now), [_fills_of(state, order)]
        presumed = order.presumed and order.status is OrderStatus.REJECTED
        keep_ms = KEEP_PRESUMED_MS if presumed or unlisted else KEEP_FINAL_MS
        forget = not order.fills_missing and state.now - order.changed_at > keep_ms
        return (None if forget else order), []
    if order.status is OrderStatus.SENT:
        lost = state.now - order.placed_at > order.ttl_ms + SILENCE_MS
        return (advance(order, News.LOST, state.now) if lost else order), []
    cancel_due = policy.sends and _due(order.cancel_at, order.cancels, CANCEL_AFTER_MS, state.now)
    if order.status is OrderStatus.PENDING_CANCEL and cancel_due:
        again = replace(order, cancel_at=state.now, cancels=order.cancels + 1)
        return again, [_cancel(order), FindOrder(id=order.id, client_order_id=order.client_order_id)]
    if order.status is OrderStatus.OPEN and policy.sends and _must_go(state, order):
        return replace(advance(order, News.CANCEL_SENT, state.now), cancel_at=state.now), [_cancel(order)]
    if order.status is OrderStatus.UNKNOWN:
        return _ask_about_unknown(state, order)
    doubtful = order.absent_at > order.changed_at
    if doubtful and _due(order.probed_at or order.changed_at, order.probes, PROBE_AFTER_MS, state.now):
        return _probed(order, state.now), [FindOrder(id=order.id, client_order_id=order.client_order_id)]
    if order.fills_missing and _due(order.probed_at, order.probes, PROBE_AFTER_MS, state.now):
        return _probed(order, state.now), [_fills_of(state, order)]
    return order, []


def _ask_about_unknown(state: State, order: Order) -> tuple[Order, list[Command]]:
    """Look for it by its id; once it can arrive no more, at its fills too, and as a last proof try to cancel it."""
    provable = state.now > _proven_at(order)
    if provable and _looked_for(order) > _proven_at(order) and order.cancel_at < _looked_for(order):
        return replace(order, cancel_at=state.now, cancels=order.cancels + 1), [_cancel(order)]
    first = provable and order.probed_at <= _proven_at(order)
    if not first and not _due(order.probed_at or order.changed_at, order.probes, PROBE_AFTER_MS, state.now):
        return order, []
    commands: list[Command] = [FindOrder(id=order.id, client_order_id=order.client_order_id)]
    if provable or order.fills_missing:
        commands.append(_fills_of(state, order))
    if _unwanted(state, order):
        commands.append(_cancel(order))
        order = replace(order, cancel_at=state.now, cancels=order.cancels + 1)
    return replace(order, probed_at=state.now, probes=order.probes if first else order.probes + 1), commands


def _unwanted(state: State, order: Order) -> bool:
    """Whether an order of unknown fate should be canceled in case it lives: nothing of ours may rest now."""
    return order.status is OrderStatus.UNKNOWN and state.mode in (Mode.HALTED, Mode.DRAINING, Mode.CANCEL_ONLY)


def _must_go(state: State, order: Order) -> bool:
    """Whether an open order has no business in the book: of an earlier start, or not the newest of its hedge."""
    identity = parse_order_id(order.client_order_id)
    if identity is not None and identity.epoch < state.epoch:
        return True
    return any(o.hedge == order.hedge and o.live and o.placed_at > order.placed_at for o in state.orders.values())


def _fills_of(state: State, order: Order) -> ReadFills:
    """Every fill that the order can have, by the venue's clock; each time further back, in case clocks were wrong."""
    placed_at = order.placed_at + state.accounts[order.id.account].offset_ms
    return ReadFills(id=order.id, since_at=placed_at - SILENCE_MS * 2 ** min(order.probes, 12))


def _cancel(order: Order) -> CancelOrder:
    return CancelOrder(id=order.id, client_order_id=order.client_order_id, venue_order_id=order.venue_order_id)


def _probed(order: Order, now: int) -> Order:
    return replace(order, probed_at=now, probes=order.probes + 1)


def _due(last_at: int, times: int, schedule: tuple[int, ...], now: int) -> bool:
    return now - last_at >= schedule[min(times, len(schedule) - 1)]
