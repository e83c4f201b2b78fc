"""The reception: looks for a kill file and for requests on the beat, and makes events of what people ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from hedger.engine.decision.flatten import changed_since, plan_of, unknown_hedges
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, State
from hedger.engine.news.executions import wants_word
from hedger.model.message import Event, Operation, OperatorAsked, OrderWrittenOff
from hedger.runtime.lifeline import Lifeline
from hedger.runtime.requests import Answer, Ask, Letter, Mailbox, Request

LONGEST_HALT = 500
_OPERATIONS = {
    Ask.PAUSE: Operation.PAUSE,
    Ask.UNPAUSE: Operation.UNPAUSE,
    Ask.RESUME: Operation.RESUME,
    Ask.FLATTEN: Operation.FLATTEN,
    Ask.ACKNOWLEDGE: Operation.ACKNOWLEDGE,
}


class Engine(Protocol):
    """Who handles what is asked: the loop."""

    @property
    def state(self) -> State:
        """What the engine knows now."""

    @property
    def policy(self) -> Policy:
        """What the owner wants now."""

    def handle_now(self, event: Event) -> None:
        """Handle an event ahead of those that wait; it is in the journal on return."""

    def drain(self, reason: str) -> None:
        """Begin the orderly end."""


class Told(Protocol):
    """Who hears of requests that were not obeyed."""

    def request_refused(self, name: str, why: str) -> None:
        """A file in the mailbox was moved aside."""


class Reloads(Protocol):
    """Who reads the configuration again, which takes longer than a beat."""

    def requested(self, request: Request, then: Callable[[Answer], None]) -> None:
        """Carry a request for a reload out, and say what became of it."""


class Reception:
    """One state directory's. Nothing here waits on the disk longer than listing a small directory takes."""

    def __init__(self, lifeline: Lifeline, mailbox: Mailbox, told: Told) -> None:
        self._lifeline = lifeline
        self._kill = lifeline.kill
        self._mailbox = mailbox
        self._told = told
        self.reloads: Reloads | None = None

    async def attend(self, engine: Engine, every_s: float) -> None:
        """Look, for ever, every so many of the event loop's seconds, however fast the clock runs."""
        self._lifeline.attended = True
        try:
            while True:
                self.look(engine)
                await asyncio.sleep(every_s)
        finally:
            self._lifeline.attended = False

    def look(self, engine: Engine) -> None:
        """Heed the kill file first, then what was asked, oldest first."""
        self.heed_kill(engine)
        for letter in self._mailbox.letters():
            self._open(engine, letter)
        self._lifeline.halted = engine.state.halted is not None

    def heed_kill(self, engine: Engine) -> None:
        """Halt if there is a kill file; once is enough."""
        if engine.state.halted is None and self._kill.exists():
            engine.handle_now(OperatorAsked(operation=Operation.HALT, reason=self._kill.reason()))
        self._lifeline.halted = engine.state.halted is not None

    def _open(self, engine: Engine, letter: Letter) -> None:
        request = letter.request
        why = letter.problem if request is None else self._objection(engine, request, letter)
        if request is None or why:
            self._mailbox.refuse(letter.name, why)
            self._told.request_refused(letter.name, why)
            return
        if request.ask is Ask.RELOAD and self.reloads is not None:
            self.reloads.requested(request, partial(self._mailbox.answer, letter.name))
            return
        before = engine.state
        if request.ask is Ask.DRAIN:
            engine.drain(request.reason)
        else:
            engine.handle_now(_event_of(request))
        self._mailbox.answer(letter.name, Answer(done=True, why=_told(before, engine.state, request)))

    def _objection(self, engine: Engine, request: Request, letter: Letter) -> str:
        """Why a well-formed request is not obeyed; empty if it is. A resume takes the kill file away here."""
        state = engine.state
        match request.ask:
            case Ask.PAUSE | Ask.DRAIN | Ask.ACKNOWLEDGE:
                return ""
            case Ask.FLATTEN:
                return _objection_to_flatten(state, engine.policy, request)
            case Ask.UNPAUSE:
                return _objection_to_unpause(state)
            case Ask.WRITE_OFF:
                return _objection_to_write_off(state, request.subject)
            case Ask.RESUME:
                return self._objection_to_resume(state, request, letter)
            case Ask.RELOAD:
                return "" if self.reloads is not None else "it has no configuration to read again"

    def _objection_to_resume(self, state: State, request: Request, letter: Letter) -> str:
        """A halt is lifted only by somebody who knew of this one, and a kill that came later stays."""
        if state.halted is None:
            doubted = any(wants_word(view, state.now) for view in state.accounts.values())
            return "" if doubted and not request.halted else "it is not halted"
        if state.mode is Mode.DRAINING:
            return "it is about to end, and stays halted"
        if request.halted != state.halted[:LONGEST_HALT]:
            return f"it is meanwhile halted for another reason: {state.halted[:LONGEST_HALT]}"
        if self._kill.exists() and not self._kill.lift(letter.written_ns):
            return self._kill.why_it_stays()
        return ""


def _event_of(request: Request) -> OperatorAsked | OrderWrittenOff:
    if request.ask is Ask.WRITE_OFF:
        return OrderWrittenOff(client_order_id=request.subject, reason=request.reason)
    names = (request.subject,) if request.ask is Ask.ACKNOWLEDGE else request.names
    return OperatorAsked(operation=_OPERATIONS[request.ask], reason=request.reason, names=names)


def _told(before: State, state: State, request: Request) -> str:
    """What became of a request, after it was obeyed. A halt and a pause are lifted each by its own word."""
    if request.ask in (Ask.FLATTEN, Ask.PAUSE) and state.journal_fault is not None:
        fault = state.journal_fault[:LONGEST_HALT]
        return f"{request.ask.value}: done, but the journal cannot be written ({fault}), and a restart would forget it"
    if request.ask is Ask.FLATTEN:
        return "the flatten is latched: nothing is created but what brings the positions to zero, until an unpause"
    if request.ask is Ask.UNPAUSE and before.flattening and state.halted is None:
        names = ", ".join(before.flattening)
        return f"the pause is over, and so is the flatten of {names}: it hedges again from now on"
    at_work = ", ".join(name for name, one in state.flattening.items() if one.works)
    if request.ask is Ask.RESUME and at_work:
        return f"the halt is lifted, and the flatten of {at_work} goes on; only `hedger unpause` lets it hedge again"
    if request.ask is Ask.PAUSE and state.halted is not None:
        return f"the pause is remembered, but it is halted ({state.halted[:LONGEST_HALT]}): after the resume it rests"
    if request.ask is Ask.UNPAUSE and state.halted is not None:
        halted = state.halted[:LONGEST_HALT]
        return f"the pause is over, but it stays halted ({halted}), which only `hedger resume` lifts"
    if request.ask is Ask.RESUME and state.paused is not None:
        return f"the halt is lifted, but it stays paused ({state.paused}), which only `hedger unpause` lifts"
    return f"{request.ask.value}: done"


def _objection_to_unpause(state: State) -> str:
    if state.paused is not None or state.flattening:
        return ""
    if state.halted is not None:
        return f"it is halted ({state.halted[:LONGEST_HALT]}), which only `hedger resume` lifts"
    return "it is not paused"


def _objection_to_flatten(state: State, policy: Policy, request: Request) -> str:
    """A flatten is for the hedges and the positions that a person was shown, and not while it is halted."""
    if unknown := unknown_hedges(policy, request.names):
        return f"there is no hedge {', '.join(unknown)}"
    plan = plan_of(state, policy, request.names)
    if plan.obstacle is not None:
        return plan.obstacle[:LONGEST_HALT]
    changed = changed_since(plan, request.shown)
    return f"{changed}; look at the plan again" if changed else ""


def _objection_to_write_off(state: State, client_order_id: str) -> str:
    order = state.orders.get(client_order_id)
    if order is None:
        return f"order {client_order_id} is not known"
    if order.status is not OrderStatus.UNKNOWN:
        return f"order {client_order_id} is {order.status.value}: only an order of unknown fate can be written off"
    return ""
