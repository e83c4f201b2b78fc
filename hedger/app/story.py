"""A decision's story, gathered from the journal: what it came from is in its row, what came of it in later ones."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from hedger.errors import GiveUp, JournalError
from hedger.ops.explain import Story
from hedger.runtime.journal import Journal

NEARBY_MS = 300_000
NEARBY = ("start", "stop", "halt", "resume", "operator", "change")


def story_of(directory: Path, decision_id: int) -> Story:
    """The story of the newest decision of that number; raises GiveUp where there is none, JournalError."""
    with closing(Journal.open(directory, read_only=True)) as journal:
        rows = journal.told("decision", str(decision_id))
        if not rows:
            raise GiveUp(f"there is no decision {decision_id} in this journal; the view and the log show their numbers")
        decision = json.loads(rows[-1].body)
        if not isinstance(decision, dict) or not {"at", "hedge", "action", "reason"} <= decision.keys():
            raise JournalError(f"{directory}: decision {decision_id} cannot be read: it is not what a hedger writes")
        order_id = (decision.get("order") or {}).get("client_order_id")
        later = [row for row in journal.told("order", order_id) if row.seq > rows[-1].seq] if order_id else []
        fills = journal.between(decision["at"], later[-1].at, ("fill",)) if later else []
        executed = [fill for fill in (json.loads(row.body) for row in fills) if fill["client_order_id"] == order_id]
        nearby = journal.between(decision["at"] - NEARBY_MS, decision["at"] + NEARBY_MS, NEARBY)
    return Story(
        decision=decision,
        life=[(row.at, json.loads(row.body)) for row in later],
        fills=executed,
        nearby=[(row.at, row.kind, row.key, json.loads(row.body)) for row in nearby],
    )
