"""What executions prove of a position: a reading that undoes our own fills is believed if others' trades explain it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from hedger.engine.known.movement import Evidence, Shift, Strange
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import AccountView, State
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import Command, FillsRead, ReadFills
from hedger.model.numeric import ZERO
from hedger.model.order import Fill

OURS_COUNT_MS = 2 * 3_600_000
EXPLAINS_MS = 300_000
FRESH_MS = 30_000
SOON_MS = 30_000
SLACK_MS = 1_000
MOST_STRANGE = 256
ASK_AFTER_MS = (0, 2_000, 5_000, 15_000, 30_000)
WORD_MS = 60_000
WORD_AFTER_MS = 30_000


def key_of(fill: Fill) -> str:
    """What an execution is known by within an account."""
    return f"{fill.id.symbol}/{fill.trade_id}/{fill.venue_order_id}"


# --- what was executed ------------------------------------------------------------------------------------------------


def we_traded(view: AccountView, id: InstrumentId, sign: Decimal, now: int) -> AccountView:
    """The view after a fill of ours: from now on a reading may not undo it without a reason."""
    bought, sold = view.evidence.traded.get(id, (0, 0))
    times = (now, sold) if sign > 0 else (bought, now)
    return replace(view, evidence=replace(view.evidence, traded={**view.evidence.traded, id: times}))


def heard_of(view: AccountView, state: State, policy: Policy, fill: Fill) -> AccountView:
    """The view after an execution that is not ours: what was done after the believed reading came must be shown by a
    later one. What was done before, or was heard of late, that reading may have shown or not: the next ones tell.

    One that a believed reading has surely shown is of no more use, and neither is one from before our first reading.
    While a movement waits for its cause, the list that is asked for says which of the executions it was.
    """
    key, at, evidence = key_of(fill), fill.exchange_at - view.offset_ms, view.evidence
    oldest = max(evidence.begun_at, min(state.now, view.believed_at) - EXPLAINS_MS)  # readings may be refused for long
    known = key in view.movement.trades_known or key in evidence.counted
    if (
        view.reading is None
        or at < oldest
        or known
        or any(s.key == key for s in evidence.strange)
        or _kept(policy, state, fill)
    ):
        return view
    quantity, shift = fill.side.sign * fill.quantity, view.movement.shifts.get(fill.id)
    if shift is not None and shift.since_at - SLACK_MS <= at <= shift.seen_at:
        return view
    if (left := view.movement.rested.get(fill.id)) is not None and left.quantity * quantity > 0 and at <= left.seen_at:
        return _was_told(view, left, fill, key)
    shown_at = max(view.believed_at, evidence.came_at) + SLACK_MS
    return _with(view, Strange(key, fill.id, quantity, fill.exchange_at, owed=at > max(shown_at, state.now - FRESH_MS)))


def _with(view: AccountView, one: Strange) -> AccountView:
    evidence = view.evidence
    strange = sorted((*evidence.strange, one), key=lambda s: s.exchange_at)[-MOST_STRANGE:]
    return replace(view, evidence=replace(evidence, strange=tuple(strange)))


def with_others(view: AccountView, told: Iterable[Fill], kept: Iterable[Fill]) -> AccountView:
    """The view after executions of others were told as what moved. Those that are `kept` a reading may yet show."""
    keys, evidence = {key_of(fill): fill for fill in kept}, view.evidence
    gone = [key for fill in told if (key := key_of(fill)) not in keys and key not in evidence.counted]
    counted = (*evidence.counted, *gone)[-MOST_STRANGE:]
    view = replace(view, evidence=replace(without(evidence, gone), counted=counted))
    held = {s.key for s in view.evidence.strange} | set(counted)
    for key, fill in keys.items():
        if key not in held:
            view = _with(view, Strange(key, fill.id, fill.side.sign * fill.quantity, fill.exchange_at))
    return view


def _was_told(view: AccountView, rested: Shift, fill: Fill, key: str) -> AccountView:
    """The view after a late execution of another: it is what a believed reading showed, and was told as unexplained."""
    part = fill.side.sign * min(fill.quantity, abs(rested.quantity))
    left = {**view.movement.rested, fill.id: replace(rested, quantity=rested.quantity - part)}
    evidence = replace(view.evidence, counted=(*view.evidence.counted, key)[-MOST_STRANGE:])
    return replace(view, movement=replace(view.movement, rested=left), evidence=evidence)


def without(evidence: Evidence, keys: Container[str]) -> Evidence:
    """The evidence after executions turned out to be ours, or to be what a believed reading showed."""
    strange = tuple(s for s in evidence.strange if s.key not in keys)
    return evidence if len(strange) == len(evidence.strange) else replace(evidence, strange=strange)


def _kept(policy: Policy, state: State, fill: Fill) -> bool:
    """Whether it is of an order of this start, that ended and was forgotten with all its fills booked."""
    identity = parse_order_id(fill.client_order_id or "")
    return identity is not None and identity.bot == policy.bot and identity.epoch == state.epoch


def on_list(view: AccountView, event: FillsRead) -> AccountView:
    """The view after a complete list of executions came."""
    if event.id not in view.evidence.ids:
        return view
    answered = {**view.evidence.answered_at, event.id: event.requested_at}
    return replace(view, evidence=replace(view.evidence, answered_at=answered))


# --- what a reading must show -----------------------------------------------------------------------------------------


class Unshown(NamedTuple):
    """What others' executions leave of a movement, signed, in units; those that a reading has `shown`, by it or by the
    one before, and those after them of which that is `unsure`."""

    left: Decimal
    shown: tuple[Strange, ...]
    unsure: tuple[Strange, ...]


def unshown(view: AccountView, id: InstrumentId, moved: Decimal, requested_at: int, settle_ms: int) -> Unshown:
    """What is left of a movement when others' executions are taken off.

    A reading shows what was done until some moment, and nothing later: that moment is after what was done a lag before
    it was asked for, and the believed one's is before what is owed. So the movement is what was done in between.

    Soon after a fill of ours all of them are owed: a reading that is behind may show theirs and lack ours.
    """
    some = tuple(s for s in view.evidence.strange if s.id == id)
    sure = sum(s.exchange_at <= requested_at + view.offset_ms - settle_ms for s in some)
    soon = requested_at - max(view.evidence.traded.get(id, (0, 0))) <= SOON_MS
    begins = 0 if soon else next((n for n, s in enumerate(some) if s.owed), len(some))
    sums = [ZERO, *accumulate(s.quantity for s in some)]
    firsts: dict[Decimal, int] = {}
    for first, total in enumerate(sums[: begins + 1]):
        firsts.setdefault(total, first)
    ends = [last for last in range(sure, len(sums)) if firsts.get(sums[last] - moved, len(sums)) <= last]
    if ends:  # where nothing moved, the reading may be one that lags: what is recent may yet be shown
        over = ends[0] if moved else sum(s.exchange_at <= requested_at + view.offset_ms - FRESH_MS for s in some)
        return Unshown(ZERO, some[:over], some[over : ends[-1]])
    must = sum((s.quantity for s in some[:sure] if s.owed or soon), ZERO)
    return Unshown(moved - must, (), some)  # if it is believed all the same, nobody knows which of them it shows


def undoes_our_fills(view: AccountView, id: InstrumentId, left: Decimal, now: int) -> bool:
    """Whether what is left of a movement takes back what we traded: not yet shown, or within the last hours."""
    bought, sold = view.evidence.traded.get(id, (0, 0))
    ours_at = sold if left > 0 else bought
    recent = bool(ours_at) and now - ours_at <= OURS_COUNT_MS
    return bool(left) and (left * view.fills_since.get(id, ZERO) < 0 or recent)


def is_unasked(view: AccountView, id: InstrumentId, left: Decimal) -> bool:
    """Whether a position moved further than our fills that wait to be shown, and the executions were not asked for
    since: what moved it may not have been our fills at all."""
    asked = view.evidence.since_at and view.evidence.answered_at.get(id, 0) > view.evidence.since_at
    return bool(left) and bool(view.fills_since.get(id)) and not asked


def refused(view: AccountView, ids: Iterable[InstrumentId], now: int) -> AccountView:
    """The view with a reading refused for what it shows of these: their executions are to be asked for."""
    evidence = view.evidence
    ids = tuple(dict.fromkeys((*evidence.ids, *ids)))
    return replace(view, evidence=replace(evidence, ids=ids, since_at=evidence.since_at or now))


def shown(evidence: Evidence, looks: Iterable[Unshown], began_at: int, came_at: int) -> Evidence:
    """The evidence after a reading was believed that showed these executions: nothing stands against it any more."""
    looks = tuple(looks)
    keys, unsure = {s.key for look in looks for s in look.shown}, {s.key for look in looks for s in look.unsure}
    return Evidence(
        strange=tuple(s._replace(owed=s.key not in unsure) for s in evidence.strange if s.key not in keys),
        counted=(*evidence.counted, *keys - set(evidence.counted))[-MOST_STRANGE:] if keys else evidence.counted,
        traded=evidence.traded,
        begun_at=evidence.begun_at or began_at,
        came_at=came_at,
    )


# --- what is asked, and what a person says ----------------------------------------------------------------------------


def ask_for_executions(state: State) -> tuple[State, list[Command]]:
    """Ask for the executions of the instruments on which a reading was refused, ever more rarely and for ever."""
    commands: list[Command] = []
    for account, view in state.accounts.items():
        evidence = view.evidence
        pause = ASK_AFTER_MS[min(evidence.asks, len(ASK_AFTER_MS) - 1)]
        if not evidence.ids or state.now - evidence.asked_at < pause:
            continue
        since_at = min(view.movement.explained_at or view.believed_at, view.believed_at) + view.offset_ms - EXPLAINS_MS
        commands += [ReadFills(id=id, since_at=since_at) for id in evidence.ids]
        view = replace(view, evidence=replace(evidence, asked_at=state.now, asks=evidence.asks + 1))
        state = state._replace(accounts={**state.accounts, account: view})
    return state, commands


def a_person_says_so(view: AccountView, now: int) -> AccountView:
    """The view after a person resumed: readings that were refused for half a minute and agree are right."""
    if not wants_word(view, now):
        return view
    return replace(view, evidence=replace(view.evidence, word_at=now))


def wants_word(view: AccountView, now: int) -> bool:
    """Whether readings have been refused for so long that a person may say that they are right."""
    return bool(view.evidence.since_at) and now - view.evidence.since_at >= WORD_AFTER_MS


def has_word(view: AccountView, now: int) -> bool:
    """Whether a person has just said that the readings are right."""
    return bool(view.evidence.word_at) and now - view.evidence.word_at <= WORD_MS
