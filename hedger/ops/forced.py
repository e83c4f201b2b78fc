"""What the venue's own hand closed lately: the state knows of it no longer than the step that tells it."""

from __future__ import annotations

from hedger.engine.known.state import Change, ChangeCause
from hedger.model.numeric import plain
from hedger.model.spans import HOUR_MS
from hedger.ops.figures import time_of_day

LATELY_MS = HOUR_MS  # as long as the alert looks back
MOST = 50
TAKEN = frozenset({ChangeCause.LIQUIDATION, ChangeCause.DELEVERAGING})


class ForcedCloses:
    """Remembers liquidations and deleveragings of the last hour. `lately` is replaced whole; it is empty at a start."""

    def __init__(self) -> None:
        self.lately: tuple[Change, ...] = ()

    def note(self, changes: tuple[Change, ...]) -> None:
        """Take in what one step tells."""
        taken = tuple(change for change in changes if change.cause in TAKEN)
        if taken:
            self.lately = (*self.lately, *taken)[-MOST:]

    def look(self, now: int) -> tuple[Change, ...]:
        """Those that are younger than an hour, oldest first; `now` by the program's clock, in ms."""
        self.lately = tuple(change for change in self.lately if now - change.at < LATELY_MS)
        return self.lately


def forced_words(closes: tuple[Change, ...], account: str) -> str | None:
    """The last of an account's, None where there is none."""
    of_account = [change for change in closes if change.account == account]
    if not of_account:
        return None
    last, earlier = of_account[-1], len(of_account) - 1
    before = f", {earlier} earlier within the hour" if earlier else ""
    return (
        f"the venue closed {plain(abs(last.quantity))} of {last.what} at {time_of_day(last.at)} UTC "
        f"({last.cause.value}){before}"
    )
