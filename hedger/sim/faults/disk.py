"""A journal on a disk that is full, failing or slow while the plan says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row
from hedger.sim.faults.strikes import Strikes
from hedger.sim.virtual_time import VirtualEventLoop

FAILURES = ("database or disk is full", "disk I/O error", "attempt to write a readonly database")
SLOWEST_S = 5.0


class FaultyJournal(Journal):
    """A `Journal` that was told of trouble to come. Where a commit fails nothing of it is written."""

    _strikes: Strikes | None = None

    def trouble(self, strikes: Strikes) -> None:
        """From now on the disk behaves as the plan says."""
        self._strikes = strikes

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows, or raise JournalError, or take long: a slow commit stops the whole process."""
        kept = list(rows)
        strikes = self._strikes
        if kept and strikes is not None and strikes.active("P07"):
            form = strikes.variant("P07", len(FAILURES) + 1)
            if form == len(FAILURES):
                self._slowly(strikes)
            elif strikes.hits("P07", FAILURES[form]):
                raise JournalError(f"the journal cannot be written ({FAILURES[form]})")
        super().write(kept)

    def _slowly(self, strikes: Strikes) -> None:
        if strikes.hits("P07", "a slow commit"):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualEventLoop), "a slow disk needs virtual time"
            loop.pass_time(strikes.draw("P07").uniform(0.1, SLOWEST_S))
