"""What a person should look at now: each with a key, how bad it is, and since when; for console, status and messages.

The names are those of the alerts in deploy/prometheus: what pages somebody there is listed here by the same word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from hedger.engine.guards.margin import liquidation_distances, margin_ratios
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import HedgeState, Mode, Severity, State
from hedger.model.spans import DAY_MS
from hedger.ops.figures import instant, percent, span
from hedger.ops.forced import forced_words
from hedger.ops.gates import gate_words
from hedger.ops.readiness import stale_words
from hedger.ops.several import absence_words
from hedger.ops.standstill import against, cannot_act
from hedger.ops.surroundings import NOTHING, Surroundings
from hedger.ops.unhedged import is_unhedged, is_unhedged_on_purpose
from hedger.ops.words import DOUBTED, END_PAUSE, LIFT_HALT, REASON_WORDS, doubted, halt_words

KEYS_END_SOON_MS = 7 * DAY_MS


class AlarmLevel(StrEnum):
    """How soon somebody should look: now, today, or when there is time."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


_WORST = list(AlarmLevel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing to look at. `name` is from a small list, `subject` the hedge or account, "" for the whole.

    `since_at` is the program's clock in ms; `acknowledged` once a person has said that they saw it.
    """

    name: str
    subject: str
    level: AlarmLevel
    text: str
    since_at: int = 0
    acknowledged: bool = False

    @property
    def key(self) -> str:
        """What it is acknowledged by."""
        return f"{self.name}:{self.subject}" if self.subject else self.name


class Alarms:
    """Remembers since when each alarm stands. `look` is called on the beat; `current` is replaced whole."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.around = NOTHING
        self.current: tuple[Alarm, ...] = ()

    def look(self, state: State) -> tuple[Alarm, ...]:
        """What stands now, the worst first, and what was seen already last; one that goes and comes back begins anew
        and is not acknowledged, and so does one that tells of something that happened since."""
        since = {alarm.key: alarm.since_at for alarm in self.current}
        standing = alarms_of(state, self.policy, self.around)
        dated = (replace(one, since_at=max(one.since_at, since.get(one.key, state.now))) for one in standing)
        found = [replace(one, acknowledged=_was_seen(state, one)) for one in dated]
        self.current = tuple(sorted(found, key=lambda alarm: (alarm.acknowledged, _WORST.index(alarm.level))))
        return self.current


def _was_seen(state: State, alarm: Alarm) -> bool:
    """Whether somebody acknowledged it since it stands."""
    seen_at = state.acknowledged.get(alarm.key)
    return seen_at is not None and seen_at >= alarm.since_at


def alarms_of(state: State, policy: Policy, around: Surroundings = NOTHING) -> Iterator[Alarm]:
    """What a person should look at in a state, without its past, and in what is around it."""
    yield from _of_program(state, policy)
    for account in policy.accounts:
        yield from _of_account(state, policy, account, around)
    for hedge in policy.hedges:
        yield from _of_hedge(state, policy, hedge, around)
    if around.console_fault is not None:
        text = f"the console does not serve: {around.console_fault}; hedging goes on, and so do commands"
        yield Alarm(name="ConsoleDown", subject="", level=AlarmLevel.WARNING, text=text)
    if around.refused is not None:
        text = (
            f"the configuration was refused {around.refused}; what was in force goes on, the next start reads the file"
        )
        yield Alarm(name="ConfigFileChanged", subject="", level=AlarmLevel.INFO, text=text)
    elif around.file_changed is not None:
        text = f"the configuration file: {around.file_changed}; `hedger reload`, before a restart takes it up"
        yield Alarm(name="ConfigFileChanged", subject="", level=AlarmLevel.INFO, text=text)


def _of_program(state: State, policy: Policy) -> Iterator[Alarm]:
    def alarm(name: str, level: AlarmLevel, text: str) -> Alarm:
        return Alarm(name=name, subject="", level=level, text=text)

    if state.halted is not None:
        yield alarm("Halted", AlarmLevel.CRITICAL, f"halted: {halt_words(state.halted)}")
    if state.journal_fault is not None:
        yield alarm("JournalUnhealthy", AlarmLevel.CRITICAL, f"the journal cannot be written: {state.journal_fault}")
    if state.paused is not None:
        yield alarm("Paused", AlarmLevel.INFO, f"paused: {state.paused}; {END_PAUSE}")
    asked_for = state.halted is not None or state.paused is not None or state.hedges.keys() <= state.flattening.keys()
    if state.mode is Mode.CANCEL_ONLY and not asked_for and state.journal_fault is None:
        yield alarm("CreatesStopped", AlarmLevel.WARNING, f"nothing is created: {state.mode_reason}")
    if (stale := stale_words(state, policy)) is not None and state.mode is not Mode.BOOT:
        yield alarm("StaleData", AlarmLevel.WARNING, stale)
    lost = sum(order.status is OrderStatus.UNKNOWN for order in state.orders.values())
    if lost:
        yield alarm("UnknownOrders", AlarmLevel.WARNING, f"{lost} of our orders are of unknown fate: they are reserved")


def _of_account(state: State, policy: Policy, account: str, around: Surroundings) -> Iterator[Alarm]:
    if (taken := forced_words(around.forced, account)) is not None:
        last_at = max(close.at for close in around.forced if close.account == account)
        text = f"account {account}: {taken}"
        yield Alarm(name="AccountChanged", subject=account, level=AlarmLevel.CRITICAL, text=text, since_at=last_at)
    end_at = around.keys_end.get(account)
    if end_at is not None and end_at - state.now < KEYS_END_SOON_MS:
        text = f"account {account}: the venue ends its keys on {instant(end_at)}: bind them to this machine's address"
        yield Alarm(name="KeysExpire", subject=account, level=AlarmLevel.WARNING, text=text)
    if account in doubted(state):
        text = f"account {account}: {DOUBTED}, {LIFT_HALT}"
        yield Alarm(name="ReadingDoubted", subject=account, level=AlarmLevel.CRITICAL, text=text)
    for name, words in (
        ("AccountOutOfSight", absence_words(state, policy, account)),
        ("AccountStopped", gate_words(state, account)),
    ):
        if words is not None:
            yield Alarm(name=name, subject=account, level=AlarmLevel.WARNING, text=f"account {account}: {words}")


def flatten_words(flatten: Flatten) -> str:
    """How far a flatten has come, after the name of its hedge."""
    if flatten.flat_at:
        return f"was flattened ({flatten.reason}) and is not hedged"
    return (
        f"is being flattened, and waits: it is paused ({flatten.reason})"
        if flatten.held
        else (f"is being flattened: {flatten.reason}")
    )


def _decided(memory: HedgeState) -> str:
    """What the last decision came to, by its number: whoever is woken wants to know why nothing was done."""
    decision = memory.decision
    return "" if decision is None else f"; decision {decision.decision_id}: {REASON_WORDS[decision.reason]}"


_MARGIN = {
    Severity.WARN: (AlarmLevel.WARNING, "margin is getting short"),
    Severity.STOP: (AlarmLevel.CRITICAL, "margin is short: nothing is added"),
    Severity.REDUCE: (AlarmLevel.CRITICAL, "margin is short: the position is made smaller"),
}


def _margin_words(state: State, hedge: Hedge) -> str:
    """The worst ratio and distance of its accounts, in brackets."""
    ratio, distance = (
        max(margin_ratios(state, hedge), default=None),
        min(liquidation_distances(state, hedge), default=None),
    )
    told = [f"margin ratio {percent(ratio)}"] if ratio is not None else []
    told += [f"liquidation {percent(distance)} away"] if distance is not None else []
    return f" ({', '.join(told)})" if told else ""


def _of_hedge(state: State, policy: Policy, hedge: Hedge, around: Surroundings) -> Iterator[Alarm]:
    def alarm(name: str, level: AlarmLevel, text: str) -> Alarm:
        return Alarm(name=name, subject=hedge.name, level=level, text=f"{hedge.name}{text}")

    memory, flatten = state.hedges[hedge.name], state.flattening.get(hedge.name)
    stuck = cannot_act(state, policy, hedge, around.stuck_since)
    outside = "" if memory.outside_since is None else span(state.now - memory.outside_since)
    if is_unhedged(state, hedge):
        why = f", and nothing could be done: {against(state, hedge)}" if stuck else _decided(memory)
        yield alarm("Unhedged", AlarmLevel.CRITICAL, f" has been outside its band for {outside}{why}")
    elif stuck:
        since = span(state.now - around.stuck_since[hedge.name])
        text = f" could not have been rebalanced for {since}: {against(state, hedge)}"
        yield alarm("CannotAct", AlarmLevel.CRITICAL, text)
    elif is_unhedged_on_purpose(state, hedge) and not (flatten is not None and flatten.flat_at):
        text = f" has been outside its band for {outside}, and a person keeps it from hedging; {END_PAUSE}"
        yield alarm("UnhedgedOnPurpose", AlarmLevel.WARNING, text)
    if flatten is not None:
        yield alarm("Flattened", AlarmLevel.INFO, f" {flatten_words(flatten)}; {END_PAUSE}")
    if memory.severity in _MARGIN:
        level, words = _MARGIN[memory.severity]
        yield alarm("MarginShort", level, f": {words}{_margin_words(state, hedge)}")
