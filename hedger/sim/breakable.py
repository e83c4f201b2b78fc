"""A connection of one process in a simulation: through the plan's faults, and with a bug in it where one is planted."""

from __future__ import annotations

from hedger.model.account import AccountReading
from hedger.sim.faults.venue import FaultyVenue

PLANTED = "a bug was planted in a reader"


class BreakableVenue(FaultyVenue):
    """A faulty venue whose next reading of the account can be made to fail as only a bug does."""

    broken = False

    async def read_account(self) -> AccountReading:
        """Read the account, or raise what no venue raises."""
        if self.broken:
            self.broken = False
            raise RuntimeError(PLANTED)
        return await super().read_account()
