"""What of a run is worth a message to a person: each step in, short messages out, without a clock or a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hedger.engine.known.orders import FINAL, Order
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Decision, Reason, State
from hedger.engine.step import Result
from hedger.model.message import Operation, OperatorAsked, Stamped, TimePassed
from hedger.model.numeric import ZERO, plain
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.ops.alarms import Alarm, AlarmLevel
from hedger.ops.figures import coins, money, price, span
from hedger.ops.guard_limits import GUARD_REASONS
from hedger.ops.pnl import pnl_status
from hedger.ops.words import REASON_WORDS, halt_words

STOOD_MS = 60_000  # each start, and each hiccup of a stream, raises warnings that are over within seconds
# Alarms that have a kind of message of their own.
_OWN = {
    "Halted": None,
    "Paused": None,
    "Unhedged": "unhedged",
    "UnhedgedOnPurpose": "unhedged",
    "CannotAct": "unhedged",
}


class Kind(StrEnum):
    """Kinds of message, each of which an owner may turn off."""

    HALT = "halt"
    UNHEDGED = "unhedged"
    ALARM = "alarm"
    GUARD = "guard"
    OPERATOR = "operator"
    FILL = "fill"
    SUMMARY = "summary"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. What has the same `key` is about the same thing; "" never repeats itself."""

    kind: Kind
    level: AlarmLevel
    title: str
    body: str
    key: str = ""


class Messages:
    """Turns the steps of one run into messages. `summary_hour` is the hour (UTC) of the day's summary."""

    def __init__(self, policy: Policy, summary_hour: int = 0) -> None:
        self.policy = policy
        self.summary_hour = summary_hour
        self._standing: dict[str, Alarm] = {}
        self._left: dict[str, int] = {}
        self._denied: dict[str, Reason | None] = {}
        self._beat: State | None = None
        self._summed: State | None = None

    def of_step(self, before: State, stamped: Stamped, result: Result) -> Iterator[Message]:
        """What one step is worth telling."""
        after = result.state
        if isinstance(stamped.event, OperatorAsked):
            yield from _of_operator(stamped.event)
        yield from _of_halt(before, after)
        for decision in result.decisions:
            yield from self._of_decision(decision)
        if after.orders is not before.orders:
            yield from _of_fills(before, after)
        if isinstance(stamped.event, TimePassed):
            yield from self._of_day(after)

    def of_alarms(self, alarms: tuple[Alarm, ...]) -> Iterator[Message]:
        """The alarms that began or grew worse, and those that are over. What is critical is told at once, what warns
        when it has stood for a minute, as alerts wait too; over is what was away for a minute.

        None has a key: one that came back after its end was told must be told, however soon that is.
        """
        now = 0 if self._beat is None else self._beat.now
        for alarm in alarms:
            self._left.pop(alarm.key, None)
            before = self._standing.get(alarm.key)
            due = alarm.level is AlarmLevel.CRITICAL or now - alarm.since_at >= STOOD_MS
            if due if before is None else _is_worse(alarm, before):
                self._standing[alarm.key] = alarm
                yield from _of_alarm(alarm, alarm.level, _title_of(alarm))
        for key in self._standing.keys() - {alarm.key for alarm in alarms}:
            if now - self._left.setdefault(key, now) >= STOOD_MS:
                del self._left[key]
                over = self._standing.pop(key)
                yield from _of_alarm(over, AlarmLevel.INFO, f"Over: {_title_of(over)}")

    def _of_decision(self, decision: Decision) -> Iterator[Message]:
        """The first denial by a guard in a row."""
        denies = decision.action is Action.DENY and decision.reason in GUARD_REASONS
        was = self._denied.get(decision.hedge)
        self._denied[decision.hedge] = decision.reason if denies else None
        if denies and decision.reason is not was:
            body = f"{REASON_WORDS[decision.reason]}{f' ({decision.detail})' if decision.detail else ''}"
            yield Message(
                kind=Kind.GUARD,
                level=AlarmLevel.WARNING,
                title=f"{decision.hedge}: nothing is placed",
                body=f"{body}; decision {decision.decision_id}",
                key=f"guard:{decision.hedge}:{decision.reason.value}",
            )

    def _of_day(self, state: State) -> Iterator[Message]:
        """The summary of the day that ends at midnight (UTC) or of the day so far, at the hour that is wished."""
        last, self._beat = self._beat, state
        if last is None or self._day(last) == self._day(state):
            return
        lines = [line for hedge in self.policy.hedges for line in _day_of(last, self._summed, hedge.name)]
        self._summed = last
        title = "The day" if self.summary_hour == 0 else "The day so far"
        yield Message(kind=Kind.SUMMARY, level=AlarmLevel.INFO, title=title, body="\n".join(lines))

    def _day(self, state: State) -> int:
        return (state.now - self.summary_hour * HOUR_MS) // DAY_MS


def started(kind: str, version: str, state: State) -> Message:
    """That a run began."""
    body = f"hedger {version}, {kind}, epoch {state.epoch}"
    if state.halted is not None:
        body += f"; {halt_words(state.halted)}"
    return Message(kind=Kind.PROGRAM, level=AlarmLevel.INFO, title="Started", body=body)


def ended(state: State) -> Message:
    """That a run ended in order."""
    why = state.halted or state.draining or "it was asked to"
    return Message(kind=Kind.PROGRAM, level=AlarmLevel.WARNING, title="Ended", body=f"{why}; the hedges are held")


def _of_operator(event: OperatorAsked) -> Iterator[Message]:
    if event.operation in (Operation.HALT, Operation.DRAIN):  # told as what they lead to
        return
    title = f"A person asked: {event.operation.value}"
    yield Message(kind=Kind.OPERATOR, level=AlarmLevel.INFO, title=title, body=event.reason)


def _of_halt(before: State, after: State) -> Iterator[Message]:
    if after.halted is not None and before.halted is None:
        body = halt_words(after.halted)
        yield Message(kind=Kind.HALT, level=AlarmLevel.CRITICAL, title="Halted", body=body)
    elif before.halted is not None and after.halted is None:
        body = "it reads the accounts anew before it trades"
        yield Message(kind=Kind.HALT, level=AlarmLevel.INFO, title="The halt is lifted", body=body)


def _of_fills(before: State, after: State) -> Iterator[Message]:
    """Orders that ended with something filled: one message each, however many pieces it came in."""
    for key, order in after.orders.items():
        was = before.orders.get(key)
        ends = order.status in FINAL and (was is None or was.status not in FINAL)
        if was is not order and ends and order.filled:
            yield Message(kind=Kind.FILL, level=AlarmLevel.INFO, title=_fill_title(order), body=_fill_body(order))


def _fill_title(order: Order) -> str:
    verb = "bought" if order.side.sign > 0 else "sold"
    return f"{order.hedge}: {verb} {coins(order.filled)} at {price(order.price)}"


def _fill_body(order: Order) -> str:
    whole = "all" if order.filled == order.quantity else f"of {coins(order.quantity)}"
    return f"{whole} on {order.id}; decision {order.decision_id}, order {order.client_order_id}"


def _kind_of(alarm: Alarm) -> Kind | None:
    """The kind of message that tells an alarm; None where something else tells it."""
    own = _OWN.get(alarm.name, "alarm")
    return None if own is None or alarm.level is AlarmLevel.INFO else Kind(own)


def _of_alarm(alarm: Alarm, level: AlarmLevel, title: str) -> Iterator[Message]:
    kind = _kind_of(alarm)
    if kind is not None:
        yield Message(kind=kind, level=level, title=title, body=alarm.text)


def _title_of(alarm: Alarm) -> str:
    return f"{alarm.name} {alarm.subject}".rstrip()


def _is_worse(alarm: Alarm, before: Alarm) -> bool:
    worst_first = list(AlarmLevel)
    return worst_first.index(alarm.level) < worst_first.index(before.level)


def _day_of(state: State, last: State | None, hedge: str) -> Iterator[str]:
    """The lines of one hedge: what was made with the hedge, without it, and with one that is never adjusted."""
    pnl = pnl_status(state, hedge)
    yield f"{hedge}: {'nothing is known yet' if pnl is None else _pnl_words(pnl)}"
    ledger = state.ledgers[hedge]
    old = last.ledgers[hedge] if last is not None else None
    fills = ledger.fills - (old.fills if old else 0)
    fees, funding = ledger.fees - (old.fees if old else ZERO), ledger.funding - (old.funding if old else ZERO)
    since = "" if old else " since the beginning"
    yield f"  {fills} fills, fees {_signed(fees)}, funding {_signed(funding)}{since}"
    memory = state.hedges[hedge]
    if memory.outside_since is not None:
        yield f"  outside its band for {span(state.now - memory.outside_since)}"


def _pnl_words(pnl: dict[str, str]) -> str:
    told = {name: _signed(Decimal(pnl[name])) for name in ("hedged", "unhedged", "static")}
    better = Decimal(pnl["static"]) > Decimal(pnl["hedged"])
    hint = "; a static hedge would have done better" if better else ""
    return f"{told['hedged']} USD hedged, {told['unhedged']} unhedged, {told['static']} with a static hedge{hint}"


def _signed(amount: Decimal) -> str:
    return money(amount, signed=True) if amount else plain(ZERO)
