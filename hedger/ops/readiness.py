"""Whether the program is fit for work, and whether a restart would help, for readers in any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from hedger.engine.held.freshness import stale_input
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import Mode, State
from hedger.ops.gates import gate_words
from hedger.ops.words import halt_words, way_out


class Check(StrEnum):
    """What must hold before the program can hedge."""

    CONFIGURATION = "configuration"
    LEASE = "lease"
    JOURNAL = "journal"
    MARKETS = "markets"
    FRESH_DATA = "fresh_data"
    RECONCILED = "reconciled"
    NOT_HALTED = "not_halted"
    MAY_CREATE = "may_create"


Failures = Mapping[Check, str]
_NOTHING_KNOWN: Failures = dict.fromkeys(Check, "not known yet")


def readiness(state: State, policy: Policy, *, lease: str | None = None) -> Failures:
    """The checks that fail, each with a sentence; `lease` says why it is not held, None when it is."""
    found = {
        Check.LEASE: lease,
        Check.JOURNAL: state.journal_fault,
        Check.MARKETS: _missing_markets(state, policy),
        Check.FRESH_DATA: stale_words(state, policy),
        Check.RECONCILED: None if state.reconciled else "the accounts are not believed yet",
        Check.NOT_HALTED: state.draining if state.halted is None else halt_words(state.halted),
        Check.MAY_CREATE: _stopped(state),
    }
    return {check: text for check, text in found.items() if text is not None}


def _missing_markets(state: State, policy: Policy) -> str | None:
    wanted = {id for hedge in policy.hedges for id in hedge.instruments}
    missing = sorted(str(id) for id in wanted - state.instruments.keys() - state.delisted)
    return f"not loaded: {', '.join(missing)}" if missing else None


def stale_words(state: State, policy: Policy) -> str | None:
    """Which hedges lack fresh data, None where none does: each needs one instrument with fresh prices, and every
    account of it read. What the first one lacks is told, and the others' names."""
    told = [(hedge.name, detail) for hedge in policy.hedges if (detail := stale_detail(state, hedge)) is not None]
    if not told:
        return None
    (name, detail), *others = told
    also = f"; also {', '.join(other for other, _ in others)}" if others else ""
    return f"{name}: {detail}{also}"


def stale_detail(state: State, hedge: Hedge) -> str | None:
    """What of a hedge's first instrument is too old to act on; None where one of its instruments has all it needs."""
    stale = [stale_input(state, hedge, id) for id in hedge.instruments]
    first = stale[0]
    return first.detail if first is not None and all(stale) else None


def _stopped(state: State) -> str | None:
    """Why creates are stopped everywhere, or on which accounts; and the way out, where a person must take it."""
    if (out := way_out(state)) is not None:
        return out
    if state.mode is Mode.CANCEL_ONLY:
        return state.mode_reason or "nothing may be created"
    stopped = ((account, gate_words(state, account)) for account in state.accounts)
    return "; ".join(f"{account}: {words}" for account, words in stopped if words is not None) or None


class Health:
    """What the health server tells: written by the event loop, read by other threads.

    Both fields are replaced whole, so that a reader never sees a half of an update. `now` gives seconds that never go
    back; the loop counts as alive while its last beat is younger than `stalled_after_s`.
    """

    def __init__(self, *, now: Callable[[], float], stalled_after_s: float = 10.0) -> None:
        self._now = now
        self._stalled_after_s = stalled_after_s
        self._beat_at = now()
        self._failures = _NOTHING_KNOWN

    def beat(self) -> None:
        """The loop has come round."""
        self._beat_at = self._now()

    def update(self, failures: Failures) -> None:
        """The checks that fail now."""
        self._failures = dict(failures)

    def live(self) -> tuple[bool, dict[str, str]]:
        """Whether the loop still turns, and if not, since when it does not."""
        age = self._now() - self._beat_at
        if age <= self._stalled_after_s:
            return True, {}
        return False, {"loop": f"no heartbeat for {age:.1f} s"}

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every check holds, and those that do not."""
        failing = {check.value: text for check, text in self._failures.items()}
        return not failing, failing
