"""Lifting a halt: written into the journal by a person, while no hedger holds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hedger.errors import GiveUp
from hedger.runtime.clock import SystemClock
from hedger.runtime.journal import Journal, Row
from hedger.runtime.lease import Lease


def lift_halt(directory: Path, reason: str) -> str:
    """Lift the latched halt and return what it was; raises GiveUp without one, JournalError while a hedger runs.

    As when it is lifted in a running hedger, the count of futile hedges begins anew.
    """
    if not reason.strip():
        raise GiveUp("a halt is lifted only with a reason: --reason 'what was found and mended'")
    if not (directory / "journal.sqlite3").exists():
        raise GiveUp(f"{directory} has no journal, so there is nothing to lift; name the state directory of the halt")
    with Lease(directory):
        journal = Journal.open(directory)
        try:
            halted = journal.halted()
            if halted is None:
                raise GiveUp(f"{directory} is not halted, so there is nothing to lift")
            now = SystemClock().now_ms()
            memories = ((name, replace(memory, futile=0)) for name, memory in journal.memories().items())
            rows = [Row(now, "memory", name, memory) for name, memory in memories]
            journal.write([Row(now, "resume", "resume", {"reason": reason.strip()[:500]}), *rows])
        finally:
            journal.close()
    return halted
