"""What executions prove of a position: a reading that undoes our own fills is believed if others' trades explain it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

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
    """The view after an execution that is not ours: fresh news of what no believed reading has shown must be shown by
    a later one, for the believed ones moved as our own fills did and no further. Late news may be of what they showed.

    One that a believed reading has shown is of no more use, and neither is one from before our first reading. Where a
    reading was taken to have seen our working order ahead of its news, it may have been this one instead.
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
    if shift is not None and shift.quantity * quantity > 0 and at <= shift.seen_at:
        return view
    if at <= view.believed_at + SLACK_MS and view.ahead.get(fill.id, ZERO) * quantity > 0:
        return _instead(view, state, fill.id, quantity)
    fresh = at > max(evidence.begun_at + policy.settle_ms, state.now - FRESH_MS)
    one = Strange(key, fill.id, quantity, fill.exchange_at, owed=fresh)
    strange = sorted((*evidence.strange, one), key=lambda s: s.exchange_at)[-MOST_STRANGE:]
    return replace(view, evidence=replace(evidence, strange=tuple(strange)))


def _kept(policy: Policy, state: State, fill: Fill) -> bool:
    """Whether it is of an order of this start, that ended and was forgotten with all its fills booked."""
    identity = parse_order_id(fill.client_order_id or "")
    return identity is not None and identity.bot == policy.bot and identity.epoch == state.epoch


def _instead(view: AccountView, state: State, id: InstrumentId, quantity: Decimal) -> AccountView:
    """The view in which it was this execution, and not ours, that the believed reading showed: it is to be told."""
    ahead = view.ahead[id]
    part = max(ahead, quantity) if quantity < 0 else min(ahead, quantity)
    since_at = view.movement.explained_at or view.believed_at
    fresh = Shift(quantity=ZERO, began_at=state.now, since_at=since_at, read_at=view.believed_at, seen_at=state.now)
    had = view.movement.shifts.get(id, fresh)
    shifts = {**view.movement.shifts, id: replace(had, quantity=had.quantity + part)}
    return replace(view, ahead={**view.ahead, id: ahead - part}, movement=replace(view.movement, shifts=shifts))


def on_list(view: AccountView, event: FillsRead) -> AccountView:
    """The view after a complete list of executions came."""
    if event.id not in view.evidence.ids:
        return view
    answered = {**view.evidence.answered_at, event.id: event.requested_at}
    return replace(view, evidence=replace(view.evidence, answered_at=answered))


# --- what a reading must show -----------------------------------------------------------------------------------------


def unshown(
    view: AccountView, id: InstrumentId, moved: Decimal, requested_at: int, settle_ms: int
) -> tuple[Decimal, tuple[Strange, ...]]:
    """What is left of a movement, signed, in units, when others' executions are taken off, and those.

    A reading must show what was done between the believed one and a lag before it was asked for itself; what was done
    about the time of either it may show.
    """
    some = [s for s in view.evidence.strange if s.id == id]
    first_sure, sure_until = view.believed_at + view.offset_ms + SLACK_MS, requested_at + view.offset_ms - settle_ms
    must = [n for n, s in enumerate(some) if s.owed and s.exchange_at <= sure_until]
    begin, end = (must[0], must[-1] + 1) if must else (_middle(some, first_sure),) * 2
    for first in range(begin, -1, -1):
        for last in range(end, len(some) + 1):
            if _sum(some[first:last]) == moved:
                return ZERO, tuple(some[:last])
    return moved - _sum(some[begin:end]), tuple(some[:end])


def _middle(some: list[Strange], at: int) -> int:
    return sum(s.exchange_at <= at for s in some)


def _sum(some: Iterable[Strange]) -> Decimal:
    return sum((s.quantity for s in some), ZERO)


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


def shown(evidence: Evidence, seen: Iterable[Strange], began_at: int) -> Evidence:
    """The evidence after a reading was believed that showed these executions: nothing stands against it any more."""
    keys = {s.key for s in seen}
    return Evidence(
        strange=tuple(s._replace(owed=True) for s in evidence.strange if s.key not in keys),
        counted=(*evidence.counted, *keys - set(evidence.counted))[-MOST_STRANGE:] if keys else evidence.counted,
        traded=evidence.traded,
        begun_at=evidence.begun_at or began_at,
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
