"""`hedger replay`: decisions of a journal made again, and who made them then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hedger.app.version import VERSION
from hedger.errors import GiveUp
from hedger.runtime.journal import Journal
from hedger.runtime.replay import Replayed, Verdict, replay, replay_since


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """One decision made again. `version` is the program that made it then, `changed` if this is another one."""

    replayed: Replayed
    version: str

    @property
    def changed(self) -> bool:
        """Whether another version of the program made it, which may have decided otherwise."""
        return self.version != VERSION

    @property
    def sentence(self) -> str:
        """What came of it, for a person."""
        who = f"made by hedger {self.version} under policy {self.replayed.policy[:12]}"
        others = f"; this is hedger {VERSION}, which may decide otherwise" if self.changed else ""
        return f"decision {self.replayed.decision_id}: {self.replayed.verdict.value} ({who}{others})"

    @property
    def record(self) -> dict[str, object]:
        """The same for programs."""
        told = self.replayed
        return {
            "decision_id": told.decision_id,
            "at": told.at,
            "verdict": told.verdict.value,
            "version": self.version,
            "policy": told.policy,
            "differences": {name: list(pair) for name, pair in told.differences.items()},
        }


def replay_one(directory: Path, decision_id: int) -> Again:
    """The newest decision of that number, made again; raises GiveUp where it, or what it was made on, is not kept."""
    with closing(Journal.open(directory, read_only=True)) as journal:
        rows = journal.told("decision", str(decision_id))
        if not rows:
            raise GiveUp(f"there is no decision {decision_id} in this journal; the view and the log show their numbers")
        again = Again(replayed=replay(journal, rows[-1]), version=_versions(journal).get(rows[-1].epoch, "?"))
    if again.replayed.verdict is Verdict.NOT_KEPT:
        raise GiveUp(f"what decision {decision_id} was made on is not kept any more; `hedger explain` tells its facts")
    return again


def replay_all(directory: Path, since_at: int, tell: Callable[[Again], None]) -> Counter[Verdict]:
    """Every decision since a moment made again, the oldest first; each is told, and counted by what came of it."""
    counts: Counter[Verdict] = Counter()
    with closing(Journal.open(directory, read_only=True)) as journal:
        versions = _versions(journal)
        for replayed in replay_since(journal, since_at):
            counts[replayed.verdict] += 1
            tell(Again(replayed=replayed, version=versions.get(replayed.epoch, "?")))
    return counts


def _versions(journal: Journal) -> dict[int, str]:
    """The program's version at each epoch."""
    return {int(key): str(json.loads(body).get("version", "?")) for _, key, body in journal.rows("start")}
