"""The one decision path: fold the event, then mode, exposure, target, band, quote and guards, then commands.

`step` is pure. It runs the same live, on paper, in replay and in simulation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hedger.engine.decision.decide import decide
from hedger.engine.decision.facts import Facts, gather
from hedger.engine.decision.flatten import proven_flat
from hedger.engine.decision.kept import remembered
from hedger.engine.decision.verdict import Draft, Verdict
from hedger.engine.guards.anew import after_gap
from hedger.engine.guards.conduct import canceled, day_opened, priced
from hedger.engine.guards.gate import note_sent, on_beat
from hedger.engine.guards.margin import judge_margin
from hedger.engine.guards.mode import with_mode
from hedger.engine.held.freshness import is_unseen
from hedger.engine.held.greeks_check import greeks_checked
from hedger.engine.known.orders import News, Order, advance
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import Action, Change, Decision, HedgeState, Mode, Reason, State
from hedger.engine.news.fold import fold, touched
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    AccountRead,
    CancelOrder,
    Command,
    Halt,
    PlaceOrder,
    PolicyChanged,
    Stamped,
    Stop,
    TimePassed,
)
from hedger.model.numeric import ZERO
from hedger.model.spans import DAY_MS, MINUTE_MS

SHADOW_REST_MS = 30_000


class Result(NamedTuple):
    """What a step comes to: the next state, what to do, and the decisions and changes worth telling."""

    state: State
    commands: tuple[Command, ...]
    decisions: tuple[Decision, ...]
    changes: tuple[Change, ...] = ()


def step(state: State, stamped: Stamped, policy: Policy) -> Result:
    """The next state and the commands that one event leads to."""
    at, event = stamped
    was_halted = state.halted
    if state.changes:
        state = state._replace(changes=())
    now = at if at > state.now else state.now
    gap = now - state.now > policy.gap_ms and state.mode is not Mode.BOOT
    if gap:
        state = after_gap(state, now)
    was_superseded = state.superseded
    state, asked = fold(state, now, policy, event)
    if state.superseded:
        state = with_mode(state, policy)
        return Result(state, () if was_superseded else (Halt(reason=state.halted or ""),), (), ())
    commands: list[Command] = list(asked)
    if isinstance(event, AccountRead):
        state = greeks_checked(_judge_margins(state, policy), policy)
    elif isinstance(event, PolicyChanged):  # the levels of its guards may be others
        state = _judge_margins(state, policy)
    elif isinstance(event, TimePassed):
        state, extended = on_beat(state, policy, event.lag_ms)
        commands += extended
    if gap or not isinstance(event, Quote | Mark):
        state = with_mode(state, policy)
    decisions: list[Decision] = []
    names = touched(state, event)
    for hedge in policy.hedges:
        if hedge.name in names:
            state = _look(state, policy, hedge, commands, decisions)
    if state.halted is not None and was_halted is None:
        state = with_mode(state, policy)
        commands.append(Halt(reason=state.halted or ""))
    if state.mode is Mode.DRAINING and not state.stopped and (_all_off(state) or not policy.sends):
        state = state._replace(stopped=True)
        commands.append(Stop(reason=state.draining or ""))
    return Result(state, tuple(commands), tuple(decisions), state.changes)


def _judge_margins(state: State, policy: Policy) -> State:
    """Judge every hedge's margin before any of them decides: they may share an account."""
    judged = {h.name: judge_margin(state, h, state.hedges[h.name]) for h in policy.hedges}
    same = all(memory is state.hedges[name] for name, memory in judged.items())
    return state if same else state._replace(hedges={**state.hedges, **judged})


# --- one hedge ------------------------------------------------------------------------------------------------------


def _look(
    state: State,
    policy: Policy,
    hedge: Hedge,
    commands: list[Command],
    decisions: list[Decision],
) -> State:
    """Look at one hedge: watch its band, decide, and turn the verdict into a record and, if it acts, a command."""
    before, facts = state.hedges[hedge.name], gather(state, hedge)
    memory = _remembered(state, hedge, facts)
    if memory.futile >= hedge.guards.futile_hedges and facts is not None and state.halted is None:
        text = f"hedge {hedge.name}: {memory.futile} filled orders in a row left the deviation where it was"
        state = with_mode(state._replace(halted=text), policy)
    verdict = decide(state, hedge, memory, facts)
    if verdict.cancel is not None and not policy.sends:
        text = "an order of an earlier start rests, and shadow cancels nothing"
        verdict = Verdict(Action.WAIT, Reason.ORDER_WORKING, text)
    if verdict.reason is Reason.FLAT:
        state = proven_flat(state, hedge.name)
    if _same(memory.decision, verdict, state.mode):
        return state if memory is before else _keep(state, hedge, memory)
    command = _command(state, policy, hedge, verdict)
    decision = _record(state, hedge, facts, verdict, command)
    decisions.append(decision)
    memory = replace(memory, decision=decision)
    state = state._replace(next_decision=state.next_decision + 1)
    if verdict.draft is not None and isinstance(command, PlaceOrder):
        if state.mode is Mode.SHADOW:
            rest = state.now + SHADOW_REST_MS
            return _keep(state, hedge, replace(memory, rest_until=rest, rest_reason=Reason.NOT_HEDGING))
        state, memory = _reserve(state, memory, _order(state, hedge, facts, verdict.draft, command))
    elif verdict.cancel is not None:
        state, memory = _going(state, verdict.cancel), canceled(memory, state.now)
    if command is not None:
        commands.append(command)
    return _keep(state, hedge, memory)


def _remembered(state: State, hedge: Hedge, facts: Facts | None) -> HedgeState:
    """What is known of a hedge once this look at it is counted in."""
    memory = day_opened(state.hedges[hedge.name], state.ledgers[hedge.name], state.now)
    if facts is None:
        return memory
    return _judge_effect(remembered(state, hedge, _watch(memory, facts, state), facts), hedge, facts, state)


def _same(last: Decision | None, verdict: Verdict, mode: Mode) -> bool:
    """Whether a verdict says nothing that the last decision did not: then it is not told again."""
    if last is None or verdict.draft is not None or verdict.cancel is not None:
        return False
    return last.action is verdict.action and last.reason is verdict.reason and last.mode is mode


def _watch(memory: HedgeState, facts: Facts, state: State) -> HedgeState:
    """Count the time outside the band, and the largest delta and deviation seen."""
    delta = abs(facts.exposure.delta)
    if delta > memory.max_abs_delta:
        memory = replace(memory, max_abs_delta=delta)
    deviation = abs(facts.deviation)
    if deviation > memory.max_abs_deviation:
        memory = replace(memory, max_abs_deviation=deviation)
    if facts.inside and memory.outside_since is not None:
        spell = state.now - memory.outside_since
        return replace(memory, outside_since=None, outside_ms=memory.outside_ms + spell)
    if not facts.inside and memory.outside_since is None:
        return replace(memory, outside_since=state.now)
    return memory


def _judge_effect(memory: HedgeState, hedge: Hedge, facts: Facts, state: State) -> HedgeState:
    """Once a settled reading shows what a filled hedge did, count it as futile or start the count anew.

    Where the holding moved meanwhile nothing can be said, and nothing is counted. Up to a quarter of what was filled it
    may have moved: coins that are margin do with every price, and half a fill is what divides the verdicts. What the
    price does to options is no fault of the order: `target` is what was wanted beside them. A hedge in other coins is
    seen by the coin that is furthest out: where that is another one now, its deviation says nothing of the order.
    """
    if memory.effect_due is None or facts.exposure.options.flaw is not None:
        return memory
    if hedge.name in state.flattening:  # what it did before is undone on purpose
        return replace(memory, effect_due=None)
    looked_at = state.accounts_of_hedge[hedge.name]
    if not all(state.accounts[account].settled or is_unseen(state, hedge, account) for account in looked_at):
        return memory
    before, filled, holding, target = memory.effect_due
    elsewhere = hedge.cross is not None and memory.prices and memory.prices[-1].id != facts.instrument.id
    if elsewhere or abs(facts.exposure.holding - holding) > filled / 4:
        return replace(memory, effect_due=None)
    futile = abs(facts.exposure.delta - facts.exposure.options.delta - target) > before - filled / 2
    return replace(memory, effect_due=None, futile=memory.futile + 1 if futile else 0)


def _command(state: State, policy: Policy, hedge: Hedge, verdict: Verdict) -> PlaceOrder | CancelOrder | None:
    """What a verdict asks of the venue; an order gets its id here, and the number of the decision."""
    if verdict.cancel is not None:
        order = verdict.cancel
        return CancelOrder(id=order.id, client_order_id=order.client_order_id, venue_order_id=order.venue_order_id)
    if verdict.draft is None:
        return None
    identity = OrderIdentity(bot=policy.bot, epoch=state.epoch, sequence=state.next_sequence)
    return PlaceOrder(
        id=verdict.draft.instrument.id,
        client_order_id=format_order_id(identity),
        side=verdict.draft.side,
        quantity=verdict.draft.quantity,
        price=verdict.draft.price,
        reduce_only=verdict.draft.reduce_only,
        ttl_ms=hedge.execution.ttl_ms,
        decision_id=state.next_decision,
    )


def _record(
    state: State, hedge: Hedge, facts: Facts | None, verdict: Verdict, command: PlaceOrder | CancelOrder | None
) -> Decision:
    """The record of a verdict. An order that flattens is priced by its own instrument, whatever else is chosen."""
    quote, mark = (facts.quote, facts.mark) if facts else (None, None)
    draft = verdict.draft
    if draft is not None and draft.flatten:
        quote, mark = state.quotes[draft.instrument.id][0], state.marks[draft.instrument.id][0]
    return Decision(
        decision_id=state.next_decision,
        at=state.now,
        hedge=hedge.name,
        mode=state.mode,
        action=verdict.action,
        reason=verdict.reason,
        detail=verdict.detail,
        exposure=facts.exposure if facts else None,
        target=facts.target if facts else None,
        deviation=facts.deviation if facts else None,
        upper=facts.edges.upper if facts else None,
        lower=facts.edges.lower if facts else None,
        quote=quote,
        mark=mark,
        order=command,
        notional=draft.instrument.notional(draft.quantity, draft.price) if draft is not None else None,
    )


def _order(state: State, hedge: Hedge, facts: Facts | None, draft: Draft, command: PlaceOrder) -> Order:
    """The order as it is remembered. One that only flattens needs no facts of its hedge, and nothing is judged by
    them."""
    return Order(
        client_order_id=command.client_order_id,
        id=command.id,
        hedge=hedge.name,
        side=command.side,
        quantity=command.quantity,
        price=command.price,
        reduce_only=command.reduce_only,
        decision_id=command.decision_id,
        decision_mid=state.quotes[command.id][0].mid_price,
        deviation=facts.deviation if facts else ZERO,
        holding=facts.exposure.holding if facts else ZERO,
        target=facts.target - facts.exposure.options.delta if facts else ZERO,
        margin_reduction=draft.margin_reduction,
        roll=draft.roll,
        flatten=draft.flatten,
        placed_at=state.now,
        ttl_ms=max(command.ttl_ms, draft.instrument.transit_ms),
        changed_at=state.now,
    )


def _reserve(state: State, memory: HedgeState, order: Order) -> tuple[State, HedgeState]:
    """The order in the state before it is sent, and counted against the limits of its hedge."""
    orders = {**state.orders, order.client_order_id: order}
    state = note_sent(state._replace(orders=orders, next_sequence=state.next_sequence + 1), order)
    return state, _counted(priced(memory, order.id, order.price, state.now), state.now)


def _counted(memory: HedgeState, now: int) -> HedgeState:
    """Every order that is sent counts at once, whatever becomes of it."""
    today = now // DAY_MS
    fresh = memory.day != today
    return replace(
        memory,
        sent_at=(*(at for at in memory.sent_at if at > now - MINUTE_MS), now),
        day=today,
        day_orders=(0 if fresh else memory.day_orders) + 1,
        day_notional=ZERO if fresh else memory.day_notional,
    )


def _going(state: State, order: Order) -> State:
    """The state with an order whose cancel is sent."""
    going = replace(advance(order, News.CANCEL_SENT, state.now), cancel_at=state.now, cancels=1)
    return state._replace(orders={**state.orders, order.client_order_id: going})


def _keep(state: State, hedge: Hedge, memory: HedgeState) -> State:
    return state._replace(hedges={**state.hedges, hedge.name: memory})


def _all_off(state: State) -> bool:
    """Whether nothing of ours may still fill, shown by readings asked for after the last end."""
    if any(order.live for order in state.orders.values()):
        return False
    if not any(order.placed_at for order in state.orders.values()):
        return True
    return all(view.settled for view in state.accounts.values())
