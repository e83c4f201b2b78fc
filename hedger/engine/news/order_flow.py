"""How news of orders changes the state: fills are booked once, final orders set what their hedge does next."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.guards.gate import note_accepted, note_rejected
from hedger.engine.held.exposure import coins_for, position_of
from hedger.engine.held.money import rate
from hedger.engine.known.ledger import FillContext, basis_bps, book_fill
from hedger.engine.known.movement import Doubt, Evidence
from hedger.engine.known.orders import News, Order, OrderStatus, advance, apply_fill, apply_report, presume, undone
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import AccountView, HedgeState, Reason, State
from hedger.engine.news.executions import we_traded
from hedger.engine.news.markout import await_markout, near
from hedger.model.identity import parse_order_id
from hedger.model.message import OrderAccepted, OrderRejected
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, OrderReport, ReportStatus
from hedger.model.spans import DAY_MS

RETRY_MS = 500


def order_of(state: State, record: OrderReport | Fill) -> Order | None:
    """Our order by our id, or by instrument and the venue's id where a record carries only that."""
    if record.client_order_id is not None:
        return state.orders.get(record.client_order_id)
    named = (o for o in state.orders.values() if o.venue_order_id == record.venue_order_id and o.id == record.id)
    return next(named, None)


def on_news(state: State, policy: Policy, client_order_id: str, news: News) -> State:
    """The state after plain news of one of our orders."""
    before = state.orders.get(client_order_id)
    if before is None:
        return state
    become = presume if news in (News.PROVEN_ABSENT, News.WRITTEN_OFF) else advance
    return put_order(state, policy, before, become(before, news, state.now))


def on_accepted(state: State, policy: Policy, event: OrderAccepted) -> State:
    """The state after the venue acknowledged a create: from now on the order exists, whatever a list may say."""
    before = state.orders.get(event.client_order_id)
    if before is None:
        return state
    order = before
    if is_another(before, event.venue_order_id):
        kept = before.acknowledged or before.filled > 0
        told = "the first one stays ours" if kept else "what the answer to the create named is ours"
        state = _halted(state, before, event.venue_order_id, told)
        if not kept:
            order = replace(before, venue_order_id=None) if before.live else undone(before, state.now)
    after = advance(order, News.ACCEPTED, state.now)
    if after.venue_order_id in (None, event.venue_order_id):
        after = replace(after, venue_order_id=event.venue_order_id, acknowledged=True)
    return note_accepted(put_order(state, policy, before, after), policy, after)


def on_rejected(state: State, policy: Policy, event: OrderRejected) -> State:
    """The state after the venue refused a create: the hedge rests, longer with each refusal in a row, and the
    account's breaker counts it. Its end asks for a new reading, as any end does: a position that was to be reduced
    may be gone."""
    before = state.orders.get(event.client_order_id)
    state = on_news(state, policy, event.client_order_id, News.REFUSED)
    if before is None or before.status is not OrderStatus.SENT:
        return state
    return note_rejected(state, policy, before, event)


def on_report(state: State, policy: Policy, report: OrderReport) -> State:
    """The state after a venue's record of an order; records of foreign orders change nothing.

    One that the venue takes off by itself, and says why, is refused late: the breaker counts that as it would count a
    refusal, and the hedge rests as after any end that nobody asked for."""
    before = order_of(state, report)
    if before is None or before.id != report.id:
        return state
    state, order = _whose(state, before, report)
    if order is None:
        return state
    state = put_order(state, policy, before, after := apply_report(order, report, state.now))
    if report.ended_because is None or after.live or not before.live or before.status is OrderStatus.PENDING_CANCEL:
        return state
    text = "the venue took it off after it had acknowledged it"
    refused = OrderRejected(client_order_id=after.client_order_id, reason=report.ended_because, text=text)
    return note_rejected(state, policy, after, refused)


def on_fill(state: State, policy: Policy, fill: Fill) -> State:
    """The state after an execution: booked in the ledger once; a taker's fill halts the program."""
    before = order_of(state, fill)
    if before is None or before.id != fill.id:
        return state
    state, order = _whose(state, before, fill)
    if order is None or (after := apply_fill(order, fill, state.now)) is order:
        return state
    fill = replace(fill, side=order.side)
    context = _context(state, policy, after, fill)
    state = put_order(state, policy, before, after)
    ledgers = {**state.ledgers, after.hedge: book_fill(state.ledgers[after.hedge], fill, context)}
    state = state._replace(ledgers=ledgers)
    if context.fill_mid is not None:
        state = await_markout(state, after.hedge, fill, context.rate)
    if not fill.maker and state.halted is None:
        text = f"order {after.client_order_id} filled as a taker on {fill.id}; post-only is not honoured"
        state = state._replace(halted=text)
    return state


def as_sent(state: State, fill: Fill) -> Fill:
    """An execution of an order of ours, on the side on which that was sent, whichever the venue tells."""
    order = order_of(state, fill)
    if order is None or order.id != fill.id or is_another(order, fill.venue_order_id) or fill.side is order.side:
        return fill
    return replace(fill, side=order.side)


def is_another(order: Order, venue_order_id: str) -> bool:
    """Whether the venue has given our id to a second order. One intent has one id and is sent once."""
    return order.venue_order_id is not None and order.venue_order_id != venue_order_id


def _whose(state: State, order: Order, record: OrderReport | Fill) -> tuple[State, Order | None]:
    """The order that a record under its id is of; None, where that is another one. Two orders under one id halt.

    What the answer to our create named is ours, and so is what has filled. Where that answer was never heard, and a
    record of another order ended ours without a fill, the one that lives or filled on our terms is counted as ours: to
    leave out what was traded in our name would be the worse error, and a person is asked either way. So is one where a
    record says that our order is on the other side: which way it moves a position is then anybody's guess.
    """
    if not is_another(order, record.venue_order_id):
        if record.side is order.side:
            return state, order
        text = (
            f"order {order.client_order_id} was sent as a {order.side.value} on {order.id}, and the venue tells of a "
        )
        text += f"{record.side.value}: look there which it was, and what the position is"
        return state._replace(halted=state.halted or text), order
    if _fits(order, record):
        text = f"{order.venue_order_id} ended without a fill, and the other one, on our terms, is counted as ours"
        return _halted(state, order, record.venue_order_id, text), undone(order, state.now)
    return _halted(state, order, record.venue_order_id, "the second one is not counted as ours"), None


def _fits(order: Order, record: OrderReport | Fill) -> bool:
    """Whether a record of another order under our id is of an order on our terms that lives or filled, while nothing
    proves that what ended was ours."""
    worse = (record.price - order.price) * order.side.sign > 0
    if not order.ended_unproven or record.side is not order.side or worse:
        return False
    if isinstance(record, Fill):
        return record.quantity <= order.quantity
    return record.quantity == order.quantity and (record.filled > 0 or record.status is ReportStatus.WORKING)


def _halted(state: State, order: Order, venue_order_id: str, told: str) -> State:
    text = f"id {order.client_order_id} on {order.id} is borne by two orders, {order.venue_order_id} and "
    text += f"{venue_order_id}: another hedger with the same tag runs on this account; {told}"
    return state._replace(halted=state.halted or text)


def put_order(state: State, policy: Policy, before: Order, after: Order) -> State:
    """The state with an order changed, its fills in the account's view, and its end in its hedge's memory.

    After a fill, readings are believed again only once the venue's lag has passed; after an order that ended
    without one, the position is what it was, and any reading asked for after the end will do.
    """
    if after is before:
        return state
    gained = after.filled - before.filled
    ended = before.live and not after.live
    accounts = state.accounts
    if gained or ended:
        view = accounts[after.id.account]
        since = dict(view.fills_since)
        since[after.id] = since.get(after.id, ZERO) + gained * after.side.sign
        lag = policy.settle_ms if gained else 0
        barrier = max(view.barrier_at, state.now + lag)
        view = replace(view, barrier_at=barrier, fills_since=since)
        if gained:
            view = we_traded(view, after.id, after.side.sign, state.now)
            view = _without_a_reading(view) if _may_be_in_it(state, view, after, gained) else view
        accounts = {**accounts, after.id.account: view}
    hedges = state.hedges
    if gained:
        notional = state.instruments[after.id].notional(gained, after.price)
        traded = _traded(hedges[after.hedge], state.now, notional)
        hedges = {**hedges, after.hedge: traded}
    if ended:
        hedge = next(h for h in policy.hedges if h.name == after.hedge)
        memory = _after_end(hedges[after.hedge], hedge, before, after, state)
        hedges = {**hedges, after.hedge: memory}
    orders = {**state.orders, after.client_order_id: after}
    return state._replace(orders=orders, accounts=accounts, hedges=hedges)


def _may_be_in_it(state: State, view: AccountView, order: Order, gained: Decimal) -> bool:
    """Whether what an order of an earlier start filled may be in the reading that is believed: it may have filled
    before the first one, which had none before it to be compared with. What a later one has shown is known as ahead."""
    identity = parse_order_id(order.client_order_id)
    earlier = identity is not None and identity.epoch < state.epoch
    return earlier and gained > view.ahead.get(order.id, ZERO) * order.side.sign


def _without_a_reading(view: AccountView) -> AccountView:
    """The view as at a start, with our own fills known: the next reading that is late enough is the first one again."""
    evidence = Evidence(traded=view.evidence.traded)
    return replace(view, reading=None, doubted=None, doubt=Doubt(), ahead={}, clean_cycles=0, evidence=evidence)


def _traded(memory: HedgeState, now: int, notional: Decimal) -> HedgeState:
    """The memory with what was traded today, in quote (a new day begins anew), and no cancel in vain."""
    today = now // DAY_MS
    if memory.day != today:
        return replace(memory, day=today, day_orders=0, day_notional=notional, cancels=())
    return replace(memory, day_notional=memory.day_notional + notional, cancels=())


def _after_end(memory: HedgeState, hedge: Hedge, before: Order, after: Order, state: State) -> HedgeState:
    """A fill clears the count of failures; anything that we did not ask for, or that came late, adds to it."""
    if after.filled > 0:
        coins = coins_for(state, hedge, state.instruments[after.id], after.filled)
        due = (
            None
            if after.margin_reduction or after.roll or after.flatten
            else (abs(after.deviation), coins, after.holding, after.target)
        )
        memory = replace(memory, attempts=0, effect_due=due)
        return _rest(memory, state.now + hedge.execution.cooldown_ms, Reason.RESTING_AFTER_FILL)
    late = before.status is OrderStatus.PENDING_CANCEL and after.changed_at - after.placed_at >= (
        hedge.execution.deadline_ms
    )
    if before.status is OrderStatus.PENDING_CANCEL and not late:
        return memory
    attempts = memory.attempts + 1
    if attempts >= hedge.execution.max_attempts:
        until = state.now + hedge.execution.attempts_cooldown_ms
        return _rest(replace(memory, attempts=0), until, Reason.RESTING_AFTER_ATTEMPTS)
    until = state.now + min(RETRY_MS * 2 ** (attempts - 1), hedge.execution.attempts_cooldown_ms)
    return _rest(replace(memory, attempts=attempts), until, Reason.RESTING_AFTER_ATTEMPTS)


def _rest(memory: HedgeState, until: int, reason: Reason) -> HedgeState:
    return replace(memory, rest_until=max(until, memory.rest_until), rest_reason=reason)


def _context(state: State, policy: Policy, order: Order, fill: Fill) -> FillContext:
    """What was known at the fill: a price of another time values nothing but a fee.

    `state` is from before the fill, though a record of the order may have counted it in the position already; `order`
    is from after it.
    """
    instrument = state.instruments[order.id]
    quote, held = near(state.quotes.get(order.id), fill), state.marks.get(order.id)
    mark = near(held, fill)
    prices: dict[str, Decimal] = {}
    if held is not None:
        prices[instrument.underlying] = instrument.coin_price(held[0].index_price)
    counted = max(ZERO, min(fill.quantity, order.reported - order.booked + fill.quantity))
    position = position_of(state, order.id) - fill.side.sign * counted
    return FillContext(
        decision_mid=order.decision_mid,
        fill_mid=quote.mid_price if quote is not None else None,
        basis_bps=basis_bps(mark.mark_price, mark.index_price) if quote is not None and mark is not None else None,
        opening=fill.side.sign * position >= 0,
        instrument=instrument,
        prices=prices,
        rate=rate(state, next(h for h in policy.hedges if h.name == order.hedge), instrument.quote),
    )
