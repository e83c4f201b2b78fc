"""A decision made again: the same step on the very facts that it was made on, compared with its row byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hedger.engine.step import step
from hedger.runtime.codec import encode
from hedger.runtime.journal import Journal, Told
from hedger.runtime.record import decision_body

_EVER = 2**62


class Verdict(StrEnum):
    """What came of making a decision again."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    NOT_KEPT = "not kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One decision made again. `recorded` and `now` are its row's JSON then and now (None: nothing was decided).

    `policy` is the digest of the policy that it was made with, empty where its input is not kept.
    """

    decision_id: int
    at: int
    epoch: int
    verdict: Verdict
    policy: str
    recorded: str
    now: str | None

    @property
    def differences(self) -> dict[str, tuple[object, object]]:
        """(then, now) of each part of the decision that is not the same."""
        if self.verdict is not Verdict.DIFFERENT:
            return {}
        then, now = json.loads(self.recorded), json.loads(self.now) if self.now is not None else {}
        names = dict.fromkeys((*then, *now))
        return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def replay(journal: Journal, row: Told) -> Replayed:
    """Make the decision of a row again; raises JournalError where its input is damaged or of another program."""
    digest = json.loads(row.body).get("input")
    facts = journal.facts(digest) if digest is not None else None
    if facts is None:
        return _replayed(row, Verdict.NOT_KEPT, "", None)
    decisions = step(facts.state, facts.stamped, facts.policy).decisions
    bodies = (encode(decision_body(d, digest)).decode() for d in decisions if str(d.decision_id) == row.key)
    now = next(bodies, None)
    verdict = Verdict.IDENTICAL if now == row.body else Verdict.DIFFERENT
    return _replayed(row, verdict, facts.policy_digest, now)


def replay_since(journal: Journal, since_at: int = 0) -> Iterator[Replayed]:
    """Make every decision since a moment again, the oldest first."""
    for row in journal.between(since_at, _EVER, ("decision",)):
        yield replay(journal, row)


def _replayed(row: Told, verdict: Verdict, policy: str, now: str | None) -> Replayed:
    return Replayed(
        decision_id=int(row.key),
        at=row.at,
        epoch=row.epoch,
        verdict=verdict,
        policy=policy,
        recorded=row.body,
        now=now,
    )
