"""What a person writes into the journal while no hedger holds it: a halt is lifted, a damaged journal set aside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hedger.engine.known.latch import Flatten
from hedger.errors import GiveUp, JournalError
from hedger.runtime.clock import SystemClock
from hedger.runtime.head import noted_head
from hedger.runtime.journal import Journal, Row, has_journal
from hedger.runtime.kill import LONGEST_REASON, KillFile, is_too_long, one_line
from hedger.runtime.lease import Lease
from hedger.runtime.migrate import files_of


def lift_halt(directory: Path, reason: str) -> str:
    """Lift the latched halt and the kill file, and return what it was.

    Raises GiveUp without either, JournalError while a hedger runs or where the kill was pressed again meanwhile.

    As when it is lifted in a running hedger, the count of futile hedges begins anew.
    """
    told = _told(reason, "a halt is lifted only with a reason: --reason 'what was found and mended'")
    kill = KillFile(directory)
    if not has_journal(directory) and not kill.exists():
        raise GiveUp(f"{directory} has no journal, so there is nothing to lift; name the state directory of the halt")
    with Lease(directory):
        killed, pressed_ns = kill.reason() if kill.exists() else None, kill.pressed_ns()
        journal = Journal.open(directory)
        try:
            journal.verify()
            halted = journal.halted() or killed
            if halted is None:
                raise GiveUp(f"{directory} is not halted, so there is nothing to lift")
            now = SystemClock().now_ms()
            memories = ((name, replace(memory, futile=0)) for name, memory in journal.memories().items())
            rows = [Row(now, "memory", name, memory) for name, memory in memories]
            journal.write([Row(now, "resume", "resume", {"reason": told}), *rows])
        finally:
            journal.close()
        if not kill.lift(pressed_ns + 1):
            raise JournalError(f"it stays halted: {kill.why_it_stays()}")
    return halted


def set_journal_aside(directory: Path, reason: str) -> Path:
    """Put a damaged journal away, whole, begin a new one in its place, and return where the old one is now.

    The new one carries on with the next epoch and keeps a latched halt, a pause and a flatten. Orders, ledgers and
    counters of the day are not carried over. Raises GiveUp without a reason or a journal, JournalError where the epoch
    cannot be read.
    """
    told = _told(reason, "a journal is set aside only with a reason: --reason 'what happened to it'")
    if not has_journal(directory):
        raise GiveUp(f"{directory} has no journal, so there is nothing to set aside")
    with Lease(directory):
        epoch, halted, paused, flattening = _what_must_stay(directory)
        now = SystemClock().now_ms()
        kept = _move_away(directory, now)
        journal = Journal.open(directory)
        try:
            halts = [] if halted is None else [Row(now, "halt", halted, {})]
            pauses = [] if paused is None else [Row(now, "operator", "pause", {"reason": paused})]
            latched = [Row(now, "flatten", name, one) for name, one in flattening.items()]
            aside = Row(now, "aside", kept.name, {"reason": told})
            journal.begin_after(epoch, [aside, *halts, *pauses, *latched])
        finally:
            journal.close()  # which notes the new journal's head in place of the old one's
    return kept


def _told(reason: str, without: str) -> str:
    """A reason as it goes into the journal. Raises GiveUp, with this sentence where there is none."""
    if not one_line(reason):
        raise GiveUp(without)
    if is_too_long(reason):
        raise GiveUp(f"the reason is longer than {LONGEST_REASON} characters: shorten it")
    return one_line(reason)


def _what_must_stay(directory: Path) -> tuple[int, str | None, str | None, dict[str, Flatten]]:
    """The last epoch (of the rows, or of the note beside them), why it is halted, why paused, and what is flattened."""
    noted = noted_head(directory)
    try:
        old = Journal.open(directory, read_only=True)
        try:
            epoch = max(old.last_epoch(), noted.epoch if noted is not None else 0)
            return epoch, old.halted(), old.paused(), old.flattening()
        finally:
            old.close()
    except JournalError as problem:
        raise JournalError(
            f"{problem}; without its last epoch order ids would be used twice, so if there is no copy to restore, move "
            "it away by hand and give the hedger another `bot`"
        ) from None


def _move_away(directory: Path, now: int) -> Path:
    """The note of how far it had come stays: where nothing comes after this (a power cut, a full disk), the next start
    finds no journal to it, and begins halted in an unused epoch."""
    kept = directory / f"journal.aside-{now}.sqlite3"
    for old, new in zip(files_of(directory / "journal.sqlite3"), files_of(kept), strict=True):
        if old.exists():
            old.rename(new)
    return kept
