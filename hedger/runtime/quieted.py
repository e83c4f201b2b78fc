"""What venues asked of earlier starts, as the journal has it: quiet outlives the process that was asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from hedger.errors import JournalError
from hedger.model.message import VenueQuieted
from hedger.runtime.journal import Journal, Row
from hedger.runtime.ports import Venue

KIND = "quiet"
_QUIETED = TypeAdapter(VenueQuieted)


def quiet_row(now: int, event: VenueQuieted) -> Row:
    """A ban and a pause are remembered apart: the end of one is not the end of the other."""
    return Row(now, KIND, f"{event.account}/{'ban' if event.banned else 'pause'}", event)


def remembered_quiet(journal: Journal) -> tuple[VenueQuieted, ...]:
    """The last ban and the last pause of each account; those that are over are among them. Raises JournalError."""
    try:
        return tuple(_QUIETED.validate_json(body) for body in journal.latest(KIND).values())
    except ValidationError:
        raise JournalError("the journal's rows of quiet cannot be understood; restore it") from None


def recover_quiet(journal: Journal, venues: Mapping[str, Venue], now: int) -> None:
    """Tell each venue, before it is opened, what it asked of an earlier start.

    It lasts no longer from now on than it did when it was asked for: the clock may have been set back since.
    """
    asked_at = {key: at for at, key, _ in journal.rows(KIND)}
    for asked in remembered_quiet(journal):
        lasts_until = now + asked.until_at - asked_at[quiet_row(now, asked).key]
        if lasts_until < asked.until_at:
            asked = replace(asked, until_at=lasts_until)
            journal.write([quiet_row(now, asked)])  # or each start would begin it anew
        if asked.account in venues:
            venues[asked.account].keep_quiet(asked.until_at, banned=asked.banned)
